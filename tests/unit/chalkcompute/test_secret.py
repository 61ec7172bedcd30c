"""References to secrets."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chalkcompute import Secret


def test_a_secret_is_kept_on_the_server_by_default() -> None:
    """Secret("X") and Secret.from_env("X") are the same reference."""
    assert Secret("HF_TOKEN") == Secret.from_env("HF_TOKEN")
    assert Secret("HF_TOKEN").source == "env"


def test_each_source_has_its_name() -> None:
    """The other two ways to name one are told apart."""
    assert Secret.from_integration("prod_postgres").source == "integration"
    assert Secret.from_local_env("TOKEN").source == "local_env"


def test_a_value_in_place_of_a_name_is_not_shown() -> None:
    """The error does not repeat what may be the secret itself."""
    with pytest.raises(ValueError, match="not its value") as problem:
        Secret("sk-hunter2/=")
    assert "hunter2" not in str(problem.value)


def test_a_name_of_another_type_is_refused() -> None:
    """A name is text."""
    with pytest.raises(TypeError, match="expected the name of an environment variable"):
        Secret(3)  # type: ignore[arg-type]


@pytest.mark.parametrize("make", [Secret.from_env, Secret.from_local_env])
def test_what_says_how_a_worker_runs_is_no_secret(make: Callable[[str], Secret]) -> None:
    """A group of variables may be called so: it is none itself."""
    with pytest.raises(ValueError, match="it says how a worker itself runs"):
        make("PYTHONPATH")
    assert Secret.from_integration("PATH").name == "PATH"
