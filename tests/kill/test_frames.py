"""Processes are killed with -9, again and again, while a file goes through a function."""

from __future__ import annotations

import functools
import json
import os
import signal
import time
from pathlib import Path

import pytest

from tests.livestack import Stack, wait_until

pytestmark = pytest.mark.kill

SHORT = os.environ.get("FNQ_KILL") == "short"
FRAMED = Path(__file__).parent / "programs" / "framed.py"
#: Rows of the file: with two workers about a second for each 10,000.
ROWS = 60_000 if SHORT else 200_000
#: Seconds between two deaths.
EVERY_S = 2.0


@pytest.mark.timeout(240)
@pytest.mark.parametrize("role", ["runner", "worker"])
def test_a_file_is_exact_though_workers_die_all_the_time(
    stack: Stack, tmp_path: Path, role: str
) -> None:
    """One is killed every two seconds; each row comes once, in order."""
    deaths = 0
    with stack.start(FRAMED, str(tmp_path), str(ROWS)) as frame:
        wait_until("rows run", lambda: list(tmp_path.glob("*out.parquet*")))
        while frame.poll() is None:
            due = time.monotonic() + EVERY_S
            wait_until("the next death", functools.partial(_is_over, due))
            # Where none lived there is none to make up for.
            deaths += _kill(stack, role)
        output, _ = frame.communicate(timeout=10)

    print(f"\n{deaths} deaths")
    assert json.loads(output.splitlines()[-1]) == {"rows": ROWS, "exact": True}
    assert deaths >= 2


def _is_over(until: float) -> bool:
    return time.monotonic() >= until


def _kill(stack: Stack, role: str) -> int:
    """Kill a process of the function; return how many were killed."""
    # One that is about to start has no process yet.
    pids = [each["pid"] for each in stack.processes(role, "label") if each["pid"]]
    try:
        for pid in pids[:1]:
            os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return 0  # It had just ended, for the death before this one.
    return len(pids[:1])
