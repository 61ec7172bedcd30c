"""What is to be done for the steps of an image."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnq.v1 import spec_pb2
from fnq_server.image.environments.recipe import Asked, Recipe, parse_base, read
from fnq_wire.error import ImageBuildError

SLIM = ("base", "python:3.12-slim")


def recipe(*steps: tuple[str, ...]) -> Recipe:
    """Return the recipe of steps, each a verb and its arguments."""
    return read([spec_pb2.ImageStep(verb=verb, arguments=rest) for verb, *rest in steps])


@pytest.mark.parametrize(
    ("reference", "asked"),
    [
        ("python:3.12-slim", Asked(12)),
        ("python:3.12", Asked(12)),
        ("python:3.11.7-slim-bookworm", Asked(11, 7)),
        ("docker.io/library/python:3.13-alpine", Asked(13)),
        ("library/python:3.14-rc-slim", Asked(14)),
        ("python:3.14rc2", Asked(14)),
        ("python:3-slim", Asked()),
        ("python", Asked()),
        ("python:slim-bookworm", Asked()),
        ("python:latest", Asked()),
        (f"python:3.12-slim@sha256:{'ab' * 32}", Asked(12)),
    ],
)
def test_a_base_says_which_python_is_asked_for(reference: str, asked: Asked) -> None:
    """However it names the image of that Python."""
    assert parse_base(reference) == asked


@pytest.mark.parametrize(
    "reference",
    ["ubuntu:24.04", "python:2.7", "ghcr.io/me/python:3.12", "nvidia/cuda:12", "pythonx:3.12"],
)
def test_a_base_that_is_no_python_is_refused_with_the_remedy(reference: str) -> None:
    """It names what was asked for, what can be, and who can do it."""
    with pytest.raises(ImageBuildError, match=reference) as caught:
        recipe(("base", reference))
    assert "FNQ_BUILDER=docker" in str(caught.value)


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        ([("dockerfile", "FROM scratch")], "step 1/1 dockerfile FROM scratch: lines of"),
        ([SLIM, ("dockerfile_commands", "USER me")], "step 2/2 dockerfile_commands USER me: "),
        ([SLIM, ("base", "python:3.11")], "step 2/2 base python:3.11: an image begins with"),
    ],
)
def test_what_an_environment_cannot_be_is_refused(steps: list[tuple[str, ...]], text: str) -> None:
    """The step is named."""
    with pytest.raises(ImageBuildError) as caught:
        recipe(*steps)
    assert str(caught.value).startswith(text)


@pytest.mark.parametrize(
    ("step", "title"),
    [
        (("pip", "cowsay==6.1", "-U"), "pip install cowsay==6.1 -U"),
        (("pip", "-r", "# two\nhttpx\n\nrich\n"), "pip install -r (2 requirements)"),
        (("pip", "--index-url", "https://a:b@h/"), "pip install --index-url https://***@h/"),
        (("apt", "git", "curl"), "apt install git curl"),
        (("run", "echo 1\necho 2", "ls"), "echo 1 echo 2 && ls"),
        (("env", "TOKEN=hunter2", "A=1"), "env TOKEN A"),
        (("add_file", "/etc/x.conf", "ab" * 32), "add file /etc/x.conf"),
        (("workdir", "/app"), "workdir /app"),
        (("run", "x" * 200), "x" * 79 + "…"),
    ],
)
def test_a_step_is_told_in_one_short_line(step: tuple[str, ...], title: str) -> None:
    """With its place among all; values of variables and passwords are not told."""
    assert recipe(SLIM, step).steps[1].title == f"step 2/2 {title}"


def test_what_concerns_the_whole_is_gathered() -> None:
    """The last entrypoint counts, all files and Debian packages do."""
    found = recipe(
        SLIM,
        ("entrypoint", "nice"),
        ("add_dir", "/a", "aa"),
        ("apt", "git"),
        ("entrypoint", "nice", "-n", "5"),
        ("add_file", "/b", "bb"),
    )
    assert found.python == Asked(12)
    assert found.entrypoint == ("nice", "-n", "5")
    assert found.files == ("aa", "bb")


STEPS = st.lists(
    st.tuples(st.sampled_from(["pip", "run", "env"]), st.sampled_from(["a", "b=1", "a b"])),
    max_size=3,
)


@given(STEPS, STEPS)
def test_equal_steps_have_an_equal_key_and_others_another(
    one: list[tuple[str, ...]], two: list[tuple[str, ...]]
) -> None:
    """So has each Python that they are done with."""
    first, second = recipe(SLIM, *one), recipe(SLIM, *two)
    assert (first.key("3.12") == second.key("3.12")) == (one == two)
    assert first.key("3.12") != first.key("3.13")
