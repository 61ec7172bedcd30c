"""Handles of calls that outlive their callers, without processes."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import chalkcompute
from chalkcompute import Call, as_completed, gather
from chalkcompute.errors import NotDoneError, NotFoundError, RemoteError
from chalkcompute.inflight import Watched
from fnq_wire import callid
from tests.livestack import wait_until
from tests.unit.chalkcompute.memory import MemorySession


class Functions:
    """What the tests call, decorated anew for each."""

    def __init__(self) -> None:
        @chalkcompute.function
        def double(number: int) -> int:
            return 2 * number

        @chalkcompute.function
        def fail(number: int) -> int:
            raise KeyError(number)

        @chalkcompute.function
        def count(upto: int) -> Iterator[int]:
            yield from range(upto)

        @chalkcompute.function
        def zeros(count: int) -> np.ndarray:
            return np.zeros(count)

        self.double, self.fail, self.count, self.zeros = double, fail, count, zeros


@pytest.fixture
def f() -> Functions:
    """Functions of this test's own deployment."""
    return Functions()


def test_a_value_may_be_had_as_often_as_one_likes(session: MemorySession, f: Functions) -> None:
    """The session is asked once."""
    call = f.double.spawn(2)
    assert [call.get(), call.get(timeout=1)] == [4, 4]
    assert len(session.watches) == 1
    assert (call.function, repr(call)) == ("double", f"<Call of double, {call.id}>")


