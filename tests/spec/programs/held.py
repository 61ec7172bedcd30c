"""Calls that are held, each by something else; says by what."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

import chalkcompute
from chalkcompute import Call, RetryPolicy

#: Seconds after which a reason that was expected is not waited for any more.
PATIENCE_S = 20


def stay(gate: str) -> str:
    """Wait until the gate is open."""
    while not Path(gate).exists():
        time.sleep(0.01)
    return "through"


@chalkcompute.function
def held_in_line(gate: str) -> str:
    """Run one at a time."""
    return stay(gate)


@chalkcompute.function(max_batching_size=100, max_buffer_duration=60_000)
def held_for_batch(numbers: list[int]) -> list[int]:
    """Wait for a minute for others."""
    return numbers


@chalkcompute.function(rate_limit_key="spec-held")
async def held_by_limit(gate: str) -> str:
    """Hold the one permit."""
    return stay(gate)


@chalkcompute.function(retries=RetryPolicy.linear(attempts=3, delay=60.0))
def held_until_due() -> None:
    """Fail each time."""
    raise ValueError("not yet")


def reason(call: Call, expected: str) -> str:
    """Return what holds a call once it is that; what it says in the end if it never is."""
    until = time.monotonic() + PATIENCE_S
    while True:
        found = call.status().reason
        if re.search(expected, found) or time.monotonic() > until:
            return re.sub(r"\d+\.\d", "N", found)
        time.sleep(0.02)


def main(gate: str) -> None:
    """Have calls held, say by what, and let go of them."""
    for each in (held_in_line, held_for_batch, held_by_limit, held_until_due):
        each.wait_ready()
    first = held_in_line.spawn(gate)
    reason(first, "it runs on")
    second, third = held_in_line.spawn(gate), held_in_line.spawn(gate)
    batched, due = held_for_batch.spawn(1), held_until_due.spawn()
    permitted = held_by_limit.spawn(gate)
    reason(permitted, "it runs on")
    limited = held_by_limit.spawn(gate)
    print(reason(first, "it runs on"))
    print(reason(second, "before it"))
    print(reason(third, "1 call waits before it"))
    print(reason(batched, "gathered"))
    print(reason(limited, "permit"))
    print(reason(due, "attempt 2"))
    due.cancel()
    batched.cancel()
    Path(gate).touch()
    print(*[each.get() for each in (first, second, third, permitted, limited)])
    print(due.status().reason)


if __name__ == "__main__":
    main(sys.argv[1])
