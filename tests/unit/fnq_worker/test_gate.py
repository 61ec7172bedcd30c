"""Which calls pass to the runner, and what there is room for."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnq.v1 import record_pb2
from fnq_worker.gate import Gate
from fnq_worker.run import Run


class Door:
    """A gate, and the runner behind it."""

    def __init__(self, slots: int = 1, sync: bool = True) -> None:
        self.open = True
        self.passed: list[Run] = []
        self.gate = Gate(slots, sync, lambda: self.open, self._send)

    def _send(self, run: Run) -> None:
        run.runner = self  # type: ignore[assignment]  # only that there is one counts
        self.passed.append(run)

    def arrive(self, depth: int = 0) -> Run:
        run = Run("s", "1-1", 1, 0, record_pb2.Entry(depth=depth))
        self.gate.arrive(run)
        return run


def test_what_waits_passes_in_order() -> None:
    """One for each that leaves."""
    door = Door()
    runs = [door.arrive() for _ in range(3)]
    assert door.passed == runs[:1]
    for number, run in enumerate(runs):
        door.gate.leave(run)
        assert door.passed == runs[: number + 2]
    assert door.gate.free(stalled=False) == 1


def test_nothing_passes_without_a_runner() -> None:
    """Not even into a lent slot: that died with the runner that lent it."""
    door = Door()
    lender = door.arrive()
    door.gate.lend(lender, 1)
    door.open = False
    deeper = door.arrive(1)
    assert door.passed == [lender]
    door.gate.leave(lender)
    door.open = True
    door.gate.feed()
    assert door.passed == [lender, deeper]


@pytest.mark.parametrize(("sync", "slots", "more"), [(True, 1, 10), (False, 1, 0), (True, 2, 0)])
def test_short_calls_wait_in_the_runner(sync: bool, slots: int, more: int) -> None:
    """About 10 ms of work, where one thread takes one after another."""
    door = Door(slots, sync)
    door.gate.pace.note(0.001)
    for _ in range(50):
        door.arrive()
    assert len(door.passed) == slots + more


def test_one_that_waits_may_leave() -> None:
    """What came behind it moves up."""
    door = Door()
    first, second, third = (door.arrive() for _ in range(3))
    door.gate.leave(second)
    door.gate.leave(first)
    assert door.passed == [first, third]
    assert door.gate.take_out() is None


@given(st.integers(1, 4), st.randoms(use_true_random=False))
def test_slots_are_neither_lost_nor_made(slots: int, chance: random.Random) -> None:
    """Whatever comes, lends, goes on and leaves: not more run than there are slots."""
    door = Door(slots, sync=False)
    alive: list[Run] = []
    for _ in range(60):
        step = chance.choice(("arrive", "lend", "reclaim", "leave"))
        running = [run for run in alive if run.runner is not None]
        if step == "arrive":
            alive.append(door.arrive(chance.randrange(6)))
        elif step == "lend" and running:
            run = chance.choice(running)
            door.gate.lend(run, run.call.depth + 1)
        elif step == "reclaim" and running:
            door.gate.reclaim(chance.choice(running))
        elif step == "leave" and alive:
            run = alive.pop(chance.randrange(len(alive)))
            door.gate.leave(run)
        own = [run for run in alive if run.runner is not None and run.lender is None]
        waiting = [run for run in alive if run.runner is None]
        assert door.gate.free(stalled=True) == max(0, slots - len(own) - len(waiting))
        assert not waiting or len(own) >= slots
        for run in alive:
            assert run.lender is None or run.lender.borrower is run
    for run in alive:
        door.gate.leave(run)
    assert door.gate.free(stalled=True) == slots
    assert not door.gate.lent()
