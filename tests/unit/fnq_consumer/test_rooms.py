"""The slots that an agent granted, as its consumer counts them."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnq.v1 import worker_pb2
from fnq_consumer.rooms import Rooms

DEPTHS = st.integers(0, 4)


def slots(free: int, lent: dict[int, int] | None = None, seen: int = 0) -> worker_pb2.Slots:
    """Return what an agent states."""
    made = worker_pb2.Slots(free=free, seen=seen)
    for depth, count in (lent or {}).items():
        made.lent.add(depth=depth, count=count)
    return made


@pytest.mark.parametrize(
    ("free", "lent", "taken", "open_then"),
    [
        (2, {}, [0], {0: 1}),
        (2, {}, [5], {0: 1}),
        (1, {3: 1}, [3], {0: 1}),
        (1, {3: 1}, [2], {3: 1}),
        (0, {1: 1, 3: 1}, [3, 2], {}),
        (0, {1: 1, 3: 1}, [2, 3], {}),
        (1, {0: 2}, [], {0: 3}),
        (0, {2: 0}, [], {}),
    ],
)
def test_a_call_takes_the_deepest_slot_that_admits_it(
    free: int, lent: dict[int, int], taken: list[int], open_then: dict[int, int]
) -> None:
    """So the others stay open for more calls."""
    rooms = Rooms()
    rooms.state(slots(free, lent))
    for depth in taken:
        assert rooms.admits(depth)
        rooms.take(depth)
    assert rooms.open() == open_then


def test_a_lent_slot_admits_no_call_as_shallow_as_its_lender() -> None:
    """A lender at depth 2 lends at 3: a call at 2 would wait for its own kind."""
    rooms = Rooms()
    rooms.state(slots(0, {3: 1}))
    assert [rooms.admits(depth) for depth in range(5)] == [False, False, False, True, True]


@given(
    st.integers(0, 3),
    st.dictionaries(DEPTHS, st.integers(0, 3)),
    st.lists(DEPTHS, max_size=8),
    st.data(),
)
def test_a_statement_is_corrected_by_what_the_agent_had_not_seen(
    free: int, lent: dict[int, int], sent: list[int], data: st.DataObject
) -> None:
    """What was sent after the last dispatch it saw is taken off again."""
    rooms = Rooms()
    for depth in sent:
        rooms.take(depth)
    seen = data.draw(st.integers(0, len(sent)))
    rooms.state(slots(free, lent, seen))
    assert rooms.open() == _model(free, lent, sent[seen:])


def _model(free: int, lent: dict[int, int], unseen: Sequence[int]) -> dict[int, int]:
    """Return the open rooms by the rule itself: one list entry per slot."""
    single = [0] * free + [depth for depth, count in lent.items() for _ in range(count)]
    for depth in unseen:
        fitting = [least for least in single if least <= depth]
        if fitting:
            single.remove(max(fitting))
    return dict(Counter(single))


@given(st.lists(st.sampled_from(["send", "arrive", "end", "hear"]), max_size=200))
def test_an_agent_is_never_given_more_than_it_has_slots(steps: list[str]) -> None:
    """However its statements and the dispatches cross on their way."""
    most, running, seen = 3, 0, 0
    rooms = Rooms()
    rooms.state(slots(most))
    on_their_way, statements = 0, deque[worker_pb2.Slots]()
    for step in [*steps, *(["arrive"] * 200), *(["hear"] * 400)]:
        if step == "send" and rooms.admits(0):
            rooms.take(0)
            on_their_way += 1
        elif step == "arrive" and on_their_way:
            on_their_way, running, seen = on_their_way - 1, running + 1, seen + 1
            statements.append(slots(max(0, most - running), seen=seen))
        elif step == "end" and running:
            running -= 1
            statements.append(slots(most - running, seen=seen))
        elif step == "hear" and statements:
            rooms.state(statements.popleft())
        assert running + on_their_way <= most
    assert sum(rooms.open().values()) == most - running
