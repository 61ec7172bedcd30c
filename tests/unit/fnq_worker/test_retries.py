"""Runs that fail and are repeated: what their agent keeps, says, and forgets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fnq.v1 import record_pb2, spec_pb2, worker_pb2
from fnq_wire import failure
from fnq_wire.pipe import Frame, Kind, read_dispatch
from fnq_worker.run import Run
from tests.loop import eventually
from tests.unit.fnq_worker.bench import FAILED, Bench

POLICY = spec_pb2.Retry(attempts=2, initial=5.0, multiplier=2.0, max_wait=60.0, timeouts=True)


def fail(b: Bench, call: bytes, *, retry: bool = True, epoch: int = 1) -> None:
    """Let a run fail with what is repeated, or with something else."""
    body = json.dumps({**FAILED, "retry": True} if retry else FAILED).encode()
    b.bench.ended(Frame(Kind.FAILED, call, epoch, 0, body))


def dispatch(
    b: Bench, attempt: int = 0, remaining_ms: int = 0, timeout_ms: int = 0, epoch: int = 1
) -> bytes:
    """Give it an attempt of a call; return the id."""
    call = b"call".ljust(16, b".")
    entry = record_pb2.Entry(call=call, inbox="inbox", timeout_ms=timeout_ms)
    b.bench.dispatched(
        worker_pb2.Dispatch(
            stream="s", entry="1-1", epoch=epoch, call=entry, attempt=attempt,
            remaining_ms=remaining_ms,
        )
    )  # fmt: skip
    return call


def runs(b: Bench) -> list[Run]:
    """Return what it keeps."""
    return list(b.bench.runs())


async def test_a_failure_that_is_repeated_is_not_published() -> None:
    """It is reported with the wait; the slot is free, children end, and the run is kept."""
    b = Bench(retry=POLICY)
    call = dispatch(b, attempt=1)
    b.say(Kind.STARTED, call)
    [run] = runs(b)
    run.children.add(b"child")
    fail(b, call)
    assert (b.ends, b.what(), b.orphaned) == ([], ["failed"], [{b"child"}])
    [report] = b.reports
    assert report.failed.failure.message == "it failed"
    assert 9_900 < report.failed.wait_ms <= 10_000
    assert b.free() >= 1
    assert runs(b) == [run]


@pytest.mark.parametrize(
    ("retry", "policy", "attempt"),
    [(False, POLICY, 0), (True, POLICY, 2), (True, spec_pb2.Retry(), 0)],
)
async def test_any_other_failure_ends_the_call(
    retry: bool, policy: spec_pb2.Retry, attempt: int
) -> None:
    """An exception that is none of `retry_on`; the last attempt; a function without retries."""
    b = Bench(retry=policy)
    fail(b, dispatch(b, attempt), retry=retry)
    assert (b.ended_with(), b.what()) == (["RemoteError"], [])


async def test_a_failure_without_time_for_another_attempt_ends_the_call() -> None:
    """The deadline would pass before it begins: the failure is what its caller gets."""
    b = Bench(retry=POLICY)
    fail(b, dispatch(b, remaining_ms=4_000))
    assert b.ended_with() == ["RemoteError"]
    b = Bench(retry=POLICY)
    fail(b, dispatch(b, remaining_ms=60_000))
    assert b.what() == ["failed"]


async def test_a_failed_attempt_is_announced_until_it_is_recorded() -> None:
    """Another consumer learns of it, with what is left of the wait; settled, it is forgotten."""
    b = Bench(retry=POLICY)
    call = dispatch(b, attempt=1)
    fail(b, call)
    [run] = runs(b)
    announced = run.running()
    assert (announced.attempt, announced.ended) == (1, False)
    assert announced.failed.failure.message == "it failed"
    assert 0 < announced.failed.wait_ms <= 10_000
    b.bench.settled(call)
    assert runs(b) == []
    await b.bench.emptied()


async def test_a_failed_attempt_that_is_recorded_elsewhere_is_forgotten() -> None:
    """Its renewal finds another count: the next attempt is somebody's."""
    b = Bench(retry=POLICY)
    call = dispatch(b)
    fail(b, call)
    [old] = runs(b)
    dispatch(b, attempt=1, epoch=2)
    b.bench.disown(old)
    [new] = runs(b)
    assert (new.epoch, new.attempt, new.disowned) == (2, 1, False)
    fail(b, call, epoch=2)
    b.bench.disown(new)
    assert runs(b) == []


