"""An agent for tests: it drives a real runner over a socket pair, one thread, blocking."""

from __future__ import annotations

import itertools
import os
import select
import signal
import socket
import struct
import textwrap
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from fnq_wire import callid
from fnq_wire.arrow import Codec
from fnq_wire.limits import MOST_SPOOLED
from fnq_wire.pipe import (
    NO_CALL,
    Decoder,
    DispatchInfo,
    Frame,
    Kind,
    encode,
    encode_dispatch,
    encode_json,
    read_json,
)
from tests.unit.fnq_runner.zygote import PATIENCE, Zygote, until

__all__ = [
    "CODEC",
    "ENDS",
    "MATES",
    "OTHER",
    "SET",
    "TAG",
    "VERSION",
    "Agent",
    "Run",
    "Start",
    "arguments",
    "bundle",
]

#: Seconds after which a signal is repeated: the first one may have come too early.
_REPEAT = 0.1
#: Version id of the function that a test's runner has.
VERSION = "abc" + "0" * 61
#: Session tag that the runner makes the ids of its calls from.
TAG = 77
ENDS = (Kind.VALUE, Kind.EXHAUSTED, Kind.FAILED)
#: Version id of the set mate `g`, which the test stands in for.
OTHER = "def" + "0" * 61
MATES: dict[str, dict[str, Any]] = {
    "f": {
        "version": VERSION,
        "kind": "function",
        "number": 1,
        "repeatable": False,
        "divergent": False,
    },
    "g": {
        "version": OTHER,
        "kind": "function",
        "number": 1,
        "repeatable": False,
        "divergent": False,
    },
    "gen": {
        "version": OTHER,
        "kind": "generator",
        "number": 1,
        "repeatable": True,
        "divergent": False,
    },
}
#: Id of the set of these.
SET = 77
_numbers = itertools.count(1)


@dataclass
class Run:
    """What a runner told of one dispatch: its chunks as values, and its end."""

    call: bytes
    chunks: list[Any]
    end: Frame
    codec: Codec

    @property
    def value(self) -> Any:
        """Return the value that ended it."""
        assert self.end.kind == Kind.VALUE, self.end
        return self.codec.decode_result(self.end.body)

    @property
    def failure(self) -> dict[str, Any]:
        """Return the failure that ended it."""
        assert self.end.kind == Kind.FAILED, self.end
        found: dict[str, Any] = read_json(self.end)
        return found


