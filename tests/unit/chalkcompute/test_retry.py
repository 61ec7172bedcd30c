"""Retry policies as the specification describes them."""

from __future__ import annotations

from typing import Any

import pytest

from chalkcompute import RetryPolicy


def test_exponential_has_the_defaults_of_the_specification() -> None:
    """Three attempts, 1 s doubled up to 60 s, with jitter, on any Exception."""
    assert RetryPolicy.exponential() == RetryPolicy(3, 1.0, 2.0, 60.0, True, (Exception,))


def test_linear_has_the_defaults_of_the_specification() -> None:
    """Three attempts, 1 s each, without jitter, on any Exception."""
    assert RetryPolicy.linear() == RetryPolicy(3, 1.0, 1.0, 1.0, False, (Exception,))


def test_an_int_is_exponential() -> None:
    """A number of attempts has the default backoff; None is no policy."""
    assert RetryPolicy.of(5) == RetryPolicy.exponential(attempts=5)
    assert RetryPolicy.of(None) is None


@pytest.mark.parametrize(
    ("arguments", "kind", "text"),
    [
        ({"attempts": -1}, ValueError, "attempts"),
        ({"attempts": 1.5}, TypeError, "attempts"),
        ({"attempts": True}, TypeError, "attempts"),
        ({"initial": -0.1}, ValueError, "initial"),
        ({"initial": "1"}, TypeError, "initial"),
        ({"multiplier": 0.5}, ValueError, "multiplier"),
        ({"max_wait": float("inf")}, ValueError, "max_wait"),
        ({"jitter": 1}, TypeError, "jitter"),
        ({"retry_on": ValueError}, TypeError, "a tuple of exception classes"),
        ({"retry_on": (int,)}, TypeError, "exception classes"),
    ],
)
def test_a_bad_policy_is_refused(
    arguments: dict[str, Any], kind: type[Exception], text: str
) -> None:
    """The error names the parameter and what is expected."""
    with pytest.raises(kind, match=text):
        RetryPolicy.exponential(**arguments)


def test_a_bad_delay_is_refused_by_its_name() -> None:
    """The error of a linear policy speaks of delay, not of what it becomes."""
    with pytest.raises(ValueError, match="delay: expected at least 0, not -1"):
        RetryPolicy.linear(delay=-1)


def test_retries_of_another_type_are_refused() -> None:
    """Neither a number nor a policy is a TypeError."""
    with pytest.raises(TypeError, match="retries: expected a number of attempts or a RetryPolicy"):
        RetryPolicy.of("3")
