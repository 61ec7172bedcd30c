"""Processes die one after the other while workers come and go, in images and with secrets."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from tests.apart import can_mount
from tests.index import needs_index
from tests.livestack import Stack, wait_until

pytestmark = pytest.mark.kill

DRESSED = Path(__file__).parent / "programs" / "dressed.py"
#: Roles, and functions where one is meant, in the order in which they are killed.
DEATHS = [
    ("worker", "swell"),
    ("zygote", ""),
    ("runner", "dressed"),
    ("server", ""),
    ("worker", "dressed"),
    ("consumer", ""),
    ("zygote", ""),
    ("worker", "pour"),
    ("redis", ""),
    ("runner", "swell"),
]
#: Seconds between two deaths: some meet a wave, and some what is idle.
APART_S = 0.5


@pytest.fixture(autouse=True)
def _equipped() -> None:
    needs_index()
    if why := can_mount():
        pytest.skip(why)


@pytest.mark.timeout(180)
def test_deaths_while_workers_come_and_go_cost_no_result(stack: Stack, tmp_path: Path) -> None:
    """Every result is exact, from the image asked for and with its secret; all workers end."""
    assert stack.fnq("secret", "set", "KILL_KEY", typed="the key").returncode == 0
    until = tmp_path / "end"
    with stack.start(DRESSED, str(until)) as load:
        assert load.stdout is not None
        for line in iter(load.stdout.readline, "begun\n"):
            assert line.startswith("[fnq]"), line + load.stdout.read()
        for role, function in DEATHS:
            _kill_each(stack, role, function)
        until.touch()
        output, _ = load.communicate(timeout=90)
    report = json.loads(output.splitlines()[-1])
    print(f"\n{report['calls']} calls, {report['streams']} streams")
    assert report["wrong"] == []
    assert report["calls"] > 0
    wait_until("no worker", lambda: not stack.processes("worker"), 60.0)


def _kill_each(stack: Stack, role: str, function: str) -> None:
    """Kill all processes of a role, once there are any: with those of images all zygotes."""
    deadline = time.monotonic() + APART_S
    wait_until("the moment to kill", lambda: time.monotonic() > deadline)
    wait_until(f"a {role}", lambda: _pids(stack, role, function))
    for pid in _pids(stack, role, function):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue  # It has ended by itself meanwhile.


def _pids(stack: Stack, role: str, function: str) -> list[int]:
    return [each["pid"] for each in stack.processes(role, function) if each["pid"]]
