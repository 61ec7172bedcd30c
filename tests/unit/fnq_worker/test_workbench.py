"""The calls of an agent: slots, loans, cancellations, and the death of a runner."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import pytest

from fnq.v1 import record_pb2, result_pb2, worker_pb2
from fnq_wire import failure
from fnq_wire.pipe import Kind
from fnq_worker.stall import STALL_S
from tests.loop import eventually
from tests.unit.fnq_worker.bench import Bench, ToyRunner


async def test_a_call_takes_a_slot_and_gives_it_back() -> None:
    """What is free is stated after each step."""
    b = Bench(slots=2)
    assert b.free() == 2
    call = b.dispatch("a")
    assert b.free() == 1
    b.say(Kind.STARTED, call)
    b.say(Kind.VALUE, call)
    assert b.free() >= 2
    assert b.ended_with() == ["value"]


async def test_what_has_no_slot_waits_in_the_agent() -> None:
    """It goes to the runner when the one before it has ended."""
    b = Bench()
    first, second = b.dispatch("a"), b.dispatch("b")
    assert b.runner.given() == [(first, 1)]
    b.say(Kind.VALUE, first)
    assert b.runner.given() == [(first, 1), (second, 1)]


async def test_a_run_stays_until_it_is_settled() -> None:
    """Until then it is announced to whichever consumer comes."""
    b = Bench()
    call = b.dispatch("a")
    b.say(Kind.VALUE, call)
    [run] = b.bench.runs()
    assert not run.running().ended
    result = result_pb2.Result(call=call, epoch=1)
    result.end.exhausted = True
    b.bench.published(run, result)
    assert run.running().ended
    assert b.what() == ["ended"]
    b.bench.settled(call)
    assert not list(b.bench.runs())
    await b.bench.emptied()


async def test_what_waits_behind_a_long_call_is_given_back() -> None:
    """Another worker may be free; also what was on its way when the slots were stated."""
    b = Bench()
    long = b.dispatch("long")
    b.say(Kind.STARTED, long)
    b.dispatch("behind")
    await eventually(lambda: b.what() == ["returned"])
    b.dispatch("late")
    await eventually(lambda: b.what() == ["returned", "returned"])
    assert b.free() == 0


async def test_a_long_call_alone_costs_no_statements() -> None:
    """The slots are stated when it is found to be long, and not again and again."""
    b = Bench()
    long = b.dispatch("long")
    b.say(Kind.STARTED, long)
    await eventually(lambda: b.bench._stall.lasts)
    stated = b.restated
    looked = asyncio.get_running_loop().time() + 3 * STALL_S
    await eventually(lambda: asyncio.get_running_loop().time() > looked)
    assert b.restated == stated


async def test_a_lent_slot_takes_a_deeper_call() -> None:
    """The lender blocks, the borrower runs at once, and a slot is a slot again in the end."""
    b = Bench()
    parent = b.dispatch("parent")
    b.say(Kind.STARTED, parent)
    b.say(Kind.LEND, parent, number=1)
    assert (b.free(), b.lent()) == (0, {1: 1})
    child = b.dispatch("child", depth=1)
    assert b.runner.given() == [(parent, 1), (child, 1)]
    assert (b.free(), b.lent()) == (0, {})
    b.say(Kind.VALUE, child)
    assert b.lent() == {1: 1}
    b.say(Kind.RECLAIM, parent)
    b.say(Kind.VALUE, parent)
    assert (b.free(), b.lent()) == (1, {})
    last = b.dispatch("last")
    assert b.runner.given()[-1] == (last, 1)


async def test_a_lender_that_goes_on_leaves_its_borrower_in_a_slot_of_its_own() -> None:
    """No third call begins before one of the two has ended."""
    b = Bench()
    parent = b.dispatch("parent")
    b.say(Kind.LEND, parent, number=1)
    child = b.dispatch("child", depth=1)
    b.say(Kind.RECLAIM, parent)
    b.say(Kind.VALUE, parent)
    third = b.dispatch("third")
    assert (third, 1) not in b.runner.given()
    b.say(Kind.VALUE, child)
    assert b.runner.given()[-1] == (third, 1)


async def test_a_lender_that_ends_leaves_its_borrower_in_a_slot_of_its_own() -> None:
    """The same where it was cancelled, without a word of going on."""
    b = Bench()
    parent = b.dispatch("parent")
    b.say(Kind.LEND, parent, number=1)
    child = b.dispatch("child", depth=1)
    b.say(Kind.FAILED, parent)
    third = b.dispatch("third")
    assert (third, 1) not in b.runner.given()
    b.say(Kind.VALUE, child)
    assert b.runner.given()[-1] == (third, 1)


async def test_the_deepest_lender_that_admits_a_call_lends_to_it() -> None:
    """A shallow lent slot stays open for shallow calls."""
    b = Bench(slots=2)
    shallow, deep = b.dispatch("a"), b.dispatch("b", depth=4)
    b.say(Kind.LEND, shallow, number=1)
    b.say(Kind.LEND, deep, number=5)
    b.dispatch("c", depth=7)
    assert b.lent() == {1: 1}


async def test_a_call_dispatched_anew_does_not_cost_a_slot_for_ever() -> None:
    """The run before it is stopped and counts no more, whatever it still says."""
    b = Bench()
    call = b.dispatch("a", epoch=1)
    b.say(Kind.STARTED, call)
    assert b.dispatch("a", epoch=2) == call
    assert [each.epoch for each in b.runner.sent if each.kind == Kind.CANCEL] == [1]
    assert b.runner.given() == [(call, 1), (call, 2)]
    b.say(Kind.FAILED, call, epoch=1)
    assert b.ended_with() == []
    b.say(Kind.VALUE, call, epoch=2)
    assert [(epoch, end.WhichOneof("outcome")) for _, epoch, end in b.ends] == [(2, "value")]
    later = b.dispatch("b")
    assert b.runner.given()[-1] == (later, 1)


async def test_a_call_that_comes_while_the_worker_stops_is_given_back() -> None:
    """It was on its way; there may be no runner any more that would take it."""
    b = Bench()
    b.bench.drain()
    b.part_with(b.runner)
    b.dispatch("late")
    assert (b.what(), list(b.bench.runs())) == (["returned"], [])


async def test_a_call_that_waits_is_cancelled_without_the_runner() -> None:
    """It never gets there."""
    b = Bench()
    b.dispatch("a")
    waiting = b.dispatch("b")
    b.bench.cancelled(waiting, "enough")
    assert b.ended_with() == ["CallCancelledError"]
    assert [each.kind for each in b.runner.sent] == [Kind.DISPATCH]


async def test_a_call_is_cancelled_while_its_arguments_are_fetched() -> None:
    """The runner sees neither the cancellation nor, later, the call."""
    b = Bench()
    b.dispatch("a")
    b.bench.cancelled(b"a".ljust(16, b"."), "first of all")
    entry = record_pb2.Entry(call=b"large".ljust(16, b"."), inbox="inbox")
    entry.payload.reference.key = "k"

    async def read(reference: Any) -> bytes:
        b.bench.cancelled(entry.call, "enough")
        return b"arguments"

    blobs: Any = b
    blobs.read = read
    b.say(Kind.FAILED, b"a".ljust(16, b"."))
    b.bench.dispatched(worker_pb2.Dispatch(stream="s", entry="1-1", epoch=1, call=entry))
    await eventually(lambda: not b.tasks._tasks)
    assert b.ended_with()[-1] == "CallCancelledError"
    assert (entry.call, 1) not in b.runner.given()


async def test_a_call_whose_arguments_are_gone_leaves_its_slot_to_the_next() -> None:
    """It fails by itself, and never gets to the runner."""
    b = Bench()
    entry = record_pb2.Entry(call=b"large".ljust(16, b"."), inbox="inbox")
    entry.payload.reference.key = "k"

    async def read(reference: Any) -> None:
        return None

    blobs: Any = b
    blobs.read = read
    b.bench.dispatched(worker_pb2.Dispatch(stream="s", entry="1-1", epoch=1, call=entry))
    later = b.dispatch("later")
    await eventually(lambda: b.ended_with() == ["ResultExpiredError"])
    assert b.runner.given() == [(later, 1)]


async def test_running_code_is_asked_to_stop_and_then_killed() -> None:
    """Sync code gets a signal as well; a second cancellation changes nothing."""
    b = Bench()
    call = b.dispatch("a")
    b.say(Kind.STARTED, call)
    b.bench.cancelled(call, "enough")
    assert b.runner.sent[-1].kind == Kind.CANCEL
    assert b.runner.sent[-1].body == b"enough"
    [run] = b.bench.runs()
    b.bench._stopper._kill_if_running(run)
    assert b.runner.signals[-1] == signal.SIGKILL
    assert b.ended_with() == ["CallCancelledError"]
    b.bench.cancelled(call, "enough")
    b.bench._stopper._kill_if_running(run)
    assert b.ended_with() == ["CallCancelledError"]


async def test_children_end_with_the_run_that_made_them() -> None:
    """Whatever way it ends."""
    b = Bench()
    for number, end in enumerate((Kind.VALUE, Kind.FAILED, Kind.REVOKED)):
        call = b.dispatch(f"c{number}")
        run = b.bench.get(call, 1)
        assert run is not None
        run.children.add(b"child")
        b.say(end, call)
    assert b.orphaned == [{b"child"}] * 3


async def test_a_dead_runner_loses_what_it_had_begun_and_gives_the_rest_back() -> None:
    """Only what had begun counts as a death; what had ended stays ended."""
    b = Bench(slots=3, sync=False)
    begun, unbegun, ended = b.dispatch("a"), b.dispatch("b"), b.dispatch("c")
    b.say(Kind.STARTED, begun)
    b.say(Kind.VALUE, ended)
    runner: Any = b.runner
    b.part_with(b.runner)
    b.bench.bury(runner, failure.make("WorkerLostError", "killed by SIGSEGV"))
    assert {each.call: each.WhichOneof("what") for each in b.reports} == {
        begun: "lost",
        unbegun: "returned",
    }
    successor: Any = ToyRunner()
    b.bench.begin_again(successor)
    assert b.free() >= 3
    assert [run.call.call for run in b.bench.runs()] == [ended]


async def test_a_runner_that_dies_after_a_chunk_is_known_to_have_streamed() -> None:
    """Before the chunk is published: else the call might be run again from its beginning."""
    b = Bench(slots=2, sync=False)
    fresh, told = b.dispatch("a"), b.dispatch("b")
    for call in (fresh, told):
        b.say(Kind.STARTED, call)
        b.say(Kind.CHUNK, call)
    run = b.bench.get(told, 1)
    assert run is not None
    b.bench.published(run, result_pb2.Result(chunks=[result_pb2.Payload()]))
    runner: Any = b.runner
    b.bench.bury(runner, failure.make("WorkerLostError", "killed by SIGSEGV"))
    what = [(each.call, each.WhichOneof("what")) for each in b.reports]
    assert what == [(told, "streaming"), (fresh, "streaming"), (fresh, "lost"), (told, "lost")]


async def test_one_that_stops_gives_back_what_may_be_run_again() -> None:
    """A stream that has begun and may not be repeated is lost instead."""
    b = Bench(slots=3, sync=False)
    plain, repeatable = b.dispatch("a"), b.dispatch("b", repeatable=True)
    streaming = b.dispatch("c")
    for call in (plain, repeatable, streaming):
        b.say(Kind.STARTED, call)
    for call in (repeatable, streaming):
        b.say(Kind.CHUNK, call)
    b.bench.give_back_all()
    what = [(each.call, each.WhichOneof("what")) for each in b.reports]
    assert what == [
        (plain, "returned"),
        (repeatable, "returned"),
        (streaming, "streaming"),
        (streaming, "lost"),
    ]
    assert "told to stop" in b.reports[-1].lost.message


async def test_a_borrower_and_its_lender_die_with_their_runner() -> None:
    """Their slots are whole again for the next runner."""
    b = Bench()
    parent = b.dispatch("parent")
    b.say(Kind.STARTED, parent)
    b.say(Kind.LEND, parent, number=1)
    child = b.dispatch("child", depth=1)
    b.say(Kind.STARTED, child)
    runner: Any = b.runner
    b.part_with(b.runner)
    b.bench.bury(runner, failure.make("WorkerLostError", "x"))
    assert b.what() == ["lost", "lost"]
    successor = ToyRunner()
    near: Any = successor
    b.bench.begin_again(near)
    assert (b.free(), b.lent()) == (1, {})
    next_call = b.dispatch("next")
    assert successor.given() == [(next_call, 1)]
    await b.bench.emptied() if not list(b.bench.runs()) else None


async def test_a_function_that_cannot_run_here_answers_what_waited_too() -> None:
    """Nobody waits for a runner that will not come."""
    b = Bench()
    b.part_with(b.runner)
    waiting = b.dispatch("a")
    b.bench.fail(failure.make("RemoteError", "No module named 'nope'"))
    later = b.dispatch("b")
    assert [call for call, _, _ in b.ends] == [waiting, later]
    assert {end.failure.message for _, _, end in b.ends} == {"No module named 'nope'"}


async def test_one_that_drains_gives_back_what_it_has_not_begun() -> None:
    """And states that it has no room."""
    b = Bench()
    running = b.dispatch("a")
    b.say(Kind.STARTED, running)
    waiting = b.dispatch("b")
    b.bench.drain()
    assert [(each.call, each.returned) for each in b.reports] == [(waiting, True)]
    assert b.free() == 0


async def test_a_run_whose_entry_is_gone_is_stopped() -> None:
    """It was withdrawn, or given to another worker."""
    b = Bench()
    call = b.dispatch("a")
    b.say(Kind.STARTED, call)
    b.bench.settled(call)
    assert b.runner.sent[-1].kind == Kind.CANCEL


async def test_a_value_too_large_is_a_failure() -> None:
    """The caller hears its size and the cap."""
    b = Bench()
    call = b.dispatch("a")
    b.most = 1
    b.say(Kind.VALUE, call)
    assert b.ended_with() == ["PayloadTooLargeError"]
    text = b.ends[-1][2].failure.message
    assert "has 2 bytes" in text
    assert "the most is 1" in text


async def test_a_chunk_too_large_ends_its_stream() -> None:
    """After the chunks before it, and once its code has been stopped; the runner lives."""
    b = Bench()
    call = b.dispatch("a")
    b.most = 2
    b.say(Kind.STARTED, call)
    for number, body in enumerate((b"ok", b"big", b"ok")):
        b.say(Kind.CHUNK, call, number=number, body=body)
    assert b.chunks == [(call, 0, b"ok")]
    assert [each.kind for each in b.runner.sent] == [Kind.DISPATCH, Kind.CANCEL]
    assert (b.ends, b.free()) == ([], 0)
    b.say(Kind.FAILED, call, number=3)
    assert (b.ended_with(), b.positions) == (["PayloadTooLargeError"], [1])
    text = b.ends[-1][2].failure.message
    assert "has 3 bytes" in text
    assert "the most is 2" in text
    later = b.dispatch("b")
    assert b.runner.given()[-1] == (later, 1)


@pytest.mark.parametrize("way", ["its runner is killed", "its runner dies"])
async def test_a_stream_with_a_chunk_too_large_is_not_run_again(way: str) -> None:
    """Whatever becomes of its runner: it would yield the same."""
    b = Bench()
    call = b.dispatch("a", repeatable=True)
    b.most = 2
    b.say(Kind.STARTED, call)
    b.say(Kind.CHUNK, call, body=b"big")
    runner: Any = b.runner
    if way == "its runner is killed":
        [run] = b.bench.runs()
        b.bench._stopper._kill_if_running(run)
    b.bench.bury(runner, failure.make("WorkerLostError", "killed by SIGKILL"))
    assert (b.ended_with(), b.positions, b.what()) == (["PayloadTooLargeError"], [0], [])


async def test_a_chunk_of_a_run_that_was_given_up_is_not_published() -> None:
    """Frames name the epoch they belong to."""
    b = Bench()
    call = b.dispatch("a", epoch=3)
    assert b.bench.get(call, 2) is None
    assert b.bench.get(call, 3) is not None
    assert b.bench.get(b"unknown", 3) is None
