"""Calls whose attempts fail and are repeated, and calls that have only so much time."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.livestack import Stack, wait_until
from tests.spec.program import PROGRAMS, lines

pytestmark = pytest.mark.spec

#: Seconds by which an attempt may begin later than it is due.
_LATE_S = 0.05


def _executions(path: Path) -> int:
    return len(path.read_text().splitlines())


@pytest.mark.machine
def test_an_attempt_that_failed_is_repeated_where_that_helps(stack: Stack, tmp_path: Path) -> None:
    """Sync, async, generators, timeouts; each exactly as often as its policy says."""
    assert lines(stack, "retries.py", str(tmp_path)) == [
        "flaky 3 2",
        "given up: ValueError: execution 4 attempt 3",
        "above 3",
        "shorthand 1",
        "picky: KeyError: 'not repeated' attempt 1",
        "own 1",
        "brittle True",
        "diverged: the repeated run differs from the chunks delivered before after 149",
        "loose 0 1 2 13",
        "dawdle 1",
        "timed out: it ran for longer than its timeout of 0.2 s attempt 0",
    ]
    counts = {each.name: _executions(each) for each in tmp_path.iterdir()}
    assert counts == {
        "above": 4, "above.failed": 4, "flaky": 3, "flaky.failed": 2,
        "never": 4, "never.failed": 4, "shorthand": 2, "picky": 2,
        "own": 2, "same": 2, "differs": 2, "loose": 2, "dawdle": 2, "dawdle_for_good": 1,
    }  # fmt: skip


@pytest.mark.machine
@pytest.mark.timed
def test_an_attempt_waits_as_long_as_it_should(stack: Stack, tmp_path: Path) -> None:
    """Never less; nine in ten, beside other work, at most 50 ms more."""
    late = sorted(json.loads(lines(stack, "waits.py", str(tmp_path), "10", "50")[-1]))
    assert len(late) == 20
    assert late[0] >= 0
    assert late[17] <= _LATE_S, late


@pytest.mark.machine
def test_a_call_that_waits_for_its_next_attempt_is_seen_and_can_be_given_up(
    stack: Stack, tmp_path: Path
) -> None:
    """Nothing of it is left then; it ran once."""
    runs, gate = tmp_path / "runs", tmp_path / "gate"

    def calls() -> list[dict[str, Any]]:
        if not runs.exists():
            return []
        found: list[dict[str, Any]] = json.loads(
            stack.fnq("calls", "list", "later", "--json").stdout
        )
        return found

    with stack.start(PROGRAMS / "later.py", str(runs), str(gate)) as script:
        wait_until("it waits", lambda: [each["state"] for each in calls()] == ["retrying"])
        [call] = calls()
        assert (call["attempt"], call["deaths"]) == (1, 0)
        why = stack.fnq("calls", "why", call["call"]).stdout
        assert re.fullmatch(r"it waits [\d.]+ s for attempt 2: the last one failed\n", why)
        gate.touch()
        output, _ = script.communicate(timeout=20)
    assert output.splitlines()[-1] == "cancelled True"
    wait_until("it is gone", lambda: not calls())
    assert runs.read_text() == "x"


@pytest.mark.timed
def test_a_call_ends_at_its_deadline_with_all_below_it(stack: Stack) -> None:
    """Calls that it makes have what it has left; no attempt begins that could not end."""
    assert lines(stack, "deadlines.py") == [
        "free None None",
        "inherited True True",
        "over: its deadline passed before it had ended | True",
        "goes on True",
        "no time for more: ValueError: attempt 1 attempt 1",
        "at once True",
    ]
