"""The one stream of this process to a server, shared by all its calls.

Two threads of gRPC's synchronous client: one asks for what is to be sent, one
takes what comes. All state is in `fnq_wire.session`, under one lock.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import grpc

from chalkcompute import control
from chalkcompute.bell import Bell
from chalkcompute.control import FIRST_PATIENCE_S, FIRST_PAUSE_S, LONGEST_PAUSE_S, PATIENCE_S
from chalkcompute.errors import (
    AuthError,
    ConnectionLostError,
    FnqError,
    PayloadTooLargeError,
    ProtocolError,
)
from chalkcompute.inflight import Inflight, Outcome, Target
from chalkcompute.room import Room
from fnq.v1 import session_pb2, session_pb2_grpc
from fnq_wire import failure
from fnq_wire.limits import INLINE, MOST_CHUNKED, MOST_SPOOLED
from fnq_wire.parcel import read
from fnq_wire.session import BYE_S, LINGER_S, ClientSession, Event
from fnq_wire.spool import Spool

if TYPE_CHECKING:
    from chalkcompute.config import Config
    from chalkcompute.port import Parameters
    from fnq.v1 import spec_pb2

__all__ = ["ServerSession"]

#: Seconds after which a stream that brought nothing has served all the same: what was
#: sent did not break it.
_SERVED_S = 5.0
#: Seconds without anything to send after which calls may wait for a full disk.
_QUIET_S = 10.0


class ServerSession:
    """A session with a server; see `port.Session` for what its methods promise."""

    def __init__(self, config: Config) -> None:
        self._control = control.Control(config)
        self._state = ClientSession(config.namespace, control.CLIENT)
        # Re-entrant: the garbage collector may close a Stream while this thread holds it.
        self._lock = threading.RLock()
        self._news = threading.Condition(self._lock)
        self._granted = threading.Event()
        self._bells: WeakKeyDictionary[asyncio.AbstractEventLoop, Bell] = WeakKeyDictionary()
        self._closing = False
        #: Of the stream that is open: a welcome has come, and anything after it.
        self._served = self._heard = False
        self._left = False
        self._room = Room()
        self._broken: FnqError | None = None
        self._stream = 0
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._run, name="fnq-session", daemon=True)
        self._thread.start()

    @property
    def over(self) -> bool:
        """Whether the server was given up: another session may be opened."""
        return self._broken is not None

    @property
    def ready(self) -> bool:
        """Whether `submit` does not wait: a server has granted the session, and is not given up."""
        return self._granted.is_set() and self._broken is None

    def submit(self, target: Target, payload: bytes) -> Inflight:
        """Send a call; return once the session is granted."""
        self._granted.wait()
        submission = session_pb2.Submission(
            version=target.version, rows=1, repeatable=target.repeatable, set=target.set
        )
        large = self._pack(target, submission, payload)
        with self._lock:
            if self._broken is not None:
                raise type(self._broken)(str(self._broken))
            call = self._state.next_id(target.version)
            submission.call = call
            inflight = Inflight(call)
            self._state.submit(submission, inflight, large)
            self._wake()
        return inflight

    def _pack(
        self, target: Target, submission: session_pb2.Submission, payload: bytes
    ) -> bytes | None:
        """Put a payload into its submission, or into the spool; return it where neither can be."""
        if len(payload) <= INLINE:
            submission.payload.inline = payload
            return None
        spool = self._state.spool
        most = MOST_CHUNKED if spool is None else MOST_SPOOLED
        if len(payload) > most:
            raise PayloadTooLargeError(
                f"the arguments of {target.name} have {len(payload)} bytes, the most is {most}",
                function=target.name,
            )
        if spool is None:
            return payload
        try:
            key = spool.write(payload)
        except OSError as problem:
            if len(payload) <= MOST_CHUNKED:
                return payload
            raise PayloadTooLargeError(
                f"the arguments of {target.name} have {len(payload)} bytes, the most is "
                f"{MOST_CHUNKED} without room in {spool.directory} ({problem}): free some",
                function=target.name,
            ) from problem
        reference = submission.payload.reference
        reference.house, reference.size, reference.key = reference.SPOOL, len(payload), key
        return None

    def park(self, inflight: Inflight, timeout: float | None) -> bool:
        """Block this thread until there is a chunk or an outcome."""
        if inflight.chunks or inflight.outcome is not None:
            return True
        self._check_process()
        gate = threading.Lock()
        gate.acquire()

        def open_gate() -> None:
            # It may come twice, or late: by then `wake` opens the gate of another park.
            with contextlib.suppress(RuntimeError):
                gate.release()

        inflight.wake = open_gate
        if inflight.chunks or inflight.outcome is not None:
            inflight.wake = None
            return True
        came = gate.acquire(timeout=-1 if timeout is None else max(0.0, timeout))
        inflight.wake = None
        return came

    async def park_async(self, inflight: Inflight) -> None:
        """Do as `park` for the running event loop."""
        self._check_process()
        loop = asyncio.get_running_loop()
        bell = self._bells.get(loop)
        if bell is None:
            bell = self._bells[loop] = Bell(loop)
        future: asyncio.Future[None] = loop.create_future()
        inflight.wake = lambda: bell.ring(future)
        try:
            if not inflight.chunks and inflight.outcome is None:
                await future
        finally:
            inflight.wake = None

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

    @property
    def _inherited(self) -> bool:
        """Whether this is a fork's copy: the stream is the parent's, the lock may be held."""
        return os.getpid() != self._process

    def _check_process(self) -> None:
        if self._inherited:
            raise ConnectionLostError(
                "a call is waited for in a process forked after it was made: expected that in "
                "the process that made it; make the call anew here"
            )

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
        self, specs: Sequence[spec_pb2.FunctionSpec], bundles: Mapping[str, bytes]
    ) -> list[tuple[str, int]]:
        """Deploy a set of functions that name each other."""
        return self._control.deploy(specs, bundles)

    @property
    def active(self) -> frozenset[str]:
        """The arguments of the decorator that have an effect there, and not everywhere."""
        return self._control.active

    def close(self) -> None:
        """Say goodbye: attached calls are cancelled now."""
        with self._lock:
            self._closing = True
            self._news.notify_all()
        self._thread.join(BYE_S)
        if self._broken is None:
            self._give_up(ConnectionLostError("this process has closed its session"))
        self._control.close()

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
            return error
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
            if not self._state.idle:
                self._wake()
        for event in events:
            self._settle(event)

    def _frames(self, stream: int) -> Iterator[session_pb2.ClientFrame]:
        """Yield what is to be sent on one stream, until another takes its place."""
        yield self._state.hello()
        while True:
            with self._lock:
                quiet = not self._news.wait_for(lambda: self._ready_to_send(stream), _QUIET_S)
                frame = None if quiet else self._next_frame(stream)
                spool = self._state.spool if quiet and self._state.in_flight else None
            if spool is not None:
                self._room.look(spool.directory)
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
            sinks = self._state.sinks()
        self._granted.set()
        envelope = failure.of(error)
        for sink in sinks:
            assert isinstance(sink, Inflight)
            sink.finish(Outcome(failure=envelope))

    def _settle(self, event: Event) -> None:
        """Let the caller hear of `event`; a value that cannot be read ends its call."""
        inflight = event.sink
        assert isinstance(inflight, Inflight)
        try:
            _pass_on(event, inflight)
        except OSError as problem:
            text = f"a large value cannot be read: {problem}; call the function again"
            inflight.finish(Outcome(failure=failure.make("ResultExpiredError", text)))
            self.cancel(inflight)


def _pass_on(event: Event, inflight: Inflight) -> None:
    for chunk in event.chunks:
        inflight.push(read(chunk))
    end = event.end
    if end is None:
        return
    outcome = end.WhichOneof("outcome")
    if event.value is not None:
        inflight.finish(Outcome(value=read(event.value)))
    elif outcome == "exhausted":
        inflight.finish(Outcome(exhausted=True))
    else:
        inflight.finish(Outcome(failure=failure.from_proto(end.failure)))
