"""The one stream of this process to a server, shared by all its calls.

Two threads of gRPC's synchronous client: one asks for what is to be sent, one
takes what comes. All state is in `fnq_wire.session`, under one lock.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import grpc

from chalkcompute import control
from chalkcompute.control import FIRST_PATIENCE_S, FIRST_PAUSE_S, LONGEST_PAUSE_S, PATIENCE_S
from chalkcompute.errors import (
    AuthError,
    ConnectionLostError,
    FnqError,
    ProtocolError,
)
from chalkcompute.functions import Functions
from chalkcompute.inflight import Inflight, Outcome, Target, Terms, Watched
from chalkcompute.pack import pack, submission_of
from chalkcompute.parking import Parking
from chalkcompute.room import Room
from chalkcompute.vigil import Vigil
from fnq.v1 import session_pb2, session_pb2_grpc
from fnq_wire import callid, failure
from fnq_wire.parcel import Data
from fnq_wire.pieces import Spooled, sha256
from fnq_wire.session import BYE_S, LINGER_S, ClientSession, Event
from fnq_wire.spool import Spool

if TYPE_CHECKING:
    from chalkcompute.config import Config
    from chalkcompute.port import Deployed, Parameters
    from fnq.v1 import spec_pb2
    from fnq_wire.inquiry import Facts
    from fnq_wire.pieces import Payload

__all__ = ["ServerSession"]

#: Seconds after which a stream that brought nothing has served all the same: what was
#: sent did not break it.
_SERVED_S = 5.0
#: Seconds without anything to send after which calls may wait for a full disk.
_QUIET_S = 10.0
#: Seconds that a goodbye waits for spawned calls to be accepted.
_FLUSH_S = 10.0


class ServerSession(Parking):
    """A session with a server; see `port.Session` for what its methods promise."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self._control = control.Control(config)
        self._state = ClientSession(config.namespace, control.CLIENT)
        # Re-entrant: the garbage collector may close a Stream while this thread holds it.
        self._lock = threading.RLock()
        self._news = threading.Condition(self._lock)
        self._granted = threading.Event()
        self._closing = False
        #: Of the stream that is open: a welcome has come, and anything after it.
        self._served = self._heard = False
        self._left = False
        #: Threads that wait for calls to be accepted.
        self._settlers = 0
        self._room = Room()
        self._broken: FnqError | None = None
        self._stream = 0
        self._thread = threading.Thread(target=self._run, name="fnq-session", daemon=True)
        self._thread.start()
        self._vigil = Vigil(self._state, self._lock, self._control.glance)

    @property
    def over(self) -> bool:
        """Whether the server was given up: another session may be opened."""
        return self._broken is not None

    @property
    def ready(self) -> bool:
        """Whether `submit` does not wait: a server has granted the session, and is not given up."""
        return self._granted.is_set() and self._broken is None

    def submit(
        self,
        target: Target,
        payload: Payload,
        terms: Terms | None = None,
        *,
        rows: int = 1,
        packed: bool = False,
    ) -> Inflight:
        """Send a call; return once the session is granted."""
        submission = submission_of(target, terms, rows=rows, packed=packed)
        return self._submit(submission, target, payload)

    def spawn(self, target: Target, payload: Payload, terms: Terms | None = None) -> Inflight:
        """Send a call that outlives this process; return once the session is granted."""
        submission = submission_of(target, terms)
        submission.detached = True
        if terms is not None and terms.key:
            submission.key, submission.digest = terms.key, sha256(payload)
        return self._submit(submission, target, payload)

    def settle(self, inflight: Inflight) -> None:
        """Block until a call that was spawned is accepted, or refused."""
        self._check_process()
        with self._lock:
            self._await(lambda: inflight.call not in self._state.unsafe, None)

    def _await(self, true: Callable[[], bool], timeout: float | None) -> None:
        """Wait for what the acceptance of calls brings about; the lock is held."""
        self._settlers += 1
        try:
            self._news.wait_for(lambda: true() or self._broken is not None, timeout)
        finally:
            self._settlers -= 1

    def watch(self, call: bytes, after: int = 0, *, end_only: bool = False) -> Watched:
        """Ask for news of a detached call; return once the session is granted."""
        self._granted.wait()
        with self._lock:
            self._check_broken()
            watched = Watched(self._state.next_id(callid.NO_VERSION))
            self._state.watch(watched.call, call, watched, after, end_only=end_only)
            self._wake()
        return watched

    def show(self, call: bytes) -> Facts:
        """Return what is known of a call."""
        return self._control.show(call)

    def stop(self, call: bytes) -> bool:
        """Cancel a call, whoever made it."""
        return self._control.stop(call)

    def lines(self, call: bytes) -> list[str]:
        """Return what a call printed."""
        return self._control.lines(call)

    def _check_broken(self) -> None:
        if self._broken is not None:
            raise _anew(self._broken)

    def _submit(
        self, submission: session_pb2.Submission, target: Target, payload: Payload
    ) -> Inflight:
        self._granted.wait()
        large = pack(self._state.spool, target.name, submission, payload)
        with self._lock:
            if self._broken is None:
                call = submission.call = self._state.next_id(target.version)
                inflight = Inflight(call)
                self._state.submit(submission, inflight, large)
                self._wake()
                return inflight
            if submission.payload.reference.key:
                self._state.litter.append(submission.payload.reference.key)
        self._state.clear_away()
        raise _anew(self._broken)

    def credit(self, inflight: Inflight, chunks: int, size: int) -> None:
        """Let the generator emit up to these totals."""
        if self._inherited:
            return
        with self._lock:
            self._state.credit(inflight.call, chunks, size)
            self._wake()

    def cancel(self, inflight: Inflight) -> None:
        """Ask for the end of a call."""
        if self._inherited:
            return
        with self._lock:
            self._state.cancel(inflight.call, "its caller gave it up")
            self._wake()

    def lookup(self, name: str, number: int | None) -> tuple[Target, Parameters]:
        """Return a deployed version."""
        return self._control.lookup(name, number)

    def resolve(self, name: str) -> Target:
        """Return the current version: outside a worker there is no set to look in."""
        return self._control.lookup(name, None)[0]

    def wait_ready(self, target: Target, timeout: float | None) -> None:
        """Return when a worker has imported the function."""
        self._control.wait_ready(target, timeout)

    def deploy(
        self,
        specs: Sequence[spec_pb2.FunctionSpec],
        bundles: Mapping[str, bytes],
        timeout: float | None = None,
    ) -> Deployed:
        """Deploy a set of functions that name each other."""
        return self._control.deploy(specs, bundles, timeout)

    @property
    def functions(self) -> Functions:
        """What is asked and done about deployed functions."""
        return Functions(self._control)

    def close(self) -> int:
        """Say goodbye: attached calls are cancelled now, and spawned ones sent before.

        Returns how many of those could not be sent within _FLUSH_S.
        """
        with self._lock:
            if self._state.unsafe and self._broken is None:
                self._await(lambda: not self._state.unsafe, _FLUSH_S)
            unsafe = len(self._state.unsafe)
            self._closing = True
            self._news.notify_all()
        self._thread.join(BYE_S)
        if self._broken is None:
            self._give_up(ConnectionLostError("this process has closed its session"))
        self._control.close()
        self._vigil.end()
        return unsafe

    def _wake(self) -> None:
        """Let the sending thread look; the lock is held."""
        self._news.notify_all()

    def _run(self) -> None:
        """Keep the session; whatever ends that ends its calls."""
        try:
            self._keep()
        except ProtocolError as problem:
            self._give_up(problem)
        except Exception as problem:  # noqa: BLE001 - those who wait must hear of it
            self._give_up(ConnectionLostError(f"the session broke: {problem!r}"))

    def _keep(self) -> None:
        """Hold a stream to a server, and take it up again when it breaks.

        The server is given up when for too long no stream brought anything.
        """
        pause, since = FIRST_PAUSE_S, time.monotonic()
        while not self._closing:
            began, problem = time.monotonic(), None
            try:
                self._serve()
            except grpc.RpcError as broken:
                problem = broken
            now = time.monotonic()
            if self._heard or (self._served and now - began > _SERVED_S):
                pause, since = FIRST_PAUSE_S, now
            error = self._verdict(problem, now - since)
            if error is not None:
                self._give_up(error)
                return
            if self._closing:
                return
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)
            self._control.reconnect()

    def _verdict(self, problem: grpc.RpcError | None, fruitless_s: float) -> FnqError | None:
        """Return why the server is given up after a stream that ended, or None."""
        address = self._control.address
        error = None if problem is None else control.translate(problem, address)
        if isinstance(error, (AuthError, ProtocolError)):
            return error
        if fruitless_s <= (PATIENCE_S if self._granted.is_set() else FIRST_PATIENCE_S):
            return None
        if error is not None and not self._served:
            return self._control.explained(error)
        # Perhaps it is what this end sends that breaks them: sent again, it would do so again.
        cause = (
            "it ended them" if problem is None else f"{problem.code().name}: {problem.details()}"
        )
        return ConnectionLostError(
            f"the server at {address} is there, but for {fruitless_s:.0f} s each stream to it "
            f"broke before it brought anything ({cause}); its log may say why"
        )

    def _serve(self) -> None:
        """Run one stream until it breaks or is closed."""
        self._served = self._heard = False
        with self._lock:
            self._stream += 1
            frames = self._frames(self._stream)
        stub = self._control.stub(session_pb2_grpc.SessionsStub)
        stream = stub.Open(frames, metadata=self._control.metadata)
        try:
            for frame in stream:
                self._take(frame)
                if frame.goaway:
                    return
        finally:
            stream.cancel()
            with self._lock:
                self._stream += 1
                self._news.notify_all()

    def _take(self, frame: session_pb2.ServerFrame) -> None:
        with self._lock:
            if frame.HasField("welcome"):
                spool = Spool.shared(frame.welcome.spool, frame.welcome.nonce)
                self._state.welcome(frame.welcome, spool)
                self._served = True
                self._granted.set()
                self._wake()
                return
            self._heard = True
            events = self._state.receive(frame)
            if not self._state.idle or self._settlers:
                self._wake()
        for event in events:
            self._settle(event)
        if self._state.litter:
            self._state.clear_away()

    def _frames(self, stream: int) -> Iterator[session_pb2.ClientFrame]:
        """Yield what is to be sent on one stream, until another takes its place."""
        yield self._state.hello()
        while True:
            with self._lock:
                quiet = not self._news.wait_for(lambda: self._ready_to_send(stream), _QUIET_S)
                frame = None if quiet else self._next_frame(stream)
                spool = self._state.spool if quiet and self._state.in_flight else None
            if spool is not None:
                self._room.look(os.path.dirname(spool.directory))
            if frame is not None:
                yield frame
            elif not quiet:
                return

    def _next_frame(self, stream: int) -> session_pb2.ClientFrame | None:
        """Wait for something to send; None when the stream is over. The lock is held."""
        while True:
            while not self._ready_to_send(stream):
                self._news.wait()
            if self._stream == stream and not self._closing and not self._state.urgent:
                # Only acknowledgements: give them something to travel with.
                self._news.wait(LINGER_S)
            if self._stream != stream or self._left:
                return None
            if self._closing:
                self._left = True
                return session_pb2.ClientFrame(bye=True)
            frame = self._state.take()
            if frame is not None:
                return frame

    def _ready_to_send(self, stream: int) -> bool:
        if self._stream != stream or self._closing:
            return True
        return self._served and not self._state.idle

    def _give_up(self, error: FnqError) -> None:
        """End all calls in flight with `error`, and refuse new ones."""
        with self._lock:
            self._broken = error
            self._wake()
            sinks = self._state.abandon()
        self._granted.set()
        envelope = failure.of(error)
        for sink in sinks:
            assert isinstance(sink, Inflight)
            sink.finish(Outcome(failure=envelope))
        self._state.clear_away()

    def _settle(self, event: Event) -> None:
        """Let the caller hear of `event`."""
        inflight = event.sink
        assert isinstance(inflight, Inflight)
        for chunk in event.chunks:
            inflight.push(_bytes(chunk))
        end, attempt = event.end, event.attempt
        if end is None:
            return
        if event.value is not None:
            inflight.finish(Outcome(value=_bytes(event.value), attempt=attempt))
        elif end.WhichOneof("outcome") == "exhausted":
            inflight.finish(Outcome(exhausted=True, attempt=attempt))
        else:
            inflight.finish(Outcome(failure=failure.from_proto(end.failure), attempt=attempt))


def _anew(problem: FnqError) -> FnqError:
    """Return the same error for one more caller."""
    return type(problem)(str(problem))


def _bytes(data: Data) -> bytes | memoryview:
    assert not isinstance(data, Spooled)
    return data
