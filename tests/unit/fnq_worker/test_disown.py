"""Runs whose call has ended, or has another run: stopped, and not heard of any more."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fnq_wire import failure
from fnq_wire.pipe import Kind
from tests.unit.fnq_worker.bench import Bench

LOST = failure.make("WorkerLostError", "gone")


@pytest.mark.parametrize(
    "end",
    [
        lambda b, call: b.say(Kind.VALUE, call),
        lambda b, call: b.say(Kind.FAILED, call),
        lambda b, call: b.bench._killed(b.bench.get(call, 1)),
        lambda b, call: b.bench.bury(b.runner, LOST),
        lambda b, call: b.bench.give_back_all(),
    ],
    ids=["value", "failure", "kill", "death", "drain"],
)
async def test_a_run_that_is_disowned_ends_without_a_word(
    end: Callable[[Bench, bytes], None],
) -> None:
    """An end would pass for that of the call, which may be about to run anew."""
    b = Bench()
    call = b.dispatch("a")
    b.say(Kind.STARTED, call)
    b.bench.settled(call)
    assert b.runner.sent[-1].kind == Kind.CANCEL
    b.say(Kind.CHUNK, call)
    assert len(list(b.bench.runs())) == 1
    end(b, call)
    assert (b.chunks, b.ends, b.what()) == ([], [], ["returned"])
    assert not list(b.bench.runs())
    assert b.free()


async def test_a_run_that_waits_here_when_it_is_disowned_goes_at_once() -> None:
    """It was never begun."""
    b = Bench()
    b.say(Kind.STARTED, b.dispatch("before"))
    waiting = b.dispatch("a")
    b.bench.settled(waiting)
    assert (b.ends, b.what()) == ([], ["returned"])
    assert waiting not in [run.call.call for run in b.bench.runs()]


async def test_a_call_dispatched_anew_does_not_end_with_its_former_run() -> None:
    """Also where that one still waited here."""
    b = Bench()
    b.say(Kind.STARTED, b.dispatch("before"))
    for epoch in (1, 2):
        call = b.dispatch("a", epoch)
    assert b.ends == []
    assert [run.epoch for run in b.bench.runs() if run.call.call == call] == [2]
