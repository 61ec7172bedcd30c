"""The one stream of a script to a server."""

from __future__ import annotations

import errno
import itertools
import os
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

from chalkcompute import parking
from chalkcompute import session as session_module
from chalkcompute.config import Config
from chalkcompute.control import CLIENT
from chalkcompute.errors import (
    ConnectionLostError,
    PayloadTooLargeError,
    ProtocolError,
    QueueFullError,
)
from chalkcompute.inflight import Inflight, Outcome, Target
from chalkcompute.session import ServerSession
from fnq.v1 import result_pb2, session_pb2, session_pb2_grpc
from fnq_wire.limits import INLINE
from fnq_wire.protocol import PROTOCOL
from fnq_wire.spool import Spool

TARGET = Target("a" * 32, "add", "function", 1, False)
STREAM = Target("b" * 32, "count", "generator", 1, False)
#: Seconds after which a test that waits has failed.
PATIENCE_S = 10.0


class Full(session_pb2_grpc.SessionsServicer):
    """Has no room for another session."""

    def Open(self, frames: Any, context: Any) -> Iterator[Any]:  # noqa: N802 - of the wire
        context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "Redis is full")
        yield


class Stranger(session_pb2_grpc.SessionsServicer):
    """Grants a session in another version of the protocol."""

    def __init__(self, protocol: int) -> None:
        self.protocol = protocol
        self.opened = 0

    def Open(self, frames: Any, context: Any) -> Iterator[Any]:  # noqa: N802 - of the wire
        self.opened += 1
        yield session_pb2.ServerFrame(
            welcome=session_pb2.Welcome(protocol=self.protocol, session=1, secret=b"s", inbox="i")
        )
        for _ in frames:
            continue


class Open(session_pb2_grpc.SessionsServicer):
    """Grants its session anew on each stream, and keeps what it hears.

    `answer` says what it sends for a frame; with `refuse` a submission breaks the stream.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self.heard: queue.Queue[session_pb2.ClientFrame] = queue.Queue()
        self.answer: Callable[[session_pb2.ClientFrame], list[result_pb2.Result]] = lambda _: []
        self.refuse = grpc.StatusCode.OK
        self.opened = 0
        self.welcome = session_pb2.Welcome(protocol=PROTOCOL, session=1, secret=b"s", inbox="i")
        if directory is not None:
            self.spool = Spool(str(directory / "spool"))
            self.spool.offer(b"a proof")
            self.welcome.spool, self.welcome.nonce = self.spool.directory, b"a proof"

    def Open(self, frames: Any, context: Any) -> Iterator[Any]:  # noqa: N802 - of the wire
        self.opened += 1
        next(frames)
        yield session_pb2.ServerFrame(welcome=self.welcome)
        for frame in frames:
            self.heard.put(frame)
            results = [each.SerializeToString() for each in self.answer(frame)]
            if results:
                yield session_pb2.ServerFrame(results=results)
            if frame.submissions and self.refuse is not grpc.StatusCode.OK:
                context.abort(self.refuse, "no such frame")


class Watched(Inflight):
    """Keeps every gate at which its reader parked."""

    __slots__ = ("gates",)

    def __init__(self) -> None:
        self.gates: queue.Queue[Callable[[], None]] = queue.Queue()
        super().__init__(b"c" * 16)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "wake" and value is not None:
            self.gates.put(value)


@contextmanager
def connected(server: session_pb2_grpc.SessionsServicer) -> Iterator[ServerSession]:
    """Yield a session with that server."""
    host = grpc.server(ThreadPoolExecutor(4))
    session_pb2_grpc.add_SessionsServicer_to_server(server, host)
    port = host.add_insecure_port("127.0.0.1:0")
    host.start()
    session = ServerSession(Config(addr=f"127.0.0.1:{port}"))
    try:
        yield session
    finally:
        session.close()
        host.stop(0).wait()


def test_who_waits_for_a_full_disk_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The stack can say nothing then; nor is anything said of a disk when no call waits."""
    looked, free = queue.Queue[int](), 0

    def statvfs(_: object) -> Any:
        looked.put(free)
        return SimpleNamespace(f_bavail=free, f_frsize=4096)

    monkeypatch.setattr("os.statvfs", statvfs)
    monkeypatch.setattr(session_module, "_QUIET_S", 0.01)
    with connected(Open(tmp_path)) as session:
        session.submit(TARGET, b"x")
        for _ in range(3):
            looked.get(timeout=10)
        free = 1 << 20
        while looked.get(timeout=10) != free or looked.get(timeout=10) != free:
            continue
    said = capsys.readouterr().err.splitlines()
    assert [line.partition(str(tmp_path))[2] for line in said] == [
        " is full: calls wait until some is freed (FNQ_HOME)",
        " has room again",
    ]


