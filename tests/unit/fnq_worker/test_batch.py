"""Calls that run together: one slot, one invocation, and an end for each."""

from __future__ import annotations

import pytest

from fnq.v1 import result_pb2
from fnq_wire import failure
from fnq_wire.batchframe import read_batch
from fnq_wire.pipe import Frame, FrameError, Kind, read_dispatch
from tests.loop import eventually
from tests.unit.fnq_worker.bench import Bench

DIED = failure.make("WorkerLostError", "it died")


def batches(b: Bench) -> list[Frame]:
    """Return the batches that the runner was given."""
    return [each for each in b.runner.sent if each.kind == Kind.BATCH]


def members(frame: Frame) -> list[bytes]:
    """Return the calls of a batch."""
    return [each.call for each in read_batch(read_dispatch(frame)[1])]


async def test_a_batch_takes_one_slot_and_goes_to_the_runner_once_it_is_whole() -> None:
    """Members may come in several frames; each has its own arguments."""
    b = Bench()
    first = b.dispatch_together("a", "b", of=3)
    assert (b.free(), batches(b)) == (1, [])
    b.batches -= 1
    last = b.dispatch_together("c", of=3)
    [frame] = batches(b)
    assert members(frame) == [*first, *last]
    assert [each.payload for each in read_batch(read_dispatch(frame)[1])] == [b"a", b"b", b"c"]
    assert b.free() == 0


async def test_each_call_of_a_batch_ends_by_itself_and_the_slot_is_free_after_the_last() -> None:
    """The runner says when the whole is over."""
    b = Bench()
    one, two = b.dispatch_together("a", "b")
    [frame] = batches(b)
    b.say(Kind.STARTED, frame.call)
    assert [run.started_at > 0 for run in b.bench.runs()] == [True, True]
    b.say(Kind.VALUE, one)
    b.say(Kind.FAILED, two)
    assert b.free() == 0
    b.say(Kind.EXHAUSTED, frame.call)
    assert b.ended_with() == ["value", "RemoteError"]
    assert b.free() == 1
    assert b.dispatch("next") == b.runner.given()[0][0]


async def test_what_fails_as_a_whole_fails_each_call_that_has_no_end() -> None:
    """Those that have one keep it."""
    b = Bench()
    one, two = b.dispatch_together("a", "b")
    [frame] = batches(b)
    b.say(Kind.STARTED, frame.call)
    b.say(Kind.VALUE, one)
    b.say(Kind.FAILED, frame.call)
    assert [(call, end.WhichOneof("outcome")) for call, _, end in b.ends] == [
        (one, "value"),
        (two, "failure"),
    ]


async def test_a_runner_that_forgets_a_call_of_a_batch_has_a_fault() -> None:
    """It is replaced, and the call is lost with it."""
    b = Bench()
    b.dispatch_together("a", "b")
    [frame] = batches(b)
    with pytest.raises(FrameError, match="some of its calls"):
        b.say(Kind.EXHAUSTED, frame.call)


async def test_a_cancelled_call_of_a_batch_ends_at_once_and_harms_no_other() -> None:
    """What the runner says of it later is not heard; the others go on."""
    b = Bench()
    one, two = b.dispatch_together("a", "b")
    [frame] = batches(b)
    b.say(Kind.STARTED, frame.call)
    b.bench.cancelled(one, "not needed")
    assert b.ended_with() == ["CallCancelledError"]
    assert [each.kind for each in b.runner.sent] == [Kind.BATCH]
    b.say(Kind.VALUE, one)
    b.say(Kind.VALUE, two)
    b.say(Kind.EXHAUSTED, frame.call)
    assert b.ended_with() == ["CallCancelledError", "value"]
    assert b.free() == 1


async def test_a_batch_is_stopped_when_all_its_calls_are_cancelled() -> None:
    """By its own address, and by signals."""
    b = Bench()
    calls = b.dispatch_together("a", "b")
    [frame] = batches(b)
    b.say(Kind.STARTED, frame.call)
    for call in calls:
        b.bench.cancelled(call, "not needed")
    assert [(each.kind, each.call) for each in b.runner.sent[1:]] == [(Kind.CANCEL, frame.call)]
    await eventually(lambda: b.runner.signals)
    b.say(Kind.FAILED, frame.call)
    assert b.ended_with() == ["CallCancelledError"] * 2
    assert b.free() == 1


async def test_what_was_cancelled_before_its_batch_was_whole_takes_no_slot() -> None:
    """The rest of the batch goes elsewhere, since the stream broke: nobody is left in it."""
    b = Bench()
    for call in b.dispatch_together("a", "b", of=3):
        b.bench.cancelled(call, "not needed")
    b.bench.parted()
    assert (batches(b), b.free()) == ([], 1)
    assert b.dispatch("next") == b.runner.given()[0][0]


async def test_a_batch_that_waits_for_a_slot_goes_without_what_was_cancelled() -> None:
    """With nobody left it does not go at all."""
    b = Bench()
    b.dispatch("before")
    one, two = b.dispatch_together("a", "b")
    gone = b.dispatch_together("c", "d")
    for call in (one, *gone):
        b.bench.cancelled(call, "not needed")
    b.say(Kind.VALUE, b.runner.given()[0][0])
    assert [members(frame) for frame in batches(b)] == [[two]]
    b.say(Kind.VALUE, two)
    b.say(Kind.EXHAUSTED, batches(b)[0].call)
    assert (b.free() >= 1, len(batches(b))) == (True, 1)


