"""What may name an environment variable."""

from __future__ import annotations

import pytest

from fnq_wire.variable import is_group, is_reserved, is_variable


@pytest.mark.parametrize("name", ["A", "_", "path_2"])
def test_a_name_that_every_shell_takes_is_one(name: str) -> None:
    """Letters, digits and underscores."""
    assert is_variable(name)


@pytest.mark.parametrize("name", ["", "2A", "A B", "A=B", "A\n", "Ä", None, b"A"])
def test_anything_else_is_none(name: object) -> None:
    """Also what only some systems would take, and what is no text."""
    assert not is_variable(name)


@pytest.mark.parametrize("name", ["PATH", "FNQ_TOKEN", "LD_PRELOAD", "DYLD_X", "PYTHONPATH"])
def test_what_says_how_a_worker_runs_is_reserved(name: str) -> None:
    """No secret may be called so."""
    assert is_reserved(name)


@pytest.mark.parametrize("name", ["REDIS_URL", "HTTPS_PROXY", "PATHS", "MY_PATH", "OLD_X", "HOME"])
def test_what_only_user_code_looks_at_is_not(name: str) -> None:
    """Also what an agent would heed, which never has it under that name."""
    assert not is_reserved(name)


@pytest.mark.parametrize("name", ["pg", "prod.pg-1", "_", "x" * 128])
def test_a_group_has_a_name_of_letters_and_a_few_signs(name: str) -> None:
    """At most 128."""
    assert is_group(name)
    assert not any(map(is_group, ("", f"{name} x", ".x", "x" * 129, None)))
