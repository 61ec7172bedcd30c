"""Errors of functions, as their callers see them."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator, Callable, Iterator

import chalkcompute
from chalkcompute.errors import RemoteError


class BadWeatherError(Exception):
    """An error of the script's own."""


@chalkcompute.function
def divide(a: int, b: int) -> float:
    """Divide, as in the specification."""
    return a / b


@chalkcompute.function
async def fragile_gen() -> AsyncIterator[str]:
    """Fail in the middle of a stream, as in the specification."""
    yield "ok-1"
    yield "ok-2"
    raise ValueError("something went wrong")


@chalkcompute.function
def fragile() -> Iterator[str]:
    """Fail in the middle of a plain stream."""
    yield "ok-1"
    raise KeyError("key")


@chalkcompute.function
async def storm() -> None:
    """Raise an error of its own, from another."""
    try:
        {"sun": 1}["clouds"]
    except KeyError as problem:
        raise BadWeatherError("rain, and more rain") from problem


@chalkcompute.function
def silent() -> None:
    """Raise an error without text."""
    raise LookupError


@chalkcompute.function
async def above() -> float:
    """Pass on the error of a nested call."""
    return divide(1, 0)


@chalkcompute.function
async def caught() -> str:
    """Take the error of a nested call, and live."""
    try:
        divide(1, 0)
    except RuntimeError as problem:
        return f"caught {problem}"
    return "not raised"


def told(call: Callable[[], object]) -> RemoteError:
    """Print the error that a call ends with, and return it."""
    try:
        value = call()
    except RuntimeError as problem:
        print(problem)
        if isinstance(problem, RemoteError):
            return problem
        raise
    raise AssertionError(f"returned {value!r}")


divide.wait_ready()
error = told(lambda: divide(1, 0))
print(error.exception_type, "|", error.message, "|", error.function, "|", error.attempt)
print("id", len(error.call_id))
remote = error.remote_traceback
assert "in divide" in remote, remote
assert "return a / b" in remote, remote
assert "fnq_runner" not in remote, remote
shown = "".join(traceback.format_exception(error))
print("shown", "Remote traceback" in shown, "return a / b" in shown)

for item in (stream := fragile_gen()):
    print(item)
    if item == "ok-2":
        break
for generator in (fragile_gen, fragile):
    received: list[str] = []
    told(lambda: received.extend(generator()))  # noqa: B023 - called at once
    print(received)
told(lambda: asyncio.run(divide.aio(1, 0)))
chained = told(storm).remote_traceback
print("chain", "KeyError" in chained, "direct cause" in chained)
told(silent)
nested = told(above).remote_traceback
print("both sides", "in above" in nested, "in divide" in nested)
print(caught())
print(divide(6, 3))
