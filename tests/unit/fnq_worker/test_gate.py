"""Which calls pass to the runner, and what there is room for."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnq.v1 import record_pb2
from fnq_worker.gate import Gate
from fnq_worker.pool import Pool
from fnq_worker.run import Run
from fnq_worker.runner import Runner
from tests.unit.fnq_worker.bench import ToyRunner


class Door:
    """A gate, and the runners behind it."""

    def __init__(self, slots: int = 1, sync: bool = True, runners: int = 1) -> None:
        self.passed: list[Run] = []
        self.pool = Pool(runners, slots)
        self.gate = Gate(self.pool, sync, self._send)
        self.runners = [self.open() for _ in range(runners)]

    def _send(self, run: Run, runner: Runner) -> None:
        run.runner = runner
        self.passed.append(run)

    def open(self) -> Runner:
        """Add a runner that takes calls."""
        made: Any = ToyRunner()
        self.pool.add(made)
        return cast("Runner", made)

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
    door.gate.part_with(door.runners[0])
    deeper = door.arrive(1)
    assert door.passed == [lender]
    door.gate.leave(lender)
    door.open()
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


def test_a_call_goes_to_the_runner_with_the_most_room() -> None:
    """Each has its share; what it has too much takes nothing from its neighbours."""
    door = Door(slots=2, runners=3)
    runs = [door.arrive() for _ in range(7)]
    assert [runner.taken for runner in door.runners] == [2, 2, 2]
    assert [run.runner for run in runs] == [*door.runners, *door.runners, None]
    door.gate.leave(runs[4])
    assert runs[6].runner is door.runners[1]
    door.gate.leave(runs[2])
    door.runners[0].taken += 1
    assert door.gate.free(stalled=True) == 1


def test_short_calls_do_not_wait_in_one_runner_of_several() -> None:
    """Another one may be free before it."""
    door = Door(runners=2)
    door.gate.pace.note(0.001)
    for _ in range(50):
        door.arrive()
    assert [runner.taken for runner in door.runners] == [1, 1]


def test_a_lent_slot_is_one_of_its_own_runner() -> None:
    """Also where another runner has more room."""
    door = Door(runners=2)
    first, second = door.arrive(), door.arrive()
    door.gate.lend(second, 1)
    door.gate.leave(first)
    assert door.arrive(1).runner is second.runner


def test_a_runner_that_is_parted_with_gets_nothing_more() -> None:
    """Neither a call nor what its runs lend; those end without a slot being missed."""
    door = Door(slots=2)
    lender, neighbour = door.arrive(), door.arrive()
    door.gate.lend(lender, 1)
    door.gate.part_with(door.runners[0])
    deeper = door.arrive(1)
    assert (deeper.runner, door.gate.lent()) == (None, {})
    door.gate.lend(neighbour, 1)
    assert not door.gate.lent()
    successor = door.open()
    door.gate.feed()
    assert deeper.runner is successor
    door.gate.reclaim(lender)
    for run in (lender, neighbour):
        door.gate.leave(run)
    assert door.gate.free(stalled=True) == 1


@given(st.integers(1, 3), st.integers(1, 3), st.randoms(use_true_random=False))
def test_runners_that_come_and_go_keep_their_slots(
    runners: int, slots: int, chance: random.Random
) -> None:
    """Whatever comes, lends and leaves: each runner runs what it has slots for, all else waits."""
    door = Door(slots, sync=False, runners=runners)
    alive: list[Run] = []
    for _ in range(60):
        step = chance.choice(("arrive", "arrive", "lend", "reclaim", "leave", "replace"))
        running = [run for run in alive if run.runner is not None]
        if step == "arrive":
            alive.append(door.arrive(chance.randrange(6)))
        elif step == "lend" and running:
            run = chance.choice(running)
            door.gate.lend(run, run.call.depth + 1)
        elif step == "reclaim" and running:
            door.gate.reclaim(chance.choice(running))
        elif step == "leave" and alive:
            door.gate.leave(alive.pop(chance.randrange(len(alive))))
        elif step == "replace":
            door.gate.part_with(chance.choice(list(door.pool)))
            door.open()
            door.gate.feed()
        own = Counter(run.runner for run in alive if run.runner and run.lender is None)
        assert all(runner.taken == own[runner] for runner in door.pool)
        if any(run.runner is None for run in alive):
            assert all(runner.taken >= slots for runner in door.pool)
        for run in alive:
            assert run.lender is None or run.lender.runner is run.runner
    for run in alive:
        door.gate.leave(run)
    assert door.gate.free(stalled=True) == runners * slots
    assert not door.gate.lent()


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
