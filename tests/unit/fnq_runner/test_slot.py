"""Slots, lent slots and depths."""

from __future__ import annotations

import random

from fnq_runner.slot import Slot, Slots


def test_a_slot_is_held_by_one_call() -> None:
    """With one slot a second call does not begin, however deep it is."""
    slots = Slots(1)
    assert slots.begin(0) is not None
    assert slots.begin(63) is None
    assert not slots.fit(63)


def test_a_lent_slot_admits_only_deeper_calls() -> None:
    """While its holder waits, a call as deep as it is refused and a deeper one begins."""
    slots = Slots(1)
    held = slots.begin(3)
    assert held is not None
    slots.wait(held)
    assert slots.begin(3) is None
    assert slots.begin(4) is held


def test_the_floor_is_that_of_the_deepest_that_waits() -> None:
    """A slot that was lent and lent again admits what is deeper than all that wait in it."""
    slots = Slots(1)
    held = slots.begin(0)
    assert held is not None
    slots.wait(held)
    assert slots.begin(5) is held
    slots.wait(held)
    assert slots.begin(5) is None
    assert slots.begin(6) is held


def test_the_deepest_lent_slot_is_taken_first() -> None:
    """Free slots stay free for calls that fit nowhere else."""
    slots = Slots(3)
    shallow, deep = slots.begin(0), slots.begin(4)
    assert shallow is not None
    assert deep is not None
    slots.wait(shallow)
    slots.wait(deep)
    assert slots.begin(5) is deep
    assert slots.begin(5) is shallow
    assert slots.begin(5) not in (None, shallow, deep)
    assert slots.begin(5) is None


def test_a_slot_whose_holder_goes_on_is_lent_no_more() -> None:
    """Nothing begins between the resumption of a holder and its end; then anything does."""
    slots = Slots(1)
    held = slots.begin(0)
    assert held is not None
    slots.wait(held)
    slots.resume(held)
    assert slots.begin(9) is None
    slots.end(held, 0)
    assert slots.begin(0) is not None


def test_every_walk_through_the_slots_ends_where_it_began() -> None:
    """After any order of beginnings, waits and ends all slots are free, and never too many ran."""
    for seed in range(200):
        chance, slots = random.Random(seed), Slots(2)
        running: list[tuple[Slot, int]] = []
        waiting: list[tuple[Slot, int]] = []
        for _ in range(60):
            slot, depth = slots.begin(chance.randrange(8)), 0
            if slot is not None:
                depth = slot.depths[-1]
                assert all(depth > at for held, at in waiting if held is slot)
                running.append((slot, depth))
            move(chance, slots, running, waiting)
        while running or waiting:
            move(chance, slots, running, waiting)
        assert [slots.begin(0) is None for _ in range(3)] == [False, False, True]


def move(
    chance: random.Random,
    slots: Slots,
    running: list[tuple[Slot, int]],
    waiting: list[tuple[Slot, int]],
) -> None:
    """End one that runs, or let it wait, or let one that waits go on."""
    what = chance.randrange(3)
    if what == 0 and waiting:
        running.append(waiting.pop(chance.randrange(len(waiting))))
        slots.resume(running[-1][0])
    elif what == 1 and running:
        waiting.append(running.pop(chance.randrange(len(running))))
        slots.wait(waiting[-1][0])
    elif running:
        slots.end(*running.pop(chance.randrange(len(running))))