@pytest.mark.parametrize(("protocol", "older"), [(0, "fnq-server"), (PROTOCOL + 1, CLIENT)])
def test_a_server_of_another_version_ends_every_call(protocol: int, older: str) -> None:
    """At the first answer, with both versions and the end to update; it is not asked again."""
    server = Stranger(protocol)
    with connected(server) as session, pytest.raises(ProtocolError) as told:
        session.submit(TARGET, b"x")
    assert str(told.value) == (
        f"fnq-server speaks version {protocol} of the protocol, {CLIENT} version {PROTOCOL}: "
        f"update fnq where {older} runs"
    )
    assert server.opened == 1


def test_a_stack_that_is_full_refuses_with_its_words() -> None:
    """Not as a server that cannot be reached."""
    with connected(Full()) as session, pytest.raises(QueueFullError, match="Redis is full"):
        session.submit(TARGET, b"x")


def test_a_late_wake_up_does_not_take_away_the_next_one() -> None:
    """Who woke the reader may get round to it when the reader has parked again."""
    inflight = Watched()
    with connected(Open()) as session:
        assert not session.park(inflight, 0)
        late = inflight.gates.get(timeout=PATIENCE_S)
        reader = threading.Thread(target=session.park, args=(inflight, PATIENCE_S * 2))
        reader.start()
        inflight.gates.get(timeout=PATIENCE_S)
        late()
        inflight.push(b"1")
        reader.join(PATIENCE_S)
        assert not reader.is_alive()


def test_a_reader_that_is_woken_twice_is_woken() -> None:
    """Both chunks came before it had gone on."""
    inflight = Watched()
    with connected(Open()) as session:
        reader = threading.Thread(target=session.park, args=(inflight, PATIENCE_S * 2))
        reader.start()
        wake = inflight.gates.get(timeout=PATIENCE_S)
        wake()
        reader.join(PATIENCE_S)
        assert not reader.is_alive()
        wake()
        wake()


def test_a_frame_that_breaks_every_stream_ends_its_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """The session is not taken up again for ever; the error says what the server said."""
    monkeypatch.setattr(session_module, "PATIENCE_S", 0.2)
    server = Open()
    server.refuse = grpc.StatusCode.INVALID_ARGUMENT
    with connected(server) as session:
        inflight = session.submit(TARGET, b"x")
        assert session.park(inflight, PATIENCE_S)
        assert session.over
        with pytest.raises(ConnectionLostError, match="before it brought anything"):
            session.submit(TARGET, b"x")
    assert inflight.outcome is not None
    assert inflight.outcome.failure is not None
    assert inflight.outcome.failure["error"] == "ConnectionLostError"
    assert "INVALID_ARGUMENT: no such frame" in str(inflight.outcome.failure["message"])
    assert server.opened > 1


