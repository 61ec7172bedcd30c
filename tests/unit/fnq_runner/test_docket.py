"""What waits to begin in a runner, and what runs."""

from __future__ import annotations

from fnq_runner.docket import Docket
from fnq_runner.invocation import Invocation
from fnq_wire.pipe import NO_CALL, Decoder, DispatchInfo, encode_dispatch


def dispatched(number: int, depth: int = 0, epoch: int = 1) -> Invocation:
    """Return an invocation of call `number` with a window of nothing."""
    info = DispatchInfo(1, 0, NO_CALL, NO_CALL, 0, 0, 1)
    data = encode_dispatch(number.to_bytes(16, "big"), epoch, depth, info, b"arguments")
    (frame,) = Decoder().feed(data)
    return Invocation(frame)


def ended(docket: Docket, invocation: Invocation) -> None:
    """Let an invocation end as a run does."""
    assert docket.close(invocation)
    docket.release(invocation)


def test_dispatches_begin_in_order_as_slots_become_free() -> None:
    """One slot: the second begins when the first has ended."""
    docket, (first, second) = Docket(1), map(dispatched, (1, 2))
    docket.arrive(first)
    docket.arrive(second)
    assert docket.take() is first
    assert docket.take() is None
    assert not docket.startable()
    ended(docket, first)
    assert docket.startable()
    assert docket.take() is second


def test_the_deepest_begins_first() -> None:
    """Of those that may begin the deepest does: the others wait for it at last."""
    docket, shallow, deep = Docket(1), dispatched(1), dispatched(2, depth=4)
    docket.arrive(shallow)
    docket.arrive(deep)
    assert docket.take() is deep


def test_only_the_first_wait_lends_and_only_the_last_return_takes_back() -> None:
    """A slot is lent once however many threads of an invocation wait."""
    docket, invocation = Docket(1), dispatched(1)
    docket.arrive(invocation)
    docket.take()
    assert [docket.wait(invocation) for _ in range(3)] == [True, False, False]
    assert [docket.resume(invocation) for _ in range(3)] == [False, False, True]


def test_threads_that_still_wait_do_not_keep_the_slot_of_an_ended_call() -> None:
    """An invocation may end while a thread of its own waits; its slot is free all the same."""
    docket, invocation, other = Docket(1), dispatched(1), dispatched(2)
    docket.arrive(invocation)
    docket.take()
    docket.wait(invocation)
    ended(docket, invocation)
    assert not docket.resume(invocation)
    docket.arrive(other)
    assert docket.take() is other


def test_one_end_is_told_of_a_call() -> None:
    """Of an abandonment and the end of its thread only the first counts."""
    docket, invocation = Docket(1), dispatched(1)
    docket.arrive(invocation)
    docket.take()
    assert docket.close(invocation)
    assert not docket.close(invocation)


def test_only_what_has_not_begun_can_be_withdrawn() -> None:
    """A queued dispatch is found by call and epoch; a running one is not."""
    docket, running, queued = Docket(1), dispatched(1), dispatched(2, epoch=7)
    docket.arrive(running)
    docket.take()
    docket.arrive(queued)
    assert docket.withdraw(running.call, 1) is None
    assert docket.withdraw(queued.call, 1) is None
    assert docket.withdraw(queued.call, 7) is queued
    assert not docket.queued


def test_credit_reaches_what_runs_and_what_waits() -> None:
    """Totals only rise; whoever waits for them is woken."""
    docket, invocation, woken = Docket(1), dispatched(1), []
    docket.arrive(invocation)
    docket.credit(invocation.call, 2, 100)
    assert invocation.has_credit()
    invocation.wake = lambda: woken.append(1)
    docket.take()
    docket.credit(invocation.call, 9, 90)
    assert (invocation.credit_chunks, invocation.credit_bytes, len(woken)) == (9, 100, 1)
    docket.credit(b"unknown", 9, 90)


def test_a_ledger_that_drains_is_finished_when_nothing_runs() -> None:
    """What was queued is handed back; what runs is waited for."""
    docket, running, queued = Docket(1), dispatched(1), dispatched(2)
    docket.arrive(running)
    docket.take()
    docket.arrive(queued)
    assert docket.drain() == [queued]
    assert not docket.finished
    ended(docket, running)
    assert docket.finished
