"""Calls in flight, looked at and ended from the command line."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.livestack import Stack, wait_until
from tests.spec.program import PROGRAMS, lines

pytestmark = pytest.mark.spec


def _calls(stack: Stack, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(stack.fnq("calls", "list", *words, "--json").stdout)
    return found


def _await_begin(script: subprocess.Popen[str]) -> None:
    assert script.stdout is not None
    for line in iter(script.stdout.readline, "begun\n"):
        assert line.startswith("[fnq]"), line + script.stdout.read()


@pytest.mark.machine
def test_calls_in_flight_are_seen_and_a_queue_is_purged(stack: Stack, tmp_path: Path) -> None:
    """One runs and two wait: each says why; the purge ends those that wait and no other."""
    gate = tmp_path / "gate"
    with stack.start(PROGRAMS / "visible.py", str(gate)) as script:
        _await_begin(script)
        wait_until(
            "one runs and two wait",
            lambda: (
                sorted(each["state"] for each in _calls(stack, "linger"))
                == ["queued", "queued", "running"]
            ),
        )
        _check_calls(stack)
        purged = stack.fnq("queue", "purge", "linger")
        assert purged.stdout == "2 calls of linger ended\n"
        gate.touch()
        output, _ = script.communicate(timeout=20)
    assert output.splitlines()[-3:] == [
        "CallCancelledError: its queue was purged",
        "CallCancelledError: its queue was purged",
        "through",
    ]
    assert _calls(stack, "linger") == []


def _check_calls(stack: Stack) -> None:
    """One call of the function runs, and two wait for its worker."""
    [running] = _calls(stack, "linger", "--state", "running")
    first, second = _calls(stack, "linger", "--state", "queued")
    assert (running["replica"], running["attempt"], running["deaths"]) == (0, 0, 0)
    assert running["pid"] == stack.pid("worker", "linger")
    assert running["queued"] <= running["started"]
    assert "it lingers" in stack.fnq("calls", "logs", running["call"]).stdout

    why = {each["call"]: stack.fnq("calls", "why", each["call"]).stdout for each in (first, second)}
    full = "1 worker runs 1 call now, as many as max_replicas=1 and concurrency=1 allow"
    assert why[first["call"]] == f"0 calls wait before it: {full}\n"
    assert why[second["call"]] == f"1 call waits before it: {full}\n"
    words = stack.fnq("calls", "why", running["call"]).stdout
    assert words.startswith("it runs on worker 0 since ")
    shown = json.loads(stack.fnq("calls", "show", "--json", second["call"]).stdout)
    assert shown == {**second, "why": why[second["call"]].strip()}

    [queue] = json.loads(stack.fnq("queue", "stats", "linger", "--json").stdout)
    assert (queue["waiting"], queue["held"], queue["workers"]) == (2, 1, 1)
    assert queue["oldest_s"] > 0


def test_a_call_is_cancelled_from_the_command_line_and_what_is_kept_is_shown(
    stack: Stack,
) -> None:
    """How a spawned call ended is known for as long as its result is kept."""
    spawned = dict(line.split() for line in lines(stack, "handles.py", "ends"))
    shown = {
        name: json.loads(stack.fnq("calls", "show", "--json", call).stdout)
        for name, call in spawned.items()
    }
    assert [(each["state"], each["error"]) for each in shown.values()] == [
        ("succeeded", ""),
        ("failed", "RemoteError"),
        ("running", ""),
    ]
    assert shown["failed"]["why"] == ("it has ended: ZeroDivisionError: division by zero")
    assert (shown["failed"]["attempt"], shown["succeeded"]["attempt"]) == (0, 0)
    assert all(shown[each]["queued"] <= shown[each]["ended"] for each in ("succeeded", "failed"))
    cancelled = stack.fnq("calls", "cancel", spawned["running"])
    assert (cancelled.returncode, cancelled.stdout) == (0, "cancelled\n")
    text = stack.fnq("calls", "show", spawned["running"]).stdout
    assert re.search(r"^state +cancelled$", text, re.MULTILINE)
    assert re.search(r"^ended +[\d.]+$", text, re.MULTILINE)
    assert "it was cancelled by `fnq calls cancel`" in text
    again = stack.fnq("calls", "cancel", spawned["running"])
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr == "it had ended before; `fnq calls show` says how\n"


@pytest.mark.machine
def test_an_attached_call_is_cancelled_from_the_command_line(stack: Stack, tmp_path: Path) -> None:
    """Its caller hears of it at once, and those beside it go on."""
    gate = tmp_path / "gate"
    with stack.start(PROGRAMS / "visible.py", str(gate)) as script:
        _await_begin(script)
        wait_until("all are there", lambda: len(_calls(stack, "linger")) == 3)
        waits = [each for each in _calls(stack, "linger") if each["state"] == "queued"]
        assert stack.fnq("calls", "cancel", waits[-1]["call"]).stdout == "cancelled\n"
        gate.touch()
        output, _ = script.communicate(timeout=20)
    assert output.splitlines()[-3:] == [
        "CallCancelledError: it was cancelled by `fnq calls cancel`",
        "through",
        "through",
    ]


def test_what_is_not_there_is_named(stack: Stack) -> None:
    """A call that is in no queue, a function that nobody deployed, and no id at all."""
    stack.up()
    nobodys = "0192f0c1-0000-7000-8000-000000000001"
    for words in (("calls", verb, nobodys) for verb in ("show", "why", "cancel")):
        done = stack.fnq(*words)
        assert done.returncode == 1
        assert f"no call {nobodys} is in flight" in done.stderr
    for words in (("calls", "list", "nothing"), ("queue", "purge", "nothing")):
        done = stack.fnq(*words)
        assert done.returncode == 1
        assert f"no function 'nothing' in namespace {stack.namespace!r}" in done.stderr
    done = stack.fnq("calls", "show", "zzz")
    assert done.returncode == 2
    assert "expected the id of a call, not 'zzz'" in done.stderr