async def test_a_call_that_was_cancelled_is_not_repeated() -> None:
    """Its code may fail before it hears of that."""
    b = Bench(retry=POLICY)
    call = dispatch(b)
    b.say(Kind.STARTED, call)
    b.bench.cancelled(call, "enough")
    fail(b, call)
    assert (b.ended_with(), b.what()) == (["RemoteError"], [])


@pytest.mark.parametrize("timeouts", [True, False])
async def test_an_attempt_that_took_too_long_is_repeated_where_that_is_asked_for(
    timeouts: bool,
) -> None:
    """Also where nothing but the end of its runner ends its code."""
    retry = spec_pb2.Retry()
    retry.CopyFrom(POLICY)
    retry.timeouts = timeouts
    b = Bench(timeout_s=0.01, retry=retry)
    call = dispatch(b)
    b.say(Kind.STARTED, call)
    await eventually(lambda: b.runner.sent[-1].kind == Kind.CANCEL)
    runner: Any = b.runner
    b.bench.bury(runner, failure.make("WorkerLostError", "it was killed"))
    if timeouts:
        assert (b.ends, b.what()) == ([], ["failed"])
        assert b.reports[0].failed.failure.error == "CallTimeoutError"
    else:
        assert (b.ended_with(), b.what()) == (["CallTimeoutError"], [])


async def test_a_call_may_have_a_timeout_of_its_own() -> None:
    """In place of its function's."""
    b = Bench(timeout_s=60.0)
    call = dispatch(b, timeout_ms=10)
    b.say(Kind.STARTED, call)
    await eventually(lambda: b.runner.sent[-1].kind == Kind.CANCEL)
    b.say(Kind.FAILED, call)
    assert b.ends[0][2].failure.message == "it ran for longer than its timeout of 0.01 s"


@pytest.mark.parametrize("timeout_s", [0.0, 60.0])
async def test_a_run_ends_when_its_deadline_passes(timeout_s: float) -> None:
    """It is not repeated: nothing could come in time."""
    b = Bench(timeout_s=timeout_s, retry=POLICY)
    call = dispatch(b, remaining_ms=20)
    b.say(Kind.STARTED, call)
    await eventually(lambda: b.runner.sent[-1].kind == Kind.CANCEL)
    b.say(Kind.VALUE, call)
    assert b.ended_with() == ["CallTimeoutError"]
    assert b.ends[0][2].failure.message == "its deadline passed before it had ended"


async def test_a_run_whose_deadline_passes_before_it_is_sent_never_begins() -> None:
    """It waits in the agent for a slot."""
    b = Bench()
    b.dispatch("before")
    call = dispatch(b, remaining_ms=20)
    await eventually(lambda: b.ended_with() == ["CallTimeoutError"])
    assert (call, 1) not in b.runner.given()


async def test_a_runner_is_told_what_is_left_and_which_attempt_it_is() -> None:
    """Not what was left when the call was made."""
    b = Bench()
    b.dispatch("before")
    dispatch(b, attempt=3, remaining_ms=5_000)
    [waiting] = [run for run in runs(b) if run.entry == "1-1"]
    waiting.deadline -= 2.0
    b.say(Kind.VALUE, runs(b)[0].call.call)
    info, _ = read_dispatch(b.runner.sent[-1])
    assert info.attempt == 3
    assert 2_900 < info.remaining_ms <= 3_000
