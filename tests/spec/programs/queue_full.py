"""A queue that is full, for calls of each form; the word is a file that opens the gate."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import chalkcompute
from chalkcompute import QueueFullError

#: Seconds within which a refusal comes: it waits for nothing.
AT_ONCE_S = 1.0


@chalkcompute.function(max_queue=3)
def crowded(gate: str) -> str:
    """Wait until the gate is open."""
    while not Path(gate).exists():
        time.sleep(0.01)
    return "through"


def refused(ask: Callable[[], Any]) -> str:
    """Return how a call was refused, and whether at once."""
    began = time.monotonic()
    try:
        found = ask()
    except QueueFullError as problem:
        row = problem.row
        return f"{time.monotonic() - began < AT_ONCE_S} row {row} {problem}"
    return f"not refused: {found}"


def main(gate: str) -> None:
    """Fill the queue, and call in each way; then let all go."""
    crowded.wait_ready()
    calls = [crowded.spawn(gate) for _ in range(3)]
    print(*[call.status().state in ("queued", "running") for call in calls])
    print("call", refused(lambda: crowded(gate)))
    spawned = crowded.spawn(gate)
    print("spawn", refused(spawned.get), spawned.status().state)
    print("map", refused(lambda: list(crowded.map([gate] * 5))))
    kept = list(crowded.map([gate] * 5, return_exceptions=True))
    print("kept", {type(each).__name__ for each in kept}, [each.row for each in kept])
    Path(gate).touch()
    print(*[call.get() for call in calls], crowded(gate))


if __name__ == "__main__":
    main(sys.argv[1])
