"""Maps whose rows kill the worker that runs them, or take too long."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import chalkcompute

FOLDER = Path(sys.argv[1])


@chalkcompute.function
def die_once(folder: str, n: int) -> int:
    """Kill the worker that runs it, the first time that it comes to row 4,000."""
    if n == 4_000:
        try:
            Path(folder, "died").touch(exist_ok=False)
        except FileExistsError:
            return n
        os.kill(os.getpid(), signal.SIGKILL)
    return n


@chalkcompute.function
def die_always(n: int) -> int:
    """Kill the worker that runs it whenever it comes to row 2,500."""
    if n == 2_500:
        os.kill(os.getpid(), signal.SIGKILL)
    return n


@chalkcompute.function(timeout=0.5)
def hang_at(n: int) -> int:
    """Take very long for row 2,500."""
    if n == 2_500:
        time.sleep(60)
    return n


def main() -> None:
    """Do all of it."""
    died = list(die_once.starmap((str(FOLDER), n) for n in range(8_000)))
    print("killed", (FOLDER / "died").exists(), died == list(range(8_000)))
    for spoilt in (die_always, hang_at):
        found = list(spoilt.map(range(3_000), return_exceptions=True))
        bad = [row for row, each in enumerate(found) if each != row]
        print("spoilt", bad, [type(found[row]).__name__ for row in bad])


main()
