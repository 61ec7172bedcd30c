"""Calls of which each waits until all of them run; all but the first are made once they may be."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import chalkcompute

CALLS = 4


@chalkcompute.function(max_replicas=CALLS, suspend_cooldown_period=2)
def crowd(folder: str, name: int) -> int:
    """Leave a mark; return once all have."""
    Path(folder, f"{name}.mark").touch()
    while len(list(Path(folder).glob("*.mark"))) < CALLS:
        time.sleep(0.02)
    return name


calls = [crowd.spawn(sys.argv[1], 0)]
while not Path(sys.argv[1], "go").exists():
    time.sleep(0.02)
calls += [crowd.spawn(sys.argv[1], number) for number in range(1, CALLS)]
print(sorted(call.get() for call in calls))