async def test_the_death_of_a_runner_loses_each_call_of_its_batch() -> None:
    """But not those that have ended; what had not begun is given back."""
    b = Bench(slots=2)
    one, two = b.dispatch_together("a", "b")
    unbegun = b.dispatch_together("c", "d")
    b.say(Kind.STARTED, batches(b)[0].call)
    b.say(Kind.VALUE, one)
    b.bench.bury(b.bench._gate.pool.roomiest(9) or b.runner, DIED)  # type: ignore[arg-type]
    told = [(each.call, each.WhichOneof("what")) for each in b.reports]
    assert told == [(two, "lost"), *((call, "returned") for call in unbegun)]


async def test_where_items_run_one_by_one_a_death_counts_for_the_one_whose_turn_it_was() -> None:
    """Those behind it had not begun, and are given back."""
    b = Bench()
    one, two, three, four = b.dispatch_together("a", "b", "c", "d", deaths=[0, 2, 2, 0])
    [frame] = batches(b)
    b.say(Kind.STARTED, frame.call)
    b.say(Kind.VALUE, one)
    b.bench.bury(b.runner, DIED)  # type: ignore[arg-type]
    told = [(each.call, each.WhichOneof("what")) for each in b.reports]
    assert told == [(two, "lost"), (three, "returned"), (four, "returned")]


async def test_a_batch_that_takes_longer_than_the_timeout_ends_with_that() -> None:
    """All its calls do, also where the code hides that it was stopped."""
    b = Bench(timeout_s=0.01)
    one, _ = b.dispatch_together("a", "b")
    [frame] = batches(b)
    b.say(Kind.STARTED, frame.call)
    await eventually(lambda: b.runner.signals)
    b.say(Kind.VALUE, one)
    b.say(Kind.EXHAUSTED, frame.call)
    assert b.ended_with() == ["CallTimeoutError"] * 2
    assert b.free() == 1


async def test_a_call_of_a_batch_whose_deadline_passes_ends_and_the_others_go_on() -> None:
    """So does one with a time-out of its own."""
    b = Bench()
    one, two = b.dispatch_together("a", "b", remaining_ms=[10, 0])
    [frame] = batches(b)
    b.say(Kind.STARTED, frame.call)
    await eventually(lambda: b.ended_with() == ["CallTimeoutError"])
    assert (b.ends[0][0], b.runner.signals) == (one, [])
    b.say(Kind.VALUE, two)
    b.say(Kind.EXHAUSTED, frame.call)
    assert b.ended_with() == ["CallTimeoutError", "value"]


async def test_what_has_come_of_a_batch_runs_when_the_rest_is_not_coming() -> None:
    """The stream to its consumer broke: the others go elsewhere."""
    b = Bench()
    calls = b.dispatch_together("a", "b", of=5)
    b.bench.parted()
    assert [members(frame) for frame in batches(b)] == [calls]


async def test_a_call_that_is_dispatched_again_may_be_in_another_batch_meanwhile() -> None:
    """The earlier batch goes on without it; its old run is not heard."""
    b = Bench(slots=2)
    one, two = b.dispatch_together("a", "b")
    [again] = b.dispatch_together("a", epoch=2)
    first, second = batches(b)
    assert (again, members(second)) == (one, [one])
    b.say(Kind.VALUE, one, epoch=1)
    assert b.ended_with() == []
    b.say(Kind.VALUE, one, epoch=2)
    b.say(Kind.EXHAUSTED, second.call, epoch=2)
    b.say(Kind.VALUE, two)
    b.say(Kind.EXHAUSTED, first.call)
    assert [call for call, _, _ in b.ends] == [one, two]
    assert b.free() == 2


async def test_a_function_that_cannot_run_here_answers_batches_with_that() -> None:
    """Those that wait, and those that come later."""
    b = Bench()
    b.dispatch_together("a", "b")
    b.dispatch_together("c", "d")
    b.bench.fail(DIED)
    b.dispatch_together("e")
    assert b.ended_with() == ["WorkerLostError"] * 3


async def test_rows_of_a_packed_call_are_told_before_it_is_lost() -> None:
    """They do not run again; its next run takes care."""
    b = Bench()
    [call] = b.dispatch_together("a")
    [run] = b.bench.runs()
    run.call.packed, run.call.rows = True, 3
    [frame] = batches(b)
    b.say(Kind.STARTED, frame.call)
    b.say(Kind.CHUNK, call)
    result = result_pb2.Result(call=call, epoch=1, lengths=[2])
    result.chunks.add(inline=b"a block")
    b.bench.published(run, result)
    b.bench.bury(b.runner, DIED)  # type: ignore[arg-type]
    assert b.what() == ["streaming", "rows", "lost"]
    assert b.reports[1].rows == 2


async def test_a_batch_that_waits_while_the_agent_drains_is_given_back() -> None:
    """Call by call."""
    b = Bench()
    b.dispatch_together("a")
    b.dispatch_together("b", "c")
    b.bench.drain()
    assert b.what() == ["returned", "returned"]
