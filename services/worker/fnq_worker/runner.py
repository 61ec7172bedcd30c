"""One runner: the process that has the user's code, and the pipe to it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable

import structlog

from fnq_wire import callid
from fnq_wire.pipe import NO_CALL, Decoder, Frame, FrameError, Kind, encode
from fnq_wire.spool import Spool

__all__ = ["Runner"]

#: Bytes read at once from the pipe, and from what C code prints.
_CHUNK, _PRINT_CHUNK = 1 << 18, 65_536
_log = structlog.get_logger()


class Runner:
    """The agent's end of a runner.

    `received` gets each frame; `printed` each piece that was written past
    sys.stdout ("stdout" or "stderr", text); `broke` is called once, when the pipe
    closed or carried something that is not a frame.
    """

    def __init__(
        self,
        token: str,
        received: Callable[[Runner, Frame], None],
        printed: Callable[[str, str], None],
        broke: Callable[[Runner, str], None],
    ) -> None:
        self.token = token
        self.pid = 0
        #: Of its range of call ids.
        self.number = 0
        self.ready = False
        #: It takes no more calls: it leaves when what it runs has ended.
        self.retired = False
        #: Set when all that it ran has ended, once it is retired.
        self.served = asyncio.Event()
        #: Its slots that are taken, and what waits in it beyond them.
        self.taken = 0
        #: What it shares, once it is told so.
        self.spool: Spool | None = None
        #: How the process ended, once the zygote said so.
        self.code: int | None = None
        self.signal: int | None = None
        #: Why the agent has it killed, where it does.
        self.doom = ""
        #: It is killed for the sake of one call: the others did nothing, and begin anew.
        self.sacrificed = False
        self.exited = asyncio.Event()
        self._received = received
        self._printed = printed
        self._broke = broke
        self._loop = asyncio.get_running_loop()
        self._decoder = Decoder()
        self._pipe: socket.socket | None = None
        self._prints: list[int] = []
        self._out: list[bytes | memoryview] = []
        self._flushing = False
        self._blocked = False

    def open(self) -> list[int]:
        """Make the pipe and the print pipes; return the runner's ends."""
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        ours.setblocking(False)
        self._pipe = ours
        self._loop.add_reader(ours, self._readable)
        files = [theirs.detach()]
        for name in ("stdout", "stderr"):
            read, write = os.pipe()
            os.set_blocking(read, False)
            self._prints.append(read)
            self._loop.add_reader(read, self._read_print, read, name)
            files.append(write)
        return files

    def send(self, frame: bytes) -> None:
        """Queue a frame; those of one turn go out together. One that is gone gets none."""
        if self._pipe is None:
            return
        self._out.append(frame)
        if not self._flushing and not self._blocked:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def catch_up(self) -> bool:
        """Write what is queued and take in all that has come; False when the pipe is full."""
        self._flush()
        if self._blocked:
            return False
        while self._pipe is not None and self._read_once():
            continue
        return True

    def kill(self, number: int) -> None:
        """Send a signal to the process itself, if it still runs."""
        if self.pid and not self.exited.is_set():
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return

    def destroy(self, why: str) -> None:
        """Kill the process now, for the sake of one call; a call that is lost says why."""
        self.doom = why
        self.sacrificed = True
        self.kill(signal.SIGKILL)

    def close(self) -> None:
        """Give the pipe up; the runner ends when it notices."""
        if self._pipe is not None:
            self._loop.remove_reader(self._pipe)
            if self._blocked:
                self._loop.remove_writer(self._pipe)
            self._pipe.close()
            self._pipe = None
            self._out.clear()
        for read in self._prints:
            self._loop.remove_reader(read)
            os.close(read)
        self._prints.clear()

    def drain(self) -> None:
        """Ask the runner to finish what runs and exit."""
        self.send(encode(Kind.DRAIN))

    def _flush(self) -> None:
        self._flushing = False
        while self._pipe is not None and self._out and not self._blocked:
            data = self._gather()
            try:
                sent = self._pipe.send(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                return  # The reader notices, and reports.
            if sent < len(data):
                self._out.insert(0, memoryview(data)[sent:])
                self._blocked = True
                self._loop.add_writer(self._pipe, self._writable)

    def _gather(self) -> bytes | memoryview:
        """Take what goes out in one write: small frames together, a large one uncopied."""
        if len(self._out) == 1 or len(self._out[0]) > _CHUNK:
            return self._out.pop(0)
        data = b"".join(self._out)
        self._out.clear()
        return data

    def _writable(self) -> None:
        assert self._pipe is not None
        self._loop.remove_writer(self._pipe)
        self._blocked = False
        self._flush()

    def _readable(self) -> None:
        if self._pipe is not None:
            self._read_once()

    def _read_once(self) -> bool:
        """Take in what has come; False when there is nothing."""
        assert self._pipe is not None
        try:
            data = self._pipe.recv(_CHUNK)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self.close()
            self._broke(self, "its pipe closed")
            return False
        call = NO_CALL
        try:
            for frame in self._decoder.feed(data):
                call = frame.call
                self._received(self, frame)
        except FrameError as problem:
            self.doom = f"it sent something else than frames: {problem}"
        except Exception as problem:  # noqa: BLE001 - whatever it sends, the agent goes on
            text = "a frame cannot be dealt with"
            _log.exception(text, runner=self.pid, call="" if call == NO_CALL else callid.text(call))
            self.doom = f"it sent what cannot be dealt with: {problem!r}"
        else:
            return True
        self.close()
        self._broke(self, self.doom)
        return False

    def _read_print(self, read: int, name: str) -> None:
        try:
            data = os.read(read, _PRINT_CHUNK)
        except BlockingIOError:
            return
        if data:
            self._printed(name, data.decode("utf-8", "replace"))
        elif read in self._prints:
            self._loop.remove_reader(read)
            os.close(read)
            self._prints.remove(read)
