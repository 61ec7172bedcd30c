"""The error tree, and its public face."""

from __future__ import annotations

import copy

import pytest

from chalkcompute import errors
from fnq_wire import error

ALL = [getattr(error, name) for name in error.__all__]
FITTING = {
    "CallTimeoutError": TimeoutError,
    "NotReadyError": TimeoutError,
    "ConnectionLostError": ConnectionError,
    "DiscoveryError": errors.ConnectionLostError,
    "AuthError": PermissionError,
    "SerializationError": TypeError,
    "ExpressionError": ValueError,
    "PayloadTooLargeError": ValueError,
    "NotFoundError": LookupError,
    "ResultExpiredError": LookupError,
    "NestingTooDeepError": RecursionError,
    "ImageBuildError": errors.DeployError,
}


@pytest.mark.parametrize("kind", ALL)
def test_every_error_can_be_caught_as_one_and_as_a_builtin(kind: type[error.FnqError]) -> None:
    """By the base, as a RuntimeError, and as the builtin that fits."""
    assert issubclass(kind, error.FnqError)
    assert issubclass(kind, RuntimeError)
    assert issubclass(kind, FITTING.get(kind.__name__, RuntimeError))


@pytest.mark.parametrize("kind", ALL)
def test_every_error_says_its_text_and_keeps_its_facts(kind: type[error.FnqError]) -> None:
    """Copies too; a builtin base takes nothing away."""
    one = kind("what came", call_id="01", function="f", attempt=3, detail={"size": "7"})
    for each in (one, copy.copy(one)):
        assert str(each) == "what came"
        assert (each.call_id, each.function, each.attempt) == ("01", "f", 3)
        assert each.detail == {"size": "7"}


@pytest.mark.parametrize("kind", ALL)
def test_every_error_can_be_raised_bare(kind: type[error.FnqError]) -> None:
    """Facts have defaults that say: no call is concerned."""
    one = kind("x")
    assert (one.call_id, one.function, one.attempt, one.detail) == ("", "", 0, {})


def test_the_public_face_has_all_of_them() -> None:
    """Under the same names, and they say that they live there."""
    assert errors.__all__ == error.__all__ == sorted(error.__all__)
    for name in error.__all__:
        assert getattr(errors, name) is getattr(error, name)
        assert getattr(errors, name).__module__ == "chalkcompute.errors"


def test_the_tree_is_drawn_as_it_is() -> None:
    """Every class stands in the docstring, and only they."""
    drawn = [
        line.split("──")[-1].split()[0]
        for line in (error.__doc__ or "").splitlines()
        if "─" in line
    ]
    assert sorted([*drawn, "FnqError"]) == error.__all__
