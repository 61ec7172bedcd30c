"""The runner's end of the socket pair to its agent.

Any thread may write. There is no thread that reads: whoever waits for news reads
on behalf of all. One of the waiting threads leads, which is to say that it reads
the socket and routes what comes; the others follow, each on a bell of its own,
until their news has come or the leader has left.
"""

from __future__ import annotations

import os
import select
import socket
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from typing import NoReturn

from fnq_wire.pipe import CUT_OFF, Decoder, Frame, FrameError

__all__ = ["CRASHED", "Pipe", "crash"]

#: Exit code of a runner that has a fault of its own.
CRASHED = 70
#: Bytes that one read takes at most.
_READ = 1 << 18
#: Seconds after which a follower looks whether anybody leads.
_FOLLOW = 0.05
#: Seconds that a thread leaves the one that leads to read on.
_YIELD = 0.0005


class Pipe:
    """Frames from and to the agent. The agent's end closed means: leave at once."""

    def __init__(self, sock: socket.socket, route: Callable[[Frame], None]) -> None:
        self._sock = sock
        self._route = route
        self._decoder = Decoder()
        #: What has been read and is not routed yet.
        self._unrouted: deque[Frame] = deque()
        self._view = memoryview(bytearray(_READ))
        self._pending: deque[bytes] = deque()
        #: Reentrant, as are the runner's other locks: the collector may run a finalizer
        #: of the user's, which prints or forgets a stream, wherever it likes.
        self._writing = threading.RLock()
        self._writer = 0
        self._leading = threading.Lock()
        self._followers: set[threading.Event] = set()
        self._polled: threading.Event | None = None
        self._routing = False
        self._waker, self._wakeup = os.pipe()
        os.set_blocking(self._waker, False)
        os.set_blocking(self._wakeup, False)
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)
        self._poll.register(self._waker, select.POLLIN)

    @property
    def has_more(self) -> bool:
        """Whether frames have been read that are not routed yet."""
        return bool(self._unrouted)

    def fileno(self) -> int:
        """Return the descriptor that is readable when frames have come."""
        return self._sock.fileno()

    def post(self, frame: bytes) -> None:
        """Keep a frame for the next write; never blocks."""
        self._pending.append(frame)

    def send(self, *frames: bytes) -> None:
        """Write what was kept, then these frames. A full socket blocks.

        They are in the socket when it returns, whichever thread has written them.
        """
        self._pending.extend(frames)
        self._write_all()

    def flush(self) -> None:
        """Write what was kept. A full socket blocks."""
        if self._pending:
            self._write_all()

    def lead(self) -> bool:
        """Become the thread that reads; False when another one is."""
        return self._leading.acquire(blocking=False)

    def resign(self) -> None:
        """Cease to be the thread that reads, and wake one that follows."""
        self._leading.release()
        self._hand_over()

    def drain(self) -> None:
        """Route what has come, unless another thread is about to."""
        if self.lead():
            try:
                self.read()
            finally:
                self.resign()

    def catch_up(self) -> None:
        """Return when all that has come is routed, by this thread or the one that leads."""
        while not self.lead():
            # In this order: what the leader has read it routes before it is at rest.
            if not select.select([self._sock], [], [], 0)[0] and not self._routing:
                return
            time.sleep(_YIELD)
        try:
            self.read()
        finally:
            self.resign()

    def read(self) -> None:
        """Route what has come, without waiting. Only for the thread that leads."""
        self.read_some(sys.maxsize)

    def read_some(self, most: int) -> None:
        """Route at most `most` frames of what has come; of the others `has_more` tells.

        No poll tells of those: whoever leaves some reads again.
        """
        self._routing = True
        try:
            if len(self._unrouted) < most:
                self._receive()
            while self._unrouted and most:
                self._route(self._unrouted.popleft())
                most -= 1
        except (FrameError, OSError) as problem:
            crash(problem)
        finally:
            self._routing = False

    def wait(
        self, bell: threading.Event, ready: Callable[[], bool], deadline: float | None = None
    ) -> bool:
        """Wait until ready(), leading or following; False when `deadline` has passed.

        `bell` belongs to this thread; what may make it ready rings it. `deadline`
        is on time.monotonic().
        """
        self._followers.add(bell)
        try:
            while True:
                bell.clear()
                if ready():
                    return True
                left = _left(deadline)
                if left is not None and left <= 0:
                    return False
                if self.lead():
                    try:
                        self._lead(bell, ready, deadline)
                    finally:
                        self.resign()
                else:
                    bell.wait(_FOLLOW if left is None else min(_FOLLOW, left))
        finally:
            self._followers.discard(bell)
            # The lead may have been handed to this very thread, which has no use for it.
            self._hand_over()

    def ring(self, bell: threading.Event) -> None:
        """Let the thread whose bell it is look again."""
        bell.set()
        if self._polled is bell:
            try:
                os.write(self._wakeup, b"\0")
            except BlockingIOError:
                return

    def pump(self, ready: Callable[[], bool], deadline: float | None) -> bool:
        """Do as `wait` on the thread that leads for good; no bell reaches it."""
        if self._unrouted:
            self.read()
        while not ready():
            left = _left(deadline)
            if left is not None and left <= 0:
                return False
            self._poll.poll(None if left is None else left * 1000)
            self.read()
        return True

    def fork(self) -> None:
        """In a copy of the process: let go of the socket, which is the original's."""
        self._sock.close()
        self._writing = threading.RLock()
        self._leading = threading.Lock()
        self._pending.clear()
        self._unrouted.clear()

    def _lead(
        self, bell: threading.Event, ready: Callable[[], bool], deadline: float | None
    ) -> None:
        """Read and route until ready() or the deadline."""
        # What an earlier turn left comes first: no poll tells of it.
        if self._unrouted:
            self.read()
        while True:
            # Set before the look at ready(): whoever makes it so after that look sees
            # that this thread polls, and writes to the waker.
            self._polled = bell
            left = _left(deadline)
            if ready() or (left is not None and left <= 0):
                self._polled = None
                return
            events = self._poll.poll(None if left is None else left * 1000)
            self._polled = None
            for descriptor, _ in events:
                if descriptor == self._waker:
                    _empty(self._waker)
                else:
                    self.read()

    def _receive(self) -> None:
        """Take the frames that have come off the socket."""
        try:
            while True:
                count = self._sock.recv_into(self._view, 0, socket.MSG_DONTWAIT)
                if not count:
                    os._exit(CUT_OFF)
                self._unrouted.extend(self._decoder.feed(bytes(self._view[:count])))
                if count < _READ:
                    return
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            os._exit(CUT_OFF)

    def _hand_over(self) -> None:
        if self._followers and not self._leading.locked():
            for bell in tuple(self._followers):
                bell.set()
                return

    def _write_all(self) -> None:
        here = threading.get_ident()
        if self._writer == here:
            # A finalizer within the loop below, which goes on with what was kept now.
            return
        with self._writing:
            self._writer = here
            while self._pending:
                self._write()
            self._writer = 0

    def _write(self) -> None:
        frames = [self._pending.popleft() for _ in range(len(self._pending))]
        try:
            self._sock.sendall(frames[0] if len(frames) == 1 else b"".join(frames))
        except OSError:
            os._exit(CUT_OFF)


def crash(problem: BaseException) -> NoReturn:
    """Leave because of a fault of the runner's own; the agent reads why on stderr."""
    text = "".join(traceback.format_exception(problem))
    if sys.__stderr__ is not None:
        os.write(2, f"the runner has a fault of its own:\n{text}".encode(errors="replace"))
    os._exit(CRASHED)


def _left(deadline: float | None) -> float | None:
    """Return the seconds until `deadline`."""
    return None if deadline is None else deadline - time.monotonic()


def _empty(descriptor: int) -> None:
    """Take out of a pipe what woke its reader."""
    try:
        os.read(descriptor, 1024)
    except BlockingIOError:
        return
