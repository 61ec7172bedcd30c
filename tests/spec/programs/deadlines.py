"""Calls with a deadline: what they and those below them see, and how they end."""

from __future__ import annotations

import time

import chalkcompute
from chalkcompute import RetryPolicy, get_call_context
from chalkcompute.errors import CallTimeoutError, RemoteError


@chalkcompute.function
def leaf(seconds: float) -> float | None:
    """Sleep; return the seconds that are left."""
    time.sleep(seconds)
    return get_call_context().remaining()


@chalkcompute.function
def branch(before: float, below: float) -> tuple[float | None, float | None]:
    """Sleep, and return what is left here and what the call below had left."""
    time.sleep(before)
    return get_call_context().remaining(), leaf(below)


@chalkcompute.function(retries=RetryPolicy.linear(attempts=5, delay=1.0))
def hopeless() -> None:
    """Fail each time."""
    raise ValueError(f"attempt {get_call_context().attempt}")


def main() -> None:
    """Say what comes back."""
    print("free", *branch(0.0, 0.0))
    here, below = branch.options(deadline=20)(0.3, 0.3)
    assert here is not None
    assert below is not None
    print("inherited", 19.0 < here < 19.75, 18.5 < below < here - 0.25)
    began = time.monotonic()
    try:
        branch.options(deadline=0.5)(0.0, 60.0)
    except CallTimeoutError as error:
        print("over:", error, "|", time.monotonic() - began < 3)
    print("goes on", leaf.options(deadline=20)(0.0) is not None)
    began = time.monotonic()
    try:
        hopeless.options(deadline=1.8)()
    except RemoteError as error:
        print("no time for more:", error, "attempt", error.attempt)
    print("at once", time.monotonic() - began < 1.7)


if __name__ == "__main__":
    for each in (leaf, branch, hopeless):
        each.wait_ready()
    main()
