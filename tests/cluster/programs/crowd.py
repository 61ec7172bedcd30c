"""Calls of which each waits until all of them run: each needs a worker of its own."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import chalkcompute

CALLS = 3


@chalkcompute.function(max_replicas=CALLS, suspend_cooldown_period=2)
def crowd(folder: str, name: int) -> int:
    Path(folder, str(name)).touch()
    while len(list(Path(folder).iterdir())) < CALLS:
        time.sleep(0.02)
    return name


calls = [crowd.spawn(sys.argv[1], number) for number in range(CALLS)]
print(sorted(call.get() for call in calls))
