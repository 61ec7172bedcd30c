"""Runs that take longer than their function's timeout."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from fnq_wire import failure
from fnq_wire.pipe import Kind
from tests.loop import eventually
from tests.unit.fnq_worker.bench import Bench


@pytest.mark.parametrize("end", [Kind.VALUE, Kind.FAILED, Kind.EXHAUSTED])
async def test_a_run_whose_time_is_over_is_stopped_and_ends_with_that(end: Kind) -> None:
    """Whatever its code makes of it, wherever its chunks are; the runner goes on."""
    b = Bench(timeout_s=0.01)
    call = b.dispatch("slow")
    b.say(Kind.STARTED, call)
    b.say(Kind.CHUNK, call, body=b"in time")
    await eventually(lambda: b.runner.sent[-1].kind == Kind.CANCEL)
    b.say(Kind.CHUNK, call, number=1, body=b"late")
    b.say(end, call, number=1)
    assert b.ended_with() == ["CallTimeoutError"]
    assert b.ends[0][2].failure.message == "it ran for longer than its timeout of 0.01 s"
    assert [payload for _, _, payload in b.chunks] == [b"in time"]
    assert signal.SIGKILL not in b.runner.signals


async def test_a_run_whose_time_is_over_ends_so_also_when_its_runner_is_killed() -> None:
    """Its death is not the worker's: the call is not repeated for it."""
    b = Bench(timeout_s=0.01)
    call = b.dispatch("stubborn")
    b.say(Kind.STARTED, call)
    await eventually(lambda: b.runner.sent[-1].kind == Kind.CANCEL)
    runner: Any = b.runner
    b.bench.bury(runner, failure.make("WorkerLostError", "it was killed"))
    assert (b.ended_with(), b.what()) == (["CallTimeoutError"], [])


async def test_the_time_of_a_run_begins_with_its_code() -> None:
    """It may wait for a slot as long as that takes."""
    b = Bench(timeout_s=0.01)
    calls = [b.dispatch("first"), b.dispatch("second")]
    for call in calls:
        b.say(Kind.STARTED, call)
        await eventually(lambda: b.runner.sent[-1].kind == Kind.CANCEL)
        b.say(Kind.FAILED, call)
    assert [each.call for each in b.runner.sent if each.kind == Kind.CANCEL] == calls
