"""The client's half of the session protocol."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fnq.v1 import result_pb2, session_pb2
from fnq_wire import callid
from fnq_wire import session as session_module
from fnq_wire.error import ProtocolError
from fnq_wire.limits import FULL_FRAME
from fnq_wire.protocol import PROTOCOL
from fnq_wire.session import ClientSession
from tests.unit.fnq_wire.wire import Caller

#: Bytes of a payload that goes ahead in parts.
_LARGE = 4 << 20
STEP = st.one_of(
    st.tuples(st.just("submit"), st.integers(0, 4)),
    st.tuples(st.just("run"), st.integers(0, 50)),
    st.sampled_from(["send", "serve", "append", "receive"]).map(lambda name: (name, 0)),
    st.sampled_from(["break", "elsewhere"]).map(lambda name: (name, 0)),
)


def _walk(caller: Caller, steps: list[tuple[str, int]]) -> None:
    for name, number in steps:
        if name == "submit":
            caller.submit(number)
        elif name == "run":
            caller.run(number)
        elif name in ("break", "elsewhere"):
            caller.connect(elsewhere=name == "elsewhere")
        else:
            getattr(caller, name)()


@settings(max_examples=400)
@given(st.lists(STEP, max_size=150), st.sampled_from([1, 2, 1_000]))
def test_whatever_breaks_each_call_is_heard_exactly(
    steps: list[tuple[str, int]], resumptions: int
) -> None:
    """No submission is lost or doubled, each position comes once and in order, then one end.

    Streams break and servers die at any point, also between two frames of a resumption;
    afterwards nothing is kept in an inbox.
    """
    caller = Caller()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session_module, "_MAX_RESUMPTIONS", resumptions)
        _walk(caller, steps)
        caller.settle()
    for heard in caller.heard:
        length = caller.record.calls[heard.call].length
        assert heard.chunks == [b"%d" % position for position in range(length)]
        assert heard.ends == 1
    assert caller.record.doubled == []
    assert len(caller.record.calls) == len(caller.heard)
    # What a broken stream had not acknowledged, its inbox loses when it expires.
    if not {"break", "elsewhere"} & {name for name, _ in steps}:
        assert not any(each.kept for each in caller.record.calls.values())


def _granted(
    mark: int = 0, session: int = 5, inbox: str = "inbox", protocol: int = PROTOCOL
) -> session_pb2.Welcome:
    return session_pb2.Welcome(
        protocol=protocol, session=session, secret=b"s", mark=mark, inbox=inbox
    )


def _session() -> ClientSession:
    made = ClientSession("default", "a test")
    made.welcome(_granted(), None)
    return made


def _submit(session: ClientSession, payload: bytes = b"x") -> bytes:
    submission = session_pb2.Submission(call=session.next_id("abc"), version="abc")
    submission.payload.inline = payload
    session.submit(submission, submission.call)
    return submission.call


def _result(call: bytes, position: int, *chunks: bytes, end: bool = False) -> bytes:
    result = result_pb2.Result(call=call, epoch=1, position=position)
    for chunk in chunks:
        result.chunks.add(inline=chunk)
    result.end.exhausted = end
    if not end:
        result.ClearField("end")
    return result.SerializeToString()


def test_ids_carry_the_session_and_the_version() -> None:
    """Each is another one, and anybody can read it."""
    session = _session()
    ids = [session.next_id("abc123") for _ in range(100)]
    assert len(set(ids)) == 100
    assert {(callid.parse(each).session, callid.parse(each).function) for each in ids} == {
        (5, 0xABC)
    }


def test_what_one_turn_brings_goes_out_in_one_frame() -> None:
    """Many submissions, the newest credit of each call, cancellations."""
    session = _session()
    calls = [_submit(session) for _ in range(10)]
    session.credit(calls[0], 1, 10)
    session.credit(calls[0], 2, 20)
    session.cancel(calls[1], "enough")
    frame = session.take()
    assert frame is not None
    assert [each.call for each in frame.submissions] == calls
    assert [each.seq for each in frame.submissions] == list(range(1, 11))
    assert [each.chunks for each in frame.credits] == [2]
    assert [each.call for each in frame.cancellations] == [calls[1]]
    assert session.take() is None


def test_large_payloads_are_spread_over_frames() -> None:
    """A frame stays far below what gRPC takes."""
    session = _session()
    for _ in range(50):
        _submit(session, bytes(256 << 10))
    sizes = []
    while (frame := session.take()) is not None:
        sizes.append(frame.ByteSize())
    assert len(sizes) > 1
    assert max(sizes) < 9 << 20


def test_payloads_in_parts_are_spread_over_frames() -> None:
    """However many are offered at once, each with all of its bytes before its submission."""
    session, blobs = _session(), dict[int, int]()
    for _ in range(20):
        submission = session_pb2.Submission(call=session.next_id("abc"), version="abc")
        session.submit(submission, submission.call, bytes(_LARGE))
    offered, sizes = 0, []
    while (frame := session.take()) is not None:
        sizes.append(frame.ByteSize())
        for part in frame.parts:
            blobs[part.blob] = blobs.get(part.blob, 0) + len(part.data)
        for each in frame.submissions:
            offered += 1
            assert blobs[int(each.payload.reference.key)] == _LARGE
    assert offered == 20
    assert max(sizes) < FULL_FRAME + 2 * _LARGE


def _said(session: ClientSession, call: bytes) -> list[list[str]]:
    """Return the fields in which each frame that goes out names a call."""
    said = []
    while (frame := session.take()) is not None:
        said.append(
            [
                name
                for name in ("submissions", "credits", "cancellations")
                if call in [each.call for each in getattr(frame, name)]
            ]
        )
    return said


def test_nothing_is_said_of_a_call_before_it_is_offered() -> None:
    """A server passes over what it hears of a call that it does not know."""
    session = _session()
    *_, call = [_submit(session) for _ in range(5_000)]
    session.credit(call, 1, 10)
    session.cancel(call, "enough")
    assert _said(session, call) == [[], [], ["submissions", "credits", "cancellations"]]
    assert session.idle


def test_nothing_is_said_of_a_call_before_it_is_offered_again() -> None:
    """To the server that took the place of one that had not accepted it."""
    session = _session()
    *_, call = [_submit(session) for _ in range(5_000)]
    while session.take() is not None:
        continue
    session.cancel(call, "enough")
    assert _said(session, call) == [["cancellations"]]
    session.welcome(_granted(), None)
    assert _said(session, call) == [[], [], ["submissions", "cancellations"]]


def test_a_submission_says_what_is_left_of_its_time() -> None:
    """It may have waited for a stream, and be offered again after an outage; at least 1 ms."""
    session = ClientSession("default", "a test")
    session.welcome(_granted(), None)
    for remaining_ms in (60_000, 1, 0):
        call = session.next_id("ab" * 32)
        submission = session_pb2.Submission(call=call, remaining_ms=remaining_ms)
        session.submit(submission, "sink")
    for pending in session._calls.values():
        pending.deadline -= 10.0 if pending.deadline else 0.0
    for _ in range(2):
        frame = session.take()
        assert frame is not None
        long, short, none = [each.remaining_ms for each in frame.submissions]
        assert 49_000 < long <= 50_000
        assert (short, none) == (1, 0)
        session.welcome(_granted(), None)


def test_acknowledgements_alone_are_not_urgent() -> None:
    """They may wait for something to travel with, until there are many."""
    session = _session()
    session.take()
    call = _submit(session)
    session.take()
    session.receive(session_pb2.ServerFrame(mark=1, results=[_result(call, 0, b"a")]))
    assert (session.urgent, session.idle) == (False, False)
    frame = session.take()
    assert frame is not None
    assert [(each.call, each.position) for each in frame.acknowledgements] == [(call, 1)]
    assert session.idle


def test_many_acknowledgements_are_urgent() -> None:
    """The server keeps what is not acknowledged."""
    session = _session()
    calls = [_submit(session) for _ in range(1_000)]
    while session.take() is not None:
        continue
    ends = [_result(call, 0, end=True) for call in calls]
    session.receive(session_pb2.ServerFrame(mark=1_000, results=ends))
    assert session.urgent
    frame = session.take()
    assert frame is not None
    assert frame.ended == b"".join(calls)


def test_an_end_tells_which_attempt_it_is_of() -> None:
    """Also one that a server decrees, which may know less than came before."""
    session = ClientSession("default", "a test")
    session.welcome(_granted(), None)
    call = session.next_id("ab" * 32)
    session.submit(session_pb2.Submission(call=call, repeatable=True, divergent=True), "sink")
    session.take()
    said = result_pb2.Result(call=call, epoch=2, attempt=1)
    said.chunks.add(inline=b"a")
    end = result_pb2.Result(call=call, epoch=2, position=1, decreed=True)
    end.end.failure.error = "CallCancelledError"
    frame = session_pb2.ServerFrame(mark=1, results=[said.SerializeToString()])
    assert [event.attempt for event in session.receive(frame)] == [1]
    session.welcome(_granted(mark=1), None)
    resumed = session.take()
    assert resumed is not None
    assert resumed.resumptions[0].divergent
    frame = session_pb2.ServerFrame(results=[end.SerializeToString()])
    assert [event.attempt for event in session.receive(frame)] == [1]


def test_a_gap_and_a_repetition_are_not_passed_on() -> None:
    """Only the next position is; a result that overlaps is cut."""
    session = _session()
    call = _submit(session)
    said = [(0, [b"a"]), (2, [b"c"]), (0, [b"a"]), (0, [b"a", b"b"]), (2, [b"c"])]
    heard = []
    for position, chunks in said:
        frame = session_pb2.ServerFrame(results=[_result(call, position, *chunks)])
        heard += [chunk for event in session.receive(frame) for chunk in event.chunks]
    assert heard == [b"a", b"b", b"c"]


def test_what_is_in_flight_is_resumed_with_all_that_is_known_of_it() -> None:
    """Inbox, position, epoch, consumer and credit; and it is cancelled again if it was."""
    session = _session()
    call, other = _submit(session), _submit(session)
    session.take()
    result = result_pb2.Result(call=call, epoch=3)
    result.started.consumer = "c1"
    result.chunks.add(inline=b"a")
    session.receive(session_pb2.ServerFrame(mark=1, results=[result.SerializeToString()]))
    session.credit(call, 9, 99)
    session.cancel(call, "enough")
    session.welcome(_granted(mark=1, inbox="another"), None)
    frame = session.take()
    assert frame is not None
    assert frame.resumed
    [resumption] = frame.resumptions
    assert (resumption.call, resumption.inbox) == (call, "inbox")
    assert (resumption.position, resumption.epoch, resumption.consumer) == (1, 3, "c1")
    assert resumption.credit.chunks == 9
    assert [each.reason for each in frame.cancellations] == ["enough"]
    assert [(each.call, each.seq) for each in frame.submissions] == [(other, 2)]


def test_what_is_in_flight_is_resumed_in_as_many_frames_as_it_takes() -> None:
    """Each far below what gRPC takes; nothing else is said before the last of them."""
    session = _session()
    calls = [_submit(session) for _ in range(25_000)]
    while session.take() is not None:
        continue
    session.receive(session_pb2.ServerFrame(mark=len(calls)))
    session.welcome(_granted(mark=len(calls)), None)
    late = _submit(session)
    session.cancel(calls[0], "enough")
    frames = []
    while (frame := session.take()) is not None:
        frames.append(frame)
        # What ends meanwhile is not resumed any more, and acknowledged in the end.
        if len(frames) == 1:
            session.receive(session_pb2.ServerFrame(results=[_result(calls[-1], 0, end=True)]))
    assert [each.call for frame in frames for each in frame.resumptions] == calls[:-1]
    *before, last = frames
    assert before
    assert max(frame.ByteSize() for frame in frames) < FULL_FRAME
    for frame in before:
        assert not frame.resumed
        assert (len(frame.submissions), len(frame.cancellations), frame.ended) == (0, 0, b"")
    assert (last.resumed, last.ended) == (True, calls[-1])
    assert [each.call for each in last.submissions] == [late]
    assert [each.call for each in last.cancellations] == [calls[0]]


def test_another_session_is_offered_only_what_has_not_ended() -> None:
    """The old one was forgotten; its sequence begins at one again."""
    session = _session()
    ended, waiting = _submit(session), _submit(session)
    session.take()
    session.receive(session_pb2.ServerFrame(results=[_result(ended, 0, end=True)]))
    session.welcome(_granted(session=6), None)
    frame = session.take()
    assert frame is not None
    assert [(each.call, each.seq) for each in frame.submissions] == [(waiting, 1)]


def test_a_call_that_ended_without_being_accepted_is_not_offered_again() -> None:
    """A server refused it and could not record that: the next one would run it for nobody."""
    session = _session()
    ended, waiting = _submit(session), _submit(session)
    session.take()
    session.receive(session_pb2.ServerFrame(results=[_result(ended, 0, end=True)]))
    session.welcome(_granted(), None)
    frame = session.take()
    assert frame is not None
    assert [(each.call, each.seq) for each in frame.submissions] == [(waiting, 2)]


def test_a_decreed_end_comes_whatever_the_position() -> None:
    """Who decrees it does not know how far the client is."""
    session = _session()
    call = _submit(session)
    result = result_pb2.Result(call=call, epoch=1, position=7, decreed=True)
    result.end.failure.error = "WorkerLostError"
    [event] = session.receive(session_pb2.ServerFrame(results=[result.SerializeToString()]))
    assert event.end is not None
    assert event.end.failure.error == "WorkerLostError"
    assert not session.in_flight


@pytest.mark.parametrize(("protocol", "older"), [(0, "fnq-server"), (PROTOCOL + 1, "a test")])
def test_a_server_of_another_version_is_not_taken_up(protocol: int, older: str) -> None:
    """The error names both versions and the end to update; nothing was granted."""
    session = ClientSession("default", "a test")
    with pytest.raises(ProtocolError) as told:
        session.welcome(_granted(protocol=protocol), None)
    assert str(told.value) == (
        f"fnq-server speaks version {protocol} of the protocol, a test version {PROTOCOL}: "
        f"update fnq where {older} runs"
    )
    assert not session.granted


def _large(call: bytes, position: int, *blobs: int) -> session_pb2.ServerFrame:
    """Return a frame with large chunks: their parts, and the result that refers to them."""
    frame = session_pb2.ServerFrame()
    result = result_pb2.Result(call=call, epoch=1, position=position)
    for blob in blobs:
        frame.parts.add(blob=blob, data=b"large")
        result.chunks.add().reference.CopyFrom(result_pb2.Reference(key=str(blob), size=5))
    frame.results.append(result.SerializeToString())
    return frame


def test_large_values_that_were_heard_before_are_let_go() -> None:
    """Those of a result that comes again, in whole or in part, and of a call that has ended."""
    session = _session()
    call = _submit(session)
    session.take()
    assert [event.chunks for event in session.receive(_large(call, 0, 1))] == [[b"large"]]
    assert session.receive(_large(call, 0, 2)) == []
    assert [event.chunks for event in session.receive(_large(call, 0, 3, 4))] == [[b"large"]]
    session.receive(session_pb2.ServerFrame(results=[_result(call, 2, end=True)]))
    assert session.receive(_large(call, 2, 5)) == []
    assert session._parcels._parts == {}
