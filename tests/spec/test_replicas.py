"""As many workers as there is work for, none when there is none, and never a busy one stopped."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.livestack import Stack, wait_until
from tests.spec.program import PROGRAMS, lines

pytestmark = pytest.mark.spec

PROGRAM = "scaled.py"
#: Seconds between two decisions.
DECISION_S = 0.5
#: Seconds that eight workers take to start at once on two busy cores.
START_S = 3.0


def workers(stack: Stack, function: str) -> list[dict[str, Any]]:
    """Return the workers of a function that are not about to end."""
    found = stack.processes("worker", function)
    return [each for each in found if each["state"] not in ("stopping", "stopped")]


def replicas(stack: Stack, function: str) -> dict[str, int]:
    """Return how the replicas of a function are."""
    (found,) = [each for each in stack.status()["functions"] if each["name"] == function]
    counts: dict[str, int] = found["replicas"]
    return counts


@pytest.mark.machine
def test_a_function_without_calls_is_suspended_and_comes_back_on_the_first_one(
    stack: Stack,
) -> None:
    """After its cooldown it has no worker, and no process of its own is left."""
    before = lines(stack, PROGRAM, "brief")
    wait_until("no worker", lambda: not workers(stack, "brief"))
    wait_until("no process", lambda: not stack.processes("runner", "brief"))
    assert replicas(stack, "brief") == {
        "wanted": 0,
        "ready": 0,
        "starting": 0,
        "cordoned": 0,
        "min": 0,
        "max": 1,
    }
    assert lines(stack, PROGRAM, "brief") != before


@pytest.mark.machine
@pytest.mark.timed
def test_no_call_of_a_load_step_waits_longer_than_two_decisions(
    stack: Stack, tmp_path: Path
) -> None:
    """From none to eight busy workers: each call ends only when all of them have begun.

    The first call has one start, and the second decision at the latest has all others start.
    """
    began = datetime.now(UTC)
    (line,) = lines(stack, PROGRAM, "crowd", str(tmp_path))
    first_s, last_s = (float(word) for word in line.split())
    version = stack.processes("worker", "crowd")[0]["version"]
    decisions = [
        each["now"]
        for each in stack.logged("server")
        if each["event"] == "adds workers"
        and each["version"] == version
        and datetime.fromisoformat(each["timestamp"]) > began
    ]
    print(f"\nbegun after {first_s:.2f} to {last_s:.2f} s, decisions: {decisions}")
    assert len(decisions) <= 2
    assert decisions[-1] == 8
    assert last_s - first_s <= 2 * DECISION_S + START_S


def test_there_are_no_more_replicas_than_a_function_may_have(stack: Stack) -> None:
    """Nor fewer, where calls wait."""
    assert lines(stack, PROGRAM, "pair") == ["2"]


@pytest.mark.machine
def test_replicas_that_are_asked_for_stay_without_calls_and_come_back(stack: Stack) -> None:
    """Also where one is killed, and though the cooldown is none."""
    lines(stack, PROGRAM, "kept")
    wait_until("two replicas", lambda: replicas(stack, "kept")["ready"] == 2)
    victim = workers(stack, "kept")[1]["pid"]
    os.kill(victim, signal.SIGKILL)

    def is_mended() -> bool:
        pids = {each["pid"] for each in workers(stack, "kept") if each["state"] == "ready"}
        return len(pids) == 2 and victim not in pids

    wait_until("two replicas again", is_mended)
    # What another function had is taken away by now, and what this one has is not.
    lines(stack, PROGRAM, "brief")
    wait_until("no worker", lambda: not workers(stack, "brief"))
    assert replicas(stack, "kept")["ready"] == 2


@pytest.mark.machine
def test_a_busy_replica_is_not_stopped_while_others_are_taken_away(
    stack: Stack, tmp_path: Path
) -> None:
    """The one with the highest index has a long call: it is cordoned, and goes when it is done."""
    with stack.start(PROGRAMS / PROGRAM, "held", str(tmp_path)) as program:
        begun = {name: tmp_path / f"{name}.begun" for name in "abc"}
        wait_until("all run", lambda: all(path.exists() for path in begun.values()))
        replica_of = {each["pid"]: each["replica"] for each in stack.processes("runner")}
        place = {name: replica_of[int(path.read_text())] for name, path in begun.items()}
        assert sorted(place.values()) == [0, 1, 2]
        long = max(place, key=place.__getitem__)
        before = begun[long].read_text()
        for name in set(place) - {long}:
            (tmp_path / f"{name}.end").touch()
        wait_until("cordoned", lambda: replicas(stack, "held")["cordoned"] == 2)
        assert replicas(stack, "held")["wanted"] == 1
        assert len(workers(stack, "held")) == 3
        (tmp_path / f"{long}.end").touch()
        output, _ = program.communicate(timeout=30)
    assert output.splitlines()[-1] == "a b c"
    assert begun[long].read_text() == before
    wait_until("no worker", lambda: not workers(stack, "held"))


@pytest.mark.machine
@pytest.mark.timed
def test_an_attempt_that_is_due_wakes_a_worker_up(stack: Stack, tmp_path: Path) -> None:
    """The function is suspended while its only call waits for its next attempt."""
    with stack.start(PROGRAMS / PROGRAM, "again", str(tmp_path)) as program:
        wait_until("the first attempt", (tmp_path / "tried").exists)
        wait_until("no worker", lambda: not workers(stack, "again"))
        assert program.poll() is None
        output, _ = program.communicate(timeout=30)
    assert output.splitlines()[-1] == "2"


def test_an_operator_sets_how_many_replicas_there_are(
    stack: Stack, scaled: Callable[..., str]
) -> None:
    """For versions to come, too, until that is reset."""
    lines(stack, PROGRAM, "brief")
    assert scaled("brief") == "brief: replicas 0 to 1"
    assert scaled("brief", "--min", "2", "--max", "3") == "brief: replicas 2 to 3 (min and max set)"
    wait_until("two workers", lambda: replicas(stack, "brief")["ready"] == 2)
    assert "2 to 3 (min and max set)" in stack.fnq("function", "show", "brief").stdout
    assert scaled("brief", "--reset") == "brief: replicas 0 to 1"
    wait_until("no worker", lambda: not workers(stack, "brief"))
    refused = stack.fnq("function", "scale", "brief", "--min", "3", "--max", "2")
    assert refused.returncode == 1
    assert "--min: expected at most --max, which is 2, not 3" in refused.stderr


@pytest.fixture
def scaled(stack: Stack) -> Callable[..., str]:
    """Run `fnq function scale`, and return what it prints."""

    def run(*words: str) -> str:
        done = stack.fnq("function", "scale", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run
