"""Calls that wait: what holds each, and what comes beyond the room that there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.livestack import Stack
from tests.spec.program import lines

pytestmark = pytest.mark.spec

FULL = "1 worker runs 1 call now, as many as max_replicas=1 and concurrency=1 allow"


@pytest.mark.machine
def test_a_call_that_is_held_says_by_what(stack: Stack, tmp_path: Path) -> None:
    """One sentence each: its place, its batch, its limit, its next attempt."""
    done = stack.fnq("limit", "set", "spec-held", "--max-concurrency", "1")
    assert done.returncode == 0, done.stderr
    said = lines(stack, "held.py", str(tmp_path / "gate"))
    stack.fnq("limit", "delete", "spec-held")
    assert said == [
        "it runs on worker 0 since N s",
        f"0 calls wait before it: {FULL}",
        f"1 call waits before it: {FULL}",
        "its batch is gathered, for N s more at most",
        "it waits for a permit of the rate limit spec-held: 1 at once; 1 run, 1 wait",
        "it waits N s for attempt 2: the last one failed",
        "through through through through through",
        "it has ended: CallCancelledError: it was cancelled by whoever holds its id",
    ]


@pytest.mark.machine
@pytest.mark.timed
def test_a_full_queue_refuses_calls_of_each_form_at_once(stack: Stack, tmp_path: Path) -> None:
    """A spawned one says so where it is fetched, a map at its row; those that were there go on."""
    text = (
        "the queue of 'crowded' holds its most calls (3): submit less at once, or raise max_queue="
    )
    assert lines(stack, "queue_full.py", str(tmp_path / "gate")) == [
        "True True True",
        f"call True row None {text}",
        f"spawn True row None {text} failed",
        f"map True row 0 {text}",
        "kept {'QueueFullError'} [0, 1, 2, 3, 4]",
        "through through through through",
    ]