def test_a_session_goes_on_however_often_its_streams_break(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As long as each of them brings something: here one chunk, and the end."""
    monkeypatch.setattr(session_module, "PATIENCE_S", 0.0)
    server, sent = Open(), itertools.count()

    def one_more(frame: session_pb2.ClientFrame) -> list[result_pb2.Result]:
        results = []
        for each in frame.submissions:
            result = result_pb2.Result(call=each.call, epoch=1, position=next(sent))
            if result.position < 10:
                result.chunks.add(inline=b"%d" % result.position)
            else:
                result.end.exhausted = True
            results.append(result)
        return results

    server.answer, server.refuse = one_more, grpc.StatusCode.UNAVAILABLE
    with connected(server) as session:
        inflight, heard = session.submit(STREAM, b"x"), list[bytes | memoryview]()
        while inflight.outcome is None:
            assert session.park(inflight, PATIENCE_S)
            heard += [inflight.chunks.popleft() for _ in range(len(inflight.chunks))]
    assert heard == [b"%d" % number for number in range(10)]
    assert inflight.outcome == Outcome(exhausted=True)


def test_a_session_goes_on_when_its_streams_held_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Though they brought nothing: a call may take long, on a network that breaks now and then."""
    monkeypatch.setattr(session_module, "PATIENCE_S", 0.0)
    monkeypatch.setattr(session_module, "_SERVED_S", 0.0)
    server = Open()

    def done(frame: session_pb2.ClientFrame) -> list[result_pb2.Result]:
        end = result_pb2.End(exhausted=True)
        late = server.opened > 5
        return [result_pb2.Result(call=each.call, end=end) for each in frame.submissions if late]

    server.answer, server.refuse = done, grpc.StatusCode.UNAVAILABLE
    with connected(server) as session:
        inflight = session.submit(STREAM, b"x")
        assert session.park(inflight, PATIENCE_S)
    assert inflight.outcome == Outcome(exhausted=True)


def test_a_process_that_was_forked_leaves_the_session_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A thread that the fork did not copy may hold its lock: a stream that is closed would hang."""
    with connected(Open()) as session:
        inflight = session.submit(STREAM, b"x")
        with session._lock, monkeypatch.context() as child:
            child.setattr(parking, "os", SimpleNamespace(getpid=lambda: -1))

            def part() -> None:
                session.credit(inflight, 1, 1)
                session.cancel(inflight)
                with pytest.raises(ConnectionLostError, match="in a process forked"):
                    session.park(inflight, None)

            forked = threading.Thread(target=part)
            forked.start()
            forked.join(PATIENCE_S)
            assert not forked.is_alive()


def test_a_spool_without_room_is_passed_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not too large for it goes in parts; what is, is refused with the remedy."""

    def full(*_: object) -> str:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Spool, "write", full)
    monkeypatch.setattr("chalkcompute.pack.MOST_CHUNKED", INLINE + 10)
    server, payload = Open(tmp_path), os.urandom(INLINE + 10)
    with connected(server) as session:
        session.submit(TARGET, payload)
        parts, submissions = list[bytes](), list[session_pb2.Submission]()
        while not submissions:
            frame = server.heard.get(timeout=PATIENCE_S)
            parts += [part.data for part in frame.parts]
            submissions += frame.submissions
        with pytest.raises(PayloadTooLargeError, match=r"No space left on device.*free some"):
            session.submit(TARGET, payload + b"x")
    assert b"".join(parts) == payload
    reference = submissions[0].payload.reference
    assert (reference.house, reference.size) == (reference.HOUSE_UNSPECIFIED, len(payload))


def test_arguments_of_a_call_that_is_not_sent_do_not_stay_in_the_spool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server was given up while they were written: nobody else would delete them."""
    write, server = Spool.write, Open(tmp_path)
    with connected(server) as session:

        def give_up_meanwhile(spool: Spool, payload: bytes) -> str:
            name = write(spool, payload)
            session._give_up(ConnectionLostError("the server went away"))
            return name

        monkeypatch.setattr(Spool, "write", give_up_meanwhile)
        with pytest.raises(ConnectionLostError, match="went away"):
            session.submit(TARGET, os.urandom(INLINE + 1))
    assert not list((tmp_path / "spool").glob("v-*"))


def test_a_large_value_that_is_gone_ends_its_own_call(tmp_path: Path) -> None:
    """The others go on, and find theirs in place: they may write there."""
    server, calls = Open(tmp_path), list[bytes]()
    names = [server.spool.write(b"large"), server.spool.write(b"well")]
    server.spool.delete(names[0])

    def answer(frame: session_pb2.ClientFrame) -> list[result_pb2.Result]:
        results = []
        for each in frame.submissions:
            calls.append(each.call)
            result = result_pb2.Result(call=each.call, epoch=1)
            reference = result.chunks.add().reference
            reference.key, reference.house = names[len(calls) - 1], reference.SPOOL
            reference.size = len(b"large") if len(calls) == 1 else len(b"well")
            results.append(result)
        return results

    server.answer = answer
    with connected(server) as session:
        lost = session.submit(STREAM, b"x")
        assert session.park(lost, PATIENCE_S)
        well = session.submit(STREAM, b"x")
        assert session.park(well, PATIENCE_S)
    assert lost.outcome is not None
    assert lost.outcome.failure is not None
    assert lost.outcome.failure["error"] == "ResultExpiredError"
    [chunk] = well.chunks
    assert isinstance(chunk, memoryview)
    chunk[0] = ord("b")
    assert bytes(chunk) == b"bell"
    with server.spool.open(names[1]) as file:
        assert file.read() == b"well"
