"""Three calls of which one runs until it may end, for others to look at."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import chalkcompute
from chalkcompute.errors import FnqError


@chalkcompute.function(name="linger")
def linger(gate: str) -> str:
    """Say that it runs, and return once the gate is open."""
    print("it lingers", flush=True)
    while not Path(gate).exists():
        time.sleep(0.01)
    return "through"


def outcome(gate: str) -> str:
    """Call, and return what came of it."""
    try:
        return linger(gate)
    except FnqError as problem:
        return f"{type(problem).__name__}: {problem}"


if __name__ == "__main__":
    linger.wait_ready()
    print("begun", flush=True)
    with ThreadPoolExecutor(3) as pool:
        print("\n".join(sorted(pool.map(outcome, [sys.argv[1]] * 3))))
