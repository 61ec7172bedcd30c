"""What happens to a call that its caller gives up, and to those beside and below it."""

from __future__ import annotations

import pytest

from tests.clusterstack import ClusterStack
from tests.livestack import Stack
from tests.spec.program import lines

pytestmark = [pytest.mark.spec, pytest.mark.machine]

#: Milliseconds within which a caller knows that a call has ended, 99 times of 100; a
#: cluster that runs beside everything else may take longer.
_KNOWN_MS = 1_000 if ClusterStack.named() else 250
#: That code which is not interrupted has to end.
_GRACE_MS = 5_000


@pytest.mark.timed
def test_a_call_that_waits_is_cancelled_at_once(stack: Stack) -> None:
    """It never begins; what runs before it goes on until it is cancelled too."""
    took, *rest = lines(stack, "cancelled.py", "in_the_queue")
    assert int(took) < _KNOWN_MS
    assert rest == ["True", "first last"]


@pytest.mark.timed
def test_a_coroutine_is_cancelled_at_once_and_alone(stack: Stack) -> None:
    """Its code gets CancelledError; a neighbour on its loop runs once, and to its end."""
    seen, stopped, *rest = lines(stack, "cancelled.py", "on_a_loop")
    assert int(seen) < _KNOWN_MS
    assert int(stopped) < 2 * _KNOWN_MS
    assert rest == ["0 ."]


@pytest.mark.timed
def test_a_thread_that_is_cancelled_leaves_its_neighbours_alone(stack: Stack) -> None:
    """Another process takes new calls at once; the old one goes when the neighbours are done."""
    took, *rest = lines(stack, "cancelled.py", "in_a_thread")
    assert int(took) < _GRACE_MS
    assert rest == ["another process True", "begun once True", "one remains True"]


def test_a_thread_that_takes_too_long_leaves_its_neighbour_alone(stack: Stack) -> None:
    """Its call ends as soon as its time is over."""
    assert lines(stack, "cancelled.py", "out_of_time") == [
        "it ran for longer than its timeout of 2 s",
        "another process True",
    ]


def test_calls_below_a_cancelled_one_are_cancelled(stack: Stack) -> None:
    """Those of async functions, of sync ones, and of threads."""
    assert lines(stack, "cancelled.py", "with_calls_below") == [
        "above True",
        "above_plainly True",
        "above_in_threads True",
    ]


def test_a_task_that_is_cancelled_cancels_its_call(stack: Stack) -> None:
    """The awaiting code hears of it as of any cancellation."""
    assert lines(stack, "cancelled.py", "awaited") == ["CancelledError", "True"]
