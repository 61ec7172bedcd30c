"""Functions whose number of workers follows their calls.

The words on the command line say what to do, and a directory for marks.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import chalkcompute
from chalkcompute import RetryPolicy

#: Calls that must run at once.
STEP = 8


def wait_for(path: Path, count: int) -> None:
    """Return once a directory has so many marks."""
    while len(list(path.iterdir())) < count:
        time.sleep(0.01)


@chalkcompute.function(suspend_cooldown_period=0.5)
def brief() -> int:
    """Return whose process it was."""
    return os.getpid()


@chalkcompute.function(max_replicas=STEP, suspend_cooldown_period=2)
def crowd(folder: str, name: str) -> float:
    """Wait for all others; return when it began."""
    began = time.time()
    Path(folder, name).touch()
    wait_for(Path(folder), STEP)
    return began


@chalkcompute.function(max_replicas=2, suspend_cooldown_period=2)
def pair() -> int:
    """Take a while; return whose process it was."""
    time.sleep(0.4)
    return os.getpid()


@chalkcompute.function(min_replicas=2, max_replicas=2, suspend_cooldown_period=0)
def kept() -> int:
    """Return whose process it was."""
    return os.getpid()


@chalkcompute.function(max_replicas=3, suspend_cooldown_period=0.5)
def held(folder: str, name: str) -> str:
    """Leave a mark, and run until there is another one that lets it end."""
    with Path(folder, f"{name}.begun").open("a") as file:
        file.write(f"{os.getpid()}\n")
    while not Path(folder, f"{name}.end").exists():
        time.sleep(0.01)
    return name


@chalkcompute.function(
    suspend_cooldown_period=0.5, retries=RetryPolicy.linear(attempts=1, delay=8.0)
)
def again(folder: str) -> int:
    """Fail once; return how often it was tried."""
    mark = Path(folder, "tried")
    if not mark.exists():
        mark.touch()
        raise ValueError("the first time")
    return 2


verb, *words = sys.argv[1:]
if verb == "brief":
    print(brief())
elif verb == "crowd":
    started = time.time()
    calls = [crowd.spawn(words[0], str(number)) for number in range(STEP)]
    begun = sorted(call.get() - started for call in calls)
    print(begun[0], begun[-1])
elif verb == "pair":
    calls = [pair.spawn() for _ in range(8)]
    print(len({call.get() for call in calls}))
elif verb == "kept":
    kept.wait_ready()
elif verb == "held":
    calls = [held.spawn(words[0], name) for name in ("a", "b", "c")]
    print(*(call.get() for call in calls))
elif verb == "again":
    print(again(words[0]))
