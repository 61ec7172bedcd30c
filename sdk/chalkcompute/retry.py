"""When a failed invocation is tried again."""

from __future__ import annotations

import math
from dataclasses import dataclass

from chalkcompute.runtime import refuse

__all__ = ["RetryPolicy"]

#: Executions after the first; the wire has 32 bits, sense has fewer.
_MAX_ATTEMPTS = 10_000


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often, how soon and after what a handler runs again.

    Made by `exponential` or `linear`. There are up to `attempts` executions after the
    first. The n-th wait is `initial * multiplier**n` seconds, with `jitter` times
    something random, evenly from half to one and a half, and never above `max_wait`; it
    takes no worker. An exception that is none of `retry_on` fails the call at once, as
    does a wait that would end after the call's deadline. A `timeout` is repeated where
    `CallTimeoutError` is one of `retry_on`. Lost workers have a budget of their own.
    """

    attempts: int
    initial: float
    multiplier: float
    max_wait: float
    jitter: bool
    retry_on: tuple[type[BaseException], ...]

    def __post_init__(self) -> None:
        _check_count("attempts", self.attempts)
        _check_number("initial", self.initial, 0.0)
        _check_number("multiplier", self.multiplier, 1.0)
        _check_number("max_wait", self.max_wait, 0.0)
        if not isinstance(self.jitter, bool):
            refuse(TypeError(f"jitter: expected True or False, not {self.jitter!r}"))
        _check_exceptions(self.retry_on)

    @classmethod
    def exponential(
        cls,
        attempts: int = 3,
        initial: float = 1.0,
        multiplier: float = 2.0,
        max_wait: float = 60.0,
        jitter: bool = True,
        retry_on: tuple[type[BaseException], ...] = (Exception,),
    ) -> RetryPolicy:
        """Wait `initial`, `initial * multiplier`, ... seconds, at most `max_wait`."""
        return cls(attempts, initial, multiplier, max_wait, jitter, retry_on)

    @classmethod
    def linear(
        cls,
        attempts: int = 3,
        delay: float = 1.0,
        jitter: bool = False,
        retry_on: tuple[type[BaseException], ...] = (Exception,),
    ) -> RetryPolicy:
        """Wait `delay` seconds before each retry."""
        _check_number("delay", delay, 0.0)
        return cls(attempts, delay, 1.0, delay, jitter, retry_on)

    @classmethod
    def of(cls, retries: object) -> RetryPolicy | None:
        """Return the policy for the argument `retries`: an int is exponential, None is none."""
        if retries is None or isinstance(retries, cls):
            return retries
        if isinstance(retries, int) and not isinstance(retries, bool):
            _check_count("retries", retries)
            return cls.exponential(attempts=retries)
        raise TypeError(
            f"retries: expected a number of attempts or a RetryPolicy, not {retries!r} "
            f"({type(retries).__name__})"
        )


def _check_count(name: str, attempts: object) -> None:
    if not isinstance(attempts, int) or isinstance(attempts, bool):
        refuse(TypeError(f"{name}: expected an int, not {attempts!r} ({type(attempts).__name__})"))
    elif not 0 <= attempts <= _MAX_ATTEMPTS:
        refuse(ValueError(f"{name}: expected 0 to {_MAX_ATTEMPTS}, not {attempts}"))


def _check_number(name: str, value: object, least: float) -> None:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        refuse(TypeError(f"{name}: expected a number, not {value!r} ({type(value).__name__})"))
    elif not math.isfinite(value) or value < least:
        refuse(ValueError(f"{name}: expected at least {least:g}, not {value!r}"))


def _check_exceptions(retry_on: object) -> None:
    if not isinstance(retry_on, tuple):
        refuse(TypeError(f"retry_on: expected a tuple of exception classes, not {retry_on!r}"))
        return
    for kind in retry_on:
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            refuse(TypeError(f"retry_on: expected exception classes, not {kind!r}"))
