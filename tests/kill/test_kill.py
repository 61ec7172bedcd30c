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
#: A load that takes some seconds, of which the death is well within.
CALLS, CHUNKS, ROWS = 5_000, 1_000, 10_000
#: Seconds after the start of the load at which the process is killed.
KILL_AFTER_S = 0.6

#: What the load's report has moments of.
LOADS = ("answered", "streamed", "mapped", "batched")
#: Role, function, and the longest pause that its death may cause, in seconds.
DEATHS = [
    ("runner", "work", 1),
    ("runner", "count", 1),
    ("runner", "triple", 1),
    ("runner", "double", 1),
    ("worker", "work", 1),
    ("worker", "count", 1),
    ("worker", "triple", 1),
    ("worker", "double", 1),
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
    stack: Stack, tmp_path: Path, role: str, function: str, longest: int
) -> None:
    """Every call, position and row comes exactly once, after a pause within bounds."""
    begin = tmp_path / "begin"
    with stack.start(LOAD, str(CALLS), str(CHUNKS), str(ROWS), str(begin)) as load:
        kill = _kill_under(load, begin, stack, role, function)
        output, _ = load.communicate(timeout=150)

    report = json.loads(output.splitlines()[-1])
    assert report["wrong"] == []
    assert len(report["answered"]) == CALLS
    assert report["spawned"] > 0
    assert len(report["streamed"]) == CHUNKS
    assert len(report["mapped"]) == ROWS
    for name in LOADS:
        assert max(report[name]) > kill, "the load had ended before the death"
    pauses = [pause_around(report[name], kill) for name in LOADS]
    told = f"{role} {function or '-'}: paused for {max(pauses):.2f} s of {longest} s"
    print(f"\n{told}")
    assert max(pauses) <= longest, told


def _kill_under(
    load: subprocess.Popen[str], begin: Path, stack: Stack, role: str, function: str
) -> float:
    """Kill a process while the load runs; return when, in seconds of the wall clock."""
    assert load.stdout is not None
    for line in iter(load.stdout.readline, "ready\n"):
        assert line.startswith("[fnq]"), line + load.stdout.read()
    # A runner is told of with the next word of its worker.
    wait_until(f"a {role} is there", lambda: stack.processes(role, function))
    victim = stack.pid(role, function)
    begin.touch()
    deadline = time.monotonic() + KILL_AFTER_S
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
        wait_until("the handler begins", marks.exists)
        os.kill(stack.pid("consumer"), signal.SIGKILL)
        output, _ = call.communicate(timeout=100)

    assert output.splitlines()[-1] == "done"
    assert marks.read_text() == "begun\n"
