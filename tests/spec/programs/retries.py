"""Functions that fail at first, and what their callers see of it.

The word on the command line is a directory for counts.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Iterator

import chalkcompute
from chalkcompute import RetryPolicy, get_call_context
from chalkcompute.errors import CallTimeoutError, RemoteError, StreamDivergedError

SOON = RetryPolicy.linear(attempts=3, delay=0.05)
#: Chunks.
MANY = 150
FIRST = RetryPolicy.exponential(attempts=2, initial=0.05, retry_on=(ConnectionError,))


class FlakyError(Exception):
    """One that is worth another try."""


OWN = RetryPolicy.linear(attempts=2, delay=0.05, retry_on=(FlakyError,))


def note(path: str, line: str) -> int:
    """Add a line to a file; return how many it has."""
    with open(path, "a") as file:
        file.write(line + "\n")
    with open(path) as file:
        return len(file.readlines())


@chalkcompute.function(retries=SOON)
def flaky(path: str, failures: int) -> tuple[int, int]:
    """Fail so many times; return executions and the attempt that this is."""
    count = note(path, f"{time.time()}")
    attempt = get_call_context().attempt
    if count <= failures:
        note(path + ".failed", f"{time.time()}")
        raise ValueError(f"execution {count}")
    return count, attempt


@chalkcompute.function(retries=1)
def shorthand(path: str) -> int:
    """Fail once."""
    if note(path, "x") == 1:
        raise ValueError("the first time")
    return get_call_context().attempt


@chalkcompute.function(retries=FIRST)
async def picky(path: str) -> str:
    """Fail with what is repeated, then with what is not."""
    note(path, "x")
    await asyncio.sleep(0)
    if get_call_context().attempt == 0:
        raise ConnectionResetError("repeated")
    raise KeyError("not repeated")


@chalkcompute.function(retries=OWN)
async def own_error(path: str) -> int:
    """Fail with an exception of the script's own, once."""
    if note(path, "x") == 1:
        raise FlakyError("once")
    return get_call_context().attempt


@chalkcompute.function(retries=SOON)
def brittle(path: str, same: bool) -> Iterator[int]:
    """Yield more numbers than a window has, fail, and yield them again with two more."""
    again = note(path, "x") > 1
    for number in range(MANY):
        yield number if same or not again else number + 10
    if not again:
        raise ValueError("in the middle")
    yield MANY
    yield MANY + 1


@chalkcompute.function(retries=SOON, options={"divergence": "allow"})
async def loose(path: str):
    """Do as `brittle` does, with other numbers each time, where that is allowed."""
    again = note(path, "x") > 1
    for number in range(3):
        yield number + 10 * again
    if not again:
        raise ValueError("in the middle")
    yield 13


@chalkcompute.function(retries=SOON, timeout=0.3)
def dawdle(path: str) -> int:
    """Take too long, once."""
    if note(path, "x") == 1:
        time.sleep(60)
    return get_call_context().attempt


@chalkcompute.function(retries=RetryPolicy.linear(delay=0.0, retry_on=(ValueError,)), timeout=0.2)
def dawdle_for_good(path: str) -> None:
    """Take too long, where that is no reason to try again."""
    note(path, "x")
    time.sleep(60)


@chalkcompute.function
def above_flaky(path: str) -> int:
    """Call what fails for good; return the attempt that its error names."""
    try:
        flaky(path, 9)
    except RemoteError as error:
        return error.attempt
    return -1


def main(folder: str) -> None:
    """Say what comes back."""

    def path(name: str) -> str:
        return os.path.join(folder, name)

    print("flaky", *flaky(path("flaky"), 2))
    try:
        flaky(path("never"), 9)
    except RemoteError as error:
        print("given up:", error, "attempt", error.attempt)
    print("above", above_flaky(path("above")))
    print("shorthand", shorthand(path("shorthand")))
    try:
        picky(path("picky"))
    except RemoteError as error:
        print("picky:", error, "attempt", error.attempt)
    print("own", own_error(path("own")))
    print("brittle", list(brittle(path("same"), True)) == list(range(MANY + 2)))
    try:
        heard = 0
        for heard in brittle(path("differs"), False):  # noqa: B007 - how far it came
            pass
    except StreamDivergedError as error:
        print("diverged:", error, "after", heard)
    print("loose", *loose(path("loose")))
    print("dawdle", dawdle(path("dawdle")))
    try:
        dawdle_for_good(path("dawdle_for_good"))
    except CallTimeoutError as error:
        print("timed out:", error, "attempt", error.attempt)


if __name__ == "__main__":
    main(sys.argv[1])