def test_large_values_that_are_had_twice_lie_apart(
    session: MemorySession, f: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are memory that may be written, and who writes changes only its own."""
    watch = session.watch

    def mapped(*args: Any, **kwargs: Any) -> Watched:
        watched = watch(*args, **kwargs)
        wait_until("the call has ended", lambda: watched.outcome is not None)
        assert watched.outcome is not None
        assert watched.outcome.value is not None
        memory = memoryview(bytearray(watched.outcome.value))
        watched.outcome = dataclasses.replace(watched.outcome, value=memory)
        return watched

    monkeypatch.setattr(session, "watch", mapped)
    call = f.zeros.spawn(4)
    one, two = call.get(), asyncio.run(call.aio())
    [three] = gather(call)
    for number, each in enumerate((one, two, three)):
        assert each.tolist() == [0] * 4
        each[...] = number + 1
    assert call.poll()


def test_only_handles_are_waited_for_together(session: MemorySession, f: Functions) -> None:
    """Anything else is told at once."""
    wrongs: list[Any] = [3, [f.double.spawn(1)], f.double]
    for wrong in wrongs:
        with pytest.raises(TypeError, match=r"calls: expected what f\.spawn\(\.\.\.\) returned"):
            gather(wrong)
        with pytest.raises(TypeError, match="calls: expected"):
            as_completed([wrong])


def test_a_call_is_known_by_its_id_alone(session: MemorySession, f: Functions) -> None:
    """Nothing is asked before something is wanted; then its function is known, too."""
    call = f.double.spawn(2)
    other = Call.from_id(call.id)
    assert repr(other) == f"<Call {call.id}>"
    assert (other.get(), other.function, other.id) == (4, "double", call.id)
    assert repr(other) == repr(call)


@pytest.mark.parametrize("text", ["", "x", "0" * 32, "6ba7b810-9dad-11d1-80b4-00c04fd430c8"])
def test_what_is_no_id_is_a_value_error(text: str) -> None:
    """It says what was expected."""
    with pytest.raises(ValueError, match=r"Call\.id"):
        Call.from_id(text)
    with pytest.raises(TypeError, match="text"):
        Call.from_id(7)  # type: ignore[arg-type]


def test_an_id_of_no_call_is_told_by_whoever_asks(session: MemorySession, f: Functions) -> None:
    """By the wait, and by the question how it stands."""
    stranger = Call.from_id(callid.text(callid.make(1, "abc", 1, 1)))
    asks: tuple[Callable[[], object], ...] = (stranger.get, stranger.status, stranger.poll)
    for ask in asks:
        with pytest.raises(NotFoundError):
            ask()


def test_waiting_may_end_before_the_call(
    session: MemorySession, f: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error is a TimeoutError, and says that the call goes on."""
    monkeypatch.setattr(session, "watch", lambda *_, **__: Watched(bytes(16)))
    monkeypatch.setattr(session, "cancel", lambda _: None)
    call = f.double.spawn(1)
    with pytest.raises(TimeoutError, match="goes on") as problem:
        call.get(timeout=0.01)
    assert isinstance(problem.value, NotDoneError)
    with pytest.raises(NotDoneError, match="goes on"):
        asyncio.run(call.aio(timeout=0.01))
    with pytest.raises(NotDoneError, match="1 of 1 calls"):
        list(as_completed([call], timeout=0.01))


def test_failures_are_raised_and_collected(session: MemorySession, f: Functions) -> None:
    """In the order of the calls; or the first one ends the wait."""
    values = gather(f.double.spawn(1), f.fail.spawn(2), f.double.spawn(3), return_exceptions=True)
    assert (values[0], values[2]) == (2, 6)
    assert isinstance(values[1], RemoteError)
    with pytest.raises(RemoteError, match="KeyError: 2") as problem:
        gather(f.double.spawn(1), f.fail.spawn(2))
    assert problem.value.call_id


def test_calls_come_as_they_end(session: MemorySession, f: Functions) -> None:
    """Each once, also where one is named twice or has ended before."""
    calls = [f.double.spawn(n) for n in range(5)]
    calls[3].get()
    assert {each.get() for each in as_completed(calls)} == {0, 2, 4, 6, 8}

    async def read() -> list[int]:
        return [each.get() async for each in as_completed(calls)]

    assert sorted(asyncio.run(read())) == [0, 2, 4, 6, 8]
    assert gather() == []


def test_a_generator_is_read_from_a_position_and_its_readers_leave_it_alone(
    session: MemorySession, f: Functions
) -> None:
    """`get` gives a reader as the plain call does."""
    call = f.count.spawn(5)
    assert (list(call.stream(after=3)), list(call.get())) == ([3, 4], [0, 1, 2, 3, 4])
    for _ in call.stream():
        break
    assert not session.runs[0].cancelled
    with pytest.raises(ValueError, match="position"):
        call.stream(after=-1)


def test_what_is_asked_for_goes_with_each_form_of_a_call(
    session: MemorySession, f: Functions
) -> None:
    """The copy adds to what was asked before, and leaves the handle as it was."""
    asked = f.double.options(timeout=1.5, tags={"a": "b"}).options(deadline=0.0001)
    assert [asked(1), asked.remote(1), asked.spawn(1).get(), asyncio.run(asked.aio(1))] == [2] * 4
    for terms in session.asked:
        assert terms is not None
        assert (terms.timeout_ms, terms.deadline_ms, terms.tags) == (1500, 1, {"a": "b"})
    assert f.double.terms is None
    assert asked.local(4) == 8


def test_a_call_with_a_key_is_accepted_before_it_is_given(
    session: MemorySession, f: Functions
) -> None:
    """By `spawn`, and so by the plain call."""
    once = f.double.options(idempotency_key="k")
    assert [once.spawn(1).get(), once(1), asyncio.run(once.aio(1))] == [2, 2, 2]
    assert len(session.settled) == 3


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"timeout": 0}, ValueError),
        ({"deadline": -1}, ValueError),
        ({"timeout": "1"}, TypeError),
        ({"idempotency_key": ""}, ValueError),
        ({"idempotency_key": 1}, TypeError),
        ({"tags": {"a": 1}}, TypeError),
    ],
)
def test_bad_options_are_told_at_once(
    f: Functions, asked: dict[str, object], error: type[Exception]
) -> None:
    """The error names the argument."""
    with pytest.raises(error, match=next(iter(asked))):
        f.double.options(**asked)  # type: ignore[arg-type]
