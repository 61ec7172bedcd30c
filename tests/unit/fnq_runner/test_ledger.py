"""What waits to begin in a runner, and what runs."""

from __future__ import annotations

from fnq_runner.invocation import Invocation
from fnq_runner.ledger import Ledger
from fnq_wire.pipe import NO_CALL, Decoder, DispatchInfo, encode_dispatch


def dispatched(number: int, depth: int = 0, epoch: int = 1) -> Invocation:
    """Return an invocation of call `number` with a window of nothing."""
    info = DispatchInfo(1, 0, NO_CALL, NO_CALL, 0, 0, 1)
    data = encode_dispatch(number.to_bytes(16, "big"), epoch, depth, info, b"arguments")
    (frame,) = Decoder().feed(data)
    return Invocation(frame)


def ended(ledger: Ledger, invocation: Invocation) -> None:
    """Let an invocation end as a run does."""
    assert ledger.close(invocation)
    ledger.release(invocation)


def test_dispatches_begin_in_order_as_slots_become_free() -> None:
    """One slot: the second begins when the first has ended."""
    ledger, (first, second) = Ledger(1), map(dispatched, (1, 2))
    ledger.arrive(first)
    ledger.arrive(second)
    assert ledger.take() is first
    assert ledger.take() is None
    assert not ledger.startable()
    ended(ledger, first)
    assert ledger.startable()
    assert ledger.take() is second


def test_the_deepest_begins_first() -> None:
    """Of those that may begin the deepest does: the others wait for it at last."""
    ledger, shallow, deep = Ledger(1), dispatched(1), dispatched(2, depth=4)
    ledger.arrive(shallow)
    ledger.arrive(deep)
    assert ledger.take() is deep


def test_only_the_first_wait_lends_and_only_the_last_return_takes_back() -> None:
    """A slot is lent once however many threads of an invocation wait."""
    ledger, invocation = Ledger(1), dispatched(1)
    ledger.arrive(invocation)
    ledger.take()
    assert [ledger.wait(invocation) for _ in range(3)] == [True, False, False]
    assert [ledger.resume(invocation) for _ in range(3)] == [False, False, True]


def test_threads_that_still_wait_do_not_keep_the_slot_of_an_ended_call() -> None:
    """An invocation may end while a thread of its own waits; its slot is free all the same."""
    ledger, invocation, other = Ledger(1), dispatched(1), dispatched(2)
    ledger.arrive(invocation)
    ledger.take()
    ledger.wait(invocation)
    ended(ledger, invocation)
    assert not ledger.resume(invocation)
    ledger.arrive(other)
    assert ledger.take() is other


def test_one_end_is_told_of_a_call() -> None:
    """Of an abandonment and the end of its thread only the first counts."""
    ledger, invocation = Ledger(1), dispatched(1)
    ledger.arrive(invocation)
    ledger.take()
    assert ledger.close(invocation)
    assert not ledger.close(invocation)


def test_only_what_has_not_begun_can_be_withdrawn() -> None:
    """A queued dispatch is found by call and epoch; a running one is not."""
    ledger, running, queued = Ledger(1), dispatched(1), dispatched(2, epoch=7)
    ledger.arrive(running)
    ledger.take()
    ledger.arrive(queued)
    assert ledger.withdraw(running.call, 1) is None
    assert ledger.withdraw(queued.call, 1) is None
    assert ledger.withdraw(queued.call, 7) is queued
    assert not ledger.queued


def test_credit_reaches_what_runs_and_what_waits() -> None:
    """Totals only rise; whoever waits for them is woken."""
    ledger, invocation, woken = Ledger(1), dispatched(1), []
    ledger.arrive(invocation)
    ledger.credit(invocation.call, 2, 100)
    assert invocation.has_credit()
    invocation.wake = lambda: woken.append(1)
    ledger.take()
    ledger.credit(invocation.call, 9, 90)
    assert (invocation.credit_chunks, invocation.credit_bytes, len(woken)) == (9, 100, 1)
    ledger.credit(b"unknown", 9, 90)


def test_a_ledger_that_drains_is_finished_when_nothing_runs() -> None:
    """What was queued is handed back; what runs is waited for."""
    ledger, running, queued = Ledger(1), dispatched(1), dispatched(2)
    ledger.arrive(running)
    ledger.take()
    ledger.arrive(queued)
    assert ledger.drain() == [queued]
    assert not ledger.finished
    ended(ledger, running)
    assert ledger.finished
