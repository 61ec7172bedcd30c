"""How many calls wait in an agent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnq_worker.pace import Pace, room_ahead


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
