"""Wishes to hear of detached calls, as a client's session keeps them."""

from __future__ import annotations

from collections import deque
from pathlib import Path

from fnq.v1 import result_pb2, session_pb2
from fnq_wire import callid
from fnq_wire.protocol import PROTOCOL
from fnq_wire.session import ClientSession
from fnq_wire.spool import Spool

_WELCOME = session_pb2.Welcome(protocol=PROTOCOL, session=5, secret=b"s", inbox="i")
_CALL = callid.make(1, "abc", 7, 1)


def _watched(session: ClientSession) -> bytes:
    wish = session.next_id(callid.NO_VERSION)
    session.watch(wish, _CALL, object())
    return wish


def test_a_wish_is_withdrawn_with_the_next_frame() -> None:
    """Nothing is said of the call itself."""
    session = ClientSession("default", "a test")
    session.welcome(_WELCOME, None)
    session.take()
    wish = _watched(session)
    session.take()
    session.cancel(wish, "not wanted")
    frame = session.take()
    assert frame is not None
    assert (frame.ended, list(frame.cancellations)) == (wish, [])
    assert not session.in_flight
    assert session.take() is None


def test_a_wish_may_be_withdrawn_while_its_end_is_taken_up(tmp_path: Path) -> None:
    """Finalizers do so, in the middle of whatever the session's own thread is at."""
    wishes: list[bytes] = []

    def opener(_: Spool, name: str, size: int, sink: object) -> bytes:
        for wish in wishes:
            session.cancel(wish, "not wanted")
        return b"large"

    session = ClientSession("default", "a test", opener=opener)
    session.welcome(_WELCOME, Spool(str(tmp_path)))
    wishes += [_watched(session), _watched(session)]
    session.take()
    result = result_pb2.Result(call=wishes[0], epoch=1)
    result.end.value.reference.house = result_pb2.Reference.SPOOL
    frame = session_pb2.ServerFrame(results=[result.SerializeToString()])
    [event] = session.receive(frame)
    assert event.value == b"large"
    told = session.take()
    assert told is not None
    assert told.ended == b"".join(wishes)
    assert not session.in_flight


def test_several_threads_clear_away_at_once(tmp_path: Path) -> None:
    """Each takes what the others have left, which may be nothing."""

    class Shared(deque[str]):
        """Looks full to one more than it is."""

        def __bool__(self) -> bool:
            return True

    session = ClientSession("default", "a test")
    session.welcome(_WELCOME, Spool(str(tmp_path)))
    session.litter = Shared(["no-name", "no-name-either"])
    session.clear_away()
    assert list(session.litter) == []


def test_a_wish_that_was_withdrawn_is_not_said_to_another_server() -> None:
    """Nor does it count as in flight any more."""
    session = ClientSession("default", "a test")
    session.welcome(_WELCOME, None)
    wish = _watched(session)
    session.take()
    session.cancel(wish, "not wanted")
    session.welcome(session_pb2.Welcome(protocol=PROTOCOL, session=6, inbox="j"), None)
    frame = session.take()
    assert frame is not None
    assert (frame.resumed, list(frame.watches)) == (True, [])
    assert not session.in_flight
