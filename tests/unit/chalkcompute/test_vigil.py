"""Which calls a server is asked about, and what is told of them."""

from __future__ import annotations

import queue
import threading
import time

import pytest

from chalkcompute import progress, vigil
from chalkcompute.inflight import Inflight, Watched
from chalkcompute.vigil import Suspense, Vigil
from fnq.v1 import calls_pb2, session_pb2
from fnq_wire import callid
from fnq_wire.session import ClientSession

GP, EMBED = "a" * 32, "b" * 32
NO_GPU = 'no node has 1 "nvidia-l4"'
#: Seconds after which a test that waits has failed.
PATIENCE_S = 10.0


def call(version: str, number: int, ms: int = 0) -> bytes:
    """Return the id of a call of a version."""
    return callid.make(ms, version, 1, number)


def test_one_call_of_each_version_is_asked_about() -> None:
    """The oldest: it is the one that a worker would take first."""
    waiting = [call(GP, 1), call(EMBED, 2), call(GP, 3)]
    assert Suspense().questions(waiting, 0.0) == [call(GP, 1), call(EMBED, 2)]


def test_a_reason_is_told_once_and_again_when_it_is_another_one() -> None:
    """Also when there was a worker meanwhile, or nobody waited."""
    suspense = Suspense()
    told = []
    for now, reason in enumerate([NO_GPU, NO_GPU, "it starts", "", "it starts"]):
        assert suspense.questions([call(GP, 1)], 100.0 * now) == [call(GP, 1)]
        told.append(suspense.is_news(call(GP, 1), reason, 100.0 * now))
    assert told == [True, False, True, False, True]
    assert suspense.questions([], 500.0) == []
    suspense.questions([call(GP, 2)], 502.0)
    assert suspense.is_news(call(GP, 2), "it starts", 502.0)


def test_a_version_without_a_worker_is_asked_about_at_each_look() -> None:
    """So that whoever waits hears at once that the reason is another one."""
    suspense = Suspense()
    for now in (0.0, 2.0, 4.0, 6.0):
        assert suspense.questions([call(GP, 1)], now) == [call(GP, 1)]
        suspense.is_news(call(GP, 1), NO_GPU, now)


def test_a_version_whose_calls_run_is_asked_about_ever_more_seldom() -> None:
    """At last once in a minute, however many of its calls are waited for."""
    suspense = Suspense()
    asked = []
    for now in range(0, 260, 2):
        if suspense.questions([call(GP, now)], now):
            asked.append(now)
            suspense.is_news(call(GP, now), "", now)
    assert asked == [0, 2, 6, 14, 30, 62, 122, 182, 242]


def test_a_call_is_awaited_while_somebody_waits_for_it() -> None:
    """A watched one also by those who listen for its end."""
    plain, watched = Inflight(call(GP, 1)), Watched(call(GP, 2))
    assert not plain.awaited
    assert not watched.awaited
    plain.wake = lambda: None
    with watched.gate():
        assert (plain.awaited, watched.awaited) == (True, True)
    assert not watched.awaited


class Keeper:
    """Keeps the session of a client, and what is asked and told of its calls."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(vigil, "_LOOK_S", 0.01)
        self.told: queue.Queue[tuple[str, str]] = queue.Queue()
        monkeypatch.setattr(progress, "tell", lambda *line: self.told.put(line))
        self.asked: queue.Queue[bytes] = queue.Queue()
        self.state = ClientSession("default", "test")

    def submit(self, version: str, number: int, *, age_s: float, waits: bool) -> bytes:
        """Put a call in flight that was made so long ago."""
        made_ms = time.time_ns() // 1_000_000 - int(age_s * 1000)
        identity = call(version, number, made_ms)
        sink = Inflight(identity)
        sink.wake = (lambda: None) if waits else None
        self.state.submit(session_pb2.Submission(call=identity, version=version), sink)
        return identity

    def glance(self, identity: bytes) -> calls_pb2.CallFacts | None:
        """Know nothing of a call when it is asked about for the first time."""
        self.asked.put(identity)
        if self.asked.qsize() == 1:
            return None
        return calls_pb2.CallFacts(call=identity, function="gp", no_worker=NO_GPU)


def test_it_is_told_of_a_call_that_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not of one that nobody waits for, nor of one that is new; a silent server is asked again."""
    keeper = Keeper(monkeypatch)
    keeper.submit(EMBED, 1, age_s=9.0, waits=False)
    old = keeper.submit(GP, 2, age_s=8.0, waits=True)
    keeper.submit(EMBED, 3, age_s=-3_600.0, waits=True)
    watching = Vigil(keeper.state, threading.RLock(), keeper.glance)
    assert keeper.told.get(timeout=PATIENCE_S) == ("gp", NO_GPU)
    watching.end()
    assert keeper.told.empty()
    assert set(keeper.asked.queue) == {old}


def test_of_a_watch_the_call_is_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wish to hear of it has an id of its own, which no server knows."""
    keeper = Keeper(monkeypatch)
    wish, spawned = call("000", 1, 1), call(GP, 2, 1)
    watched = Watched(wish)
    watched.listen(lambda: None)
    keeper.state.watch(wish, spawned, watched, end_only=True)
    watching = Vigil(keeper.state, threading.RLock(), keeper.glance)
    assert keeper.told.get(timeout=PATIENCE_S) == ("gp", NO_GPU)
    watching.end()
    assert set(keeper.asked.queue) == {spawned}
