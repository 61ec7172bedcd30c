"""How many calls wait in an agent, and which slot a call takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnq.v1 import record_pb2
from fnq_worker.run import Run
from fnq_worker.slots import Pace, lender_for, lent, room_ahead


def _run(lends: int, borrowed: bool = False) -> Run:
    run = Run("s", "1-1", 1, 0, record_pb2.Entry(), lends=lends)
    run.borrower = run if borrowed else None
    return run


@pytest.mark.parametrize(
    ("durations", "nests", "room"),
    [
        ([], False, 0),
        ([0.001], False, 10),
        ([0.001], True, 0),
        ([0.0], False, 128),
        ([1.0], False, 0),
        ([0.0, 1.0], False, 0),
    ],
)
def test_short_calls_may_wait_in_the_agent(durations: list[float], nests: bool, room: int) -> None:
    """About 10 ms of work; nothing before the first end, and nothing behind nesting calls."""
    pace = Pace()
    for duration in durations:
        pace.note(duration)
    assert room_ahead(pace, nests) == room


@given(st.lists(st.floats(0, 10), min_size=1))
def test_the_average_lies_between_the_shortest_and_the_longest(durations: list[float]) -> None:
    """Whatever the weights."""
    pace = Pace()
    for duration in durations:
        pace.note(duration)
    assert pace.average_s is not None
    assert min(durations) - 1e-9 <= pace.average_s <= max(durations) + 1e-9


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans())), st.integers(0, 6))
def test_the_deepest_lender_that_admits_a_call_is_found(
    slots: list[tuple[int, bool]], depth: int
) -> None:
    """One that lends nothing, or whose slot is taken, is passed over."""
    runs = [_run(lends, borrowed) for lends, borrowed in slots]
    open_slots = [lends for lends, borrowed in slots if lends and not borrowed]
    fitting = [lends for lends in open_slots if lends <= depth]
    found = lender_for(runs, depth)
    assert (found.lends if found else 0) == max(fitting, default=0)
    assert sorted(lent(runs).elements()) == sorted(open_slots)
