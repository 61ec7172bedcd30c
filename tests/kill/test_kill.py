"""Each process is killed with -9 under load; every result must be exact."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from itertools import pairwise
from pathlib import Path

import pytest

from tests.livestack import Stack, wait_until

pytestmark = pytest.mark.kill

LOAD = Path(__file__).parent / "programs" / "load.py"
ONCE = Path(__file__).parent / "programs" / "once.py"
SHORT = os.environ.get("FNQ_KILL") == "short"
CALLS, CHUNKS = (2_000, 500) if SHORT else (5_000, 1_000)
#: Seconds after the start of the load at which the process is killed.
KILL_AFTER_S = 0.6

#: Role, function, and the longest pause that its death may cause, in seconds.
DEATHS = [
    ("runner", "work", 1),
    ("runner", "count", 1),
    ("worker", "work", 1),
    ("worker", "count", 1),
    ("consumer", "", 15),
    ("server", "", 3),
    ("redis", "", 5),
    ("zygote", "", 2),
    ("forge", "", 15),
    ("supervisor", "", 15),
]


def pause_around(moments: list[float], kill: float) -> float:
    """Return the longest time without a result, from the kill on."""
    later = [kill, *(moment for moment in moments if moment > kill)]
    return max((after - before for before, after in pairwise(later)), default=0.0)


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("role", "function", "longest"), DEATHS)
def test_a_death_under_load_costs_a_pause_and_no_result(
    stack: Stack, role: str, function: str, longest: int
) -> None:
    """Every call and every position comes exactly once, after a pause within bounds."""
    with stack.start(LOAD, str(CALLS), str(CHUNKS)) as load:
        try:
            kill = _kill_under(load, stack, role, function)
            output, _ = load.communicate(timeout=150)
        finally:
            load.kill()

    report = json.loads(output.splitlines()[-1])
    assert report["wrong"] == []
    assert len(report["answered"]) == CALLS
    assert len(report["streamed"]) == CHUNKS
    for name in ("answered", "streamed"):
        assert max(report[name]) > kill, "the load had ended before the death"
    pauses = [pause_around(report[name], kill) for name in ("answered", "streamed")]
    print(f"\n{role} {function or '-'}: paused {max(pauses):.2f} s of {longest} s")
    assert max(pauses) <= longest


def _kill_under(load: subprocess.Popen[str], stack: Stack, role: str, function: str) -> float:
    """Kill a process while the load runs; return when, in seconds of the wall clock."""
    assert load.stdout is not None
    for line in iter(load.stdout.readline, "begun\n"):
        assert line.startswith("[fnq]"), line + load.stdout.read()
    deadline = time.monotonic() + KILL_AFTER_S
    victim = stack.pid(role, function)
    wait_until("the moment to kill", lambda: time.monotonic() > deadline)
    os.kill(victim, signal.SIGKILL)
    return time.time()


@pytest.mark.timeout(120)
def test_a_consumer_restarted_during_a_long_call_does_not_run_it_twice(
    stack: Stack, tmp_path: Path
) -> None:
    """The running call is adopted: its handler runs once."""
    marks = tmp_path / "marks"
    seconds = 5 if SHORT else 20
    with stack.start(ONCE, str(marks), str(seconds)) as call:
        try:
            wait_until("the handler begins", marks.exists)
            os.kill(stack.pid("consumer"), signal.SIGKILL)
            output, _ = call.communicate(timeout=100)
        finally:
            call.kill()

    assert output.splitlines()[-1] == "done"
    assert marks.read_text() == "begun\n"
