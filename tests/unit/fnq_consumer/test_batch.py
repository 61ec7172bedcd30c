"""Which items leave together, and when: with a clock that the test sets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnq_consumer.batch import Waiting, decide

#: Items at most, and seconds that the oldest may wait, in the table.
MOST, BUFFER = 4, 10.0


def ones(*since: float) -> list[Waiting]:
    """Return items of one row each that have waited since then."""
    return [Waiting(1, each) for each in since]


@pytest.mark.parametrize(
    ("waiting", "rooms", "now", "batches", "look_at"),
    [
        ([], 1, 0.0, [], None),
        (ones(0), 1, 5.0, [], 10.0),
        (ones(0), 1, 10.0, [1], None),
        (ones(0, 9, 9), 1, 10.0, [3], None),
        (ones(5, 0, 5), 1, 5.0, [], 10.0),
        (ones(0, 0, 0, 0), 1, 0.0, [4], None),
        (ones(0, 0, 0, 0, 0), 2, 0.0, [4], 10.0),
        (ones(*[0] * 9), 5, 0.0, [4, 4], 10.0),
        (ones(*[0] * 9), 1, 0.0, [4], None),
        (ones(*[0] * 9), 5, 10.0, [4, 4, 1], None),
        (ones(0, 0, 0, 0), 0, 99.0, [], None),
        ([Waiting(3, 0), Waiting(2, 0)], 1, 0.0, [1], None),
        ([Waiting(3, 0), Waiting(1, 0)], 1, 0.0, [2], None),
        ([Waiting(3, 0), Waiting(2, 0)], 2, 0.0, [1], 10.0),
        ([Waiting(9, 0), Waiting(1, 0)], 2, 0.0, [1], 10.0),
    ],
)
def test_a_batch_leaves_when_it_is_full_or_its_oldest_item_has_waited(
    waiting: list[Waiting], rooms: int, now: float, batches: list[int], look_at: float | None
) -> None:
    """And not before, however many workers are idle."""
    decision = decide(waiting, MOST, BUFFER, rooms, now)
    assert (decision.batches, decision.look_at) == (batches, look_at)


@given(
    st.lists(st.builds(Waiting, st.integers(1, 6), st.integers(0, 20).map(float)), max_size=20),
    st.integers(1, 6),
    st.integers(0, 5),
    st.integers(0, 40).map(float),
)
def test_what_leaves_is_never_too_large_never_too_early_and_never_late(
    waiting: list[Waiting], most: int, rooms: int, now: float
) -> None:
    """In order, each item once; what stays with room for it is looked at when it is due."""
    decision = decide(waiting, most, BUFFER, rooms, now)
    assert len(decision.batches) <= rooms
    start = 0
    for count in decision.batches:
        batch, behind = waiting[start : start + count], waiting[start + count :]
        rows = sum(each.rows for each in batch)
        assert rows <= most or count == 1
        full = rows >= most or bool(behind and rows + behind[0].rows > most)
        assert full or min(each.since for each in batch) + BUFFER <= now
        start += count
    left = waiting[start:]
    if left and len(decision.batches) < rooms:
        assert decision.look_at is not None
        assert now < decision.look_at == min(each.since for each in left) + BUFFER
        assert sum(each.rows for each in left) < most
    else:
        assert decision.look_at is None
