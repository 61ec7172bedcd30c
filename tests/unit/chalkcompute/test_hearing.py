"""What handles of detached calls ask of which session, and what they leave behind."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable

import numpy as np
import pytest

import chalkcompute
from chalkcompute import Call, RemoteFunction, as_completed, gather, runtime
from chalkcompute.errors import ConnectionLostError, NotDoneError
from chalkcompute.inflight import Inflight, Outcome, Watched
from fnq_wire.arrow import Codec
from fnq_wire.failure import of
from tests.unit.chalkcompute.memory import MemorySession

Double = RemoteFunction[[int], int, int]


@pytest.fixture
def double() -> Double:
    """A function of this test's own deployment."""

    @chalkcompute.function
    def double(number: int) -> int:
        return 2 * number

    return double


class Deaf(MemorySession):
    """Hears of no end, and notes what is no longer wanted."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[Watched] = []
        self.left: list[Inflight] = []

    def watch(self, call: bytes, after: int = 0, *, end_only: bool = False) -> Watched:
        self.given.append(Watched(bytes([len(self.given)])))
        return self.given[-1]

    def cancel(self, inflight: Inflight) -> None:
        self.left.append(inflight)


def _deaf(session: MemorySession) -> Deaf:
    """Have a session that knows the same calls be the process' own."""
    deaf = Deaf()
    deaf.spawned, deaf.versions, deaf.bodies = session.spawned, session.versions, session.bodies
    runtime.install(deaf, worker=False)
    return deaf


def _wait_in_vain(call: Call[int]) -> None:
    with pytest.raises(NotDoneError):
        call.get(timeout=0.001)


def test_a_handle_that_is_forgotten_tells_the_session_that_it_asked(
    session: MemorySession, double: Double
) -> None:
    """Not the one that the process has by then: a finalizer would open it."""
    call = double.spawn(1)
    deaf = _deaf(session)
    _wait_in_vain(call)
    after = _deaf(session)
    del call
    gc.collect()
    assert (deaf.left, after.left) == (deaf.given, [])


def test_a_handle_asks_anew_where_the_process_has_another_session(
    session: MemorySession, double: Double
) -> None:
    """A fork has one of its own, and nothing comes through its parent's."""
    call = double.spawn(1)
    _deaf(session)
    _wait_in_vain(call)
    runtime.install(session, worker=False)
    assert call.get(timeout=5) == 2


def test_what_has_ended_is_had_without_any_patience(
    session: MemorySession, double: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its end takes a moment on its way, and is there all the same."""
    watch = session.watch

    def late(call: bytes, after: int = 0, *, end_only: bool = False) -> Watched:
        heard, slow = watch(call, after, end_only=end_only), Watched(bytes(16))

        def tell() -> None:
            heard.listen(lambda: slow.finish(heard.outcome or Outcome()))

        threading.Timer(0.05, tell).start()
        return slow

    calls = [double.spawn(n) for n in range(2)]
    for thread in session.threads:
        thread.join()
    monkeypatch.setattr(session, "watch", late)
    assert calls[0].get(timeout=0) == 0
    assert asyncio.run(calls[1].aio(timeout=0)) == 2


def test_waiting_in_vain_leaves_nothing_behind(session: MemorySession, double: Double) -> None:
    """However often that is, and whoever waits."""
    call = double.spawn(1)
    deaf = _deaf(session)
    for _ in range(3):
        _wait_in_vain(call)
        with pytest.raises(NotDoneError):
            asyncio.run(call.aio(timeout=0.001))
        with pytest.raises(NotDoneError):
            next(as_completed([call], timeout=0.001))
    gc.collect()
    assert len(deaf.given) == 1
    assert deaf.given[0]._listeners == []


def test_calls_are_heard_after_a_first_look_that_failed(
    session: MemorySession, double: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No server answered then; the next look asks for all of them."""
    ended = as_completed([double.spawn(1)], timeout=5)
    good = session.watch

    def bad(*_: object, **__: object) -> Watched:
        monkeypatch.setattr(session, "watch", good)
        raise ConnectionLostError("no server answers")

    monkeypatch.setattr(session, "watch", bad)
    with pytest.raises(ConnectionLostError):
        next(ended)
    assert next(ended).get() == 2


def _with_array(session: MemorySession, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have ends bring an array, in memory that may be written: a file mapped into it."""
    payload = Codec.of_parameters(()).encode_result(np.zeros(100_000))

    def watch(*_: object, **__: object) -> Watched:
        watched = Watched(bytes(16))
        watched.finish(Outcome(value=memoryview(bytearray(payload))))
        return watched

    monkeypatch.setattr(session, "watch", watch)


@pytest.mark.parametrize("have", [lambda call: call.get(), lambda call: gather(call)[0]])
def test_what_is_had_twice_is_not_the_same_memory(
    session: MemorySession,
    double: Double,
    monkeypatch: pytest.MonkeyPatch,
    have: Callable[[Call[int]], np.ndarray],
) -> None:
    """Whoever changes the one finds the other as it came."""
    _with_array(session, monkeypatch)
    call = double.spawn(1)
    first = have(call)
    first += 1
    assert have(call).max() == 0


def test_a_call_that_was_accepted_unheard_gives_its_value(
    session: MemorySession, double: Double
) -> None:
    """Its session broke before the server's word came; the next one knows how it ended."""
    call = double.spawn(1)
    assert call._sent is not None
    call._sent.finish(Outcome(failure=of(ConnectionLostError("the server went away"))))
    assert call.get(timeout=5) == 2