class Agent:
    """One runner and the frames that go between it and the test."""

    def __init__(
        self,
        zygote: Path | socket.socket,
        root: Path,
        *,
        granted: bool = True,
        order: Mapping[str, Any] = MappingProxyType({}),
        **hello: Any,
    ) -> None:
        self.zygote = Zygote(zygote)
        self.root = root
        self.token = f"r{next(_numbers)}"
        self.sock, theirs = socket.socketpair()
        self.out, out = os.pipe()
        self.pid = self.zygote.fork(self.token, theirs.fileno(), out, **order)
        theirs.close()
        os.close(out)
        self._decoder = Decoder()
        self._held: list[bytes] | None = None
        self._interrupts = False
        #: Reads so far.
        self.reads = 0
        self._frames: deque[Frame] = deque()
        self.hello = {
            "root": str(root),
            "module": "mod",
            "qualname": "f",
            "name": "f",
            "version": VERSION,
            "namespace": "default",
            "kind": "function",
            "concurrency": 1,
            "env": {},
            "set": SET,
            "mates": MATES,
            **hello,
        }
        self.say(encode_json(Kind.HELLO, self.hello))
        if granted:
            self.grant()

    def grant(
        self,
        first: int = 1,
        count: int = 1 << 16,
        most: int = MOST_SPOOLED,
        spool: str = "",
    ) -> None:
        """Give the runner a range of call ids, the bytes of the largest value, and a spool."""
        fields = {
            "offset_ms": 0,
            "first": first,
            "count": count,
            "most": most,
            "spool": spool,
            "owner": "b" * 32,
        }
        self.say(encode_json(Kind.RANGE, fields, number=TAG))

    def ready(self) -> Agent:
        """Wait until the function is imported."""
        frame = self.frame(Kind.READY, Kind.BROKEN)
        assert frame.kind == Kind.READY, read_json(frame)
        return self

    def say(self, *frames: bytes) -> None:
        """Send frames to the runner; reads meanwhile, as neither may wait for the other."""
        if self._held is not None:
            self._held += frames
            return
        data = memoryview(b"".join(frames))
        while data:
            readable, writable, _ = select.select([self.sock], [self.sock], [], PATIENCE)
            assert readable or writable, "the runner does not read"
            if readable and not writable:
                self._receive(time.monotonic() + PATIENCE, ())
            try:
                data = data[self.sock.send(data, socket.MSG_DONTWAIT) :] if writable else data
            except BlockingIOError:
                continue
            except BrokenPipeError:  # It has gone, which the next read will tell.
                return

    @contextmanager
    def together(self) -> Iterator[None]:
        """Send in one write what is sent within."""
        held = self._held = []
        try:
            yield
        finally:
            self._held = None
            self.say(*held)

    def answer(self, request: Frame, value: dict[str, Any]) -> None:
        """Answer a request."""
        self.say(encode_json(Kind.ANSWER, value, number=request.number))

    def dispatch(
        self, *args: Any, depth: int = 0, epoch: int = 1, window: int = 1 << 20, **facts: Any
    ) -> bytes:
        """Dispatch a call with these arguments; return its id."""
        call = facts.pop("call", None) or callid.make(
            int(time.time() * 1000), VERSION, 1, next(_numbers)
        )
        payload = facts.pop("payload", None) or arguments(*args)
        info = DispatchInfo(
            **{
                "attempt": 1,
                "remaining_ms": 0,
                "parent": NO_CALL,
                "root": NO_CALL,
                "window_chunks": window,
                "window_bytes": 1 << 40,
                "rows": 1,
                **facts,
            }
        )
        self.say(encode_dispatch(call, epoch, depth, info, payload))
        return call

    def credit(self, call: bytes, chunks: int, size: int = 1 << 40) -> None:
        """Raise what a generator may emit."""
        self.say(encode(Kind.CREDIT, call, 1, chunks, struct.pack("<Q", size)))

    def cancel(self, call: bytes, reason: str = "", *, interrupt: bool = True) -> None:
        """Cancel a call as an agent does: a frame, then a signal."""
        self.say(encode(Kind.CANCEL, call, 1, body=reason.encode()))
        if interrupt:
            self.interrupt()

    def interrupt(self) -> None:
        """Send the signal that makes a runner look for cancellations, and repeat it."""
        self._interrupts = True
        self.zygote.say(kill=self.token, signal=int(signal.SIGUSR1))

    def frame(self, *kinds: Kind, call: bytes | None = None) -> Frame:
        """Return the next frame of these kinds (and call); others stay for later."""
        seen = 0
        until = time.monotonic() + PATIENCE
        while True:
            for frame in itertools.islice(tuple(self._frames), seen, None):
                if frame.kind in kinds and call in (None, frame.call):
                    self._frames.remove(frame)
                    return frame
            seen = len(self._frames)
            self._receive(until, kinds)

    def next(self) -> Frame:
        """Return the next frame whatever it is."""
        until = time.monotonic() + PATIENCE
        while not self._frames:
            self._receive(until, ())
        return self._frames.popleft()

    def idle(self) -> bool:
        """Return whether nothing more has come from the runner."""
        return not self._frames and not select.select([self.sock], [], [], 0)[0]

    def run(self, *args: Any, **facts: Any) -> Run:
        """Dispatch a call and return what became of it."""
        return self.result(self.dispatch(*args, **facts))

    def result(self, call: bytes) -> Run:
        """Wait for the end of a call."""
        self.frame(Kind.STARTED, call=call)
        chunks: list[Any] = []
        while True:
            frame = self.frame(Kind.CHUNK, *ENDS, call=call)
            assert frame.number == len(chunks)
            if frame.kind != Kind.CHUNK:
                return Run(call, chunks, frame, CODEC)
            chunks.append(CODEC.decode_result(frame.body))

    def ended(self, call: bytes) -> Run:
        """Return the end of a call whose other frames were looked at."""
        return Run(call, [], self.frame(*ENDS, call=call), CODEC)

    def run_out(self, call: bytes) -> None:
        """See that a generator emits nothing more once its runner sleeps."""
        until(self.sleeps)
        assert [f for f in self._unread() if f.call == call and f.kind == Kind.CHUNK] == []

    def logged(self, call: bytes) -> bytes:
        """Return what a call has printed and nobody has looked at."""
        return b"".join(f.body for f in self._unread() if (f.call, f.kind) == (call, Kind.LOG))

    def sleeps(self) -> bool:
        """Return whether the runner has nothing to do."""
        stat = Path(f"/proc/{self.pid}/stat").read_text()
        return stat.rpartition(")")[2].split()[0] == "S"

    def asleep(self) -> None:
        """Wait until the runner has nothing to do."""
        until(self.sleeps)

    def path(self, name: str) -> Path:
        """Return a path beside the bundle."""
        return self.root.parent / name

    def _unread(self) -> tuple[Frame, ...]:
        while select.select([self.sock], [], [], 0)[0]:
            self._receive(time.monotonic() + PATIENCE, ())
        return tuple(self._frames)

    def exited(self) -> dict[str, Any]:
        """Return how the runner ended."""
        return self.zygote.exited(self.token)

    def printed(self) -> bytes:
        """Return what the runner wrote to its descriptors 1 and 2; it must have ended."""
        with open(self.out, "rb", closefd=False) as file:
            return file.read()

    def close(self) -> None:
        """Let go of everything; the zygote kills the runner."""
        self.zygote.close()
        self.sock.close()
        os.close(self.out)

    def _receive(self, until: float, kinds: tuple[Kind, ...]) -> None:
        while not select.select([self.sock], [], [], _REPEAT)[0]:
            if self._interrupts:
                self.interrupt()
            if time.monotonic() < until:
                continue
            raise TimeoutError(f"no {kinds} came; unread: {[f.kind for f in self._frames]}")
        data = self.sock.recv(1 << 18)
        self.reads += 1
        if not data:
            raise EOFError(f"the runner has gone, waiting for {kinds}; unread: {self._frames}")
        self._frames += self._decoder.feed(data)


#: Decodes whatever a test's function returns; encodes whatever it is given.
CODEC = Codec.of_parameters([])


def arguments(*args: Any) -> bytes:
    """Return a payload with these arguments, for parameters named a, b, c."""
    parameters = [(name, "either", True) for name in "abc"[: len(args)]]
    return Codec.of_parameters(parameters).encode_arguments(args, {})


def bundle(root: Path, source: str) -> Path:
    """Write a bundle with one module, `mod`; return its directory."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "mod.py").write_text(textwrap.dedent(source))
    return root


class Start(Protocol):
    """The fixture `start`."""

    def __call__(self, source: str, *, ready: bool = True, **hello: Any) -> Agent: ...
