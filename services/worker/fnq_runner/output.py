"""What user code prints: lines bound to the call that prints them.

sys.stdout and sys.stderr become writers that send each line to the agent at once,
through the pipe; a full pipe makes the printing code wait. What C code writes goes
to the descriptors 1 and 2 as ever, which the agent reads too.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
import threading
from collections.abc import Callable
from typing import Any, TextIO, cast

from fnq_runner.host import Host
from fnq_runner.invocation import CURRENT, Invocation
from fnq_runner.pipe import Pipe
from fnq_wire.pipe import NO_CALL, Kind, encode

__all__ = ["Output"]

#: Characters of a line without an end that are kept back at most.
_LONGEST = 8 * 1024
#: Number of what the runner itself says, beside 1 and 2 of user code's streams.
_OWN = 3
#: Characters in one frame at most.
_PIECE = 64 * 1024


class Output:
    """The writers of one runner; `install` puts them in place."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._host: Host | None = None
        self._lock = threading.RLock()
        self._orphans: dict[int, str] = {}
        self._forked = False

    def install(self, host: Host) -> None:
        """Replace sys.stdout and sys.stderr."""
        self._host = host
        sys.stdout = cast("TextIO", _Writer(self, 1))
        sys.stderr = cast("TextIO", _Writer(self, 2))

    def fork(self) -> None:
        """In a copy of the process write to the descriptors: the pipe is not its own."""
        self._forked = True
        self._lock = threading.RLock()

    def write(self, number: int, text: str) -> None:
        """Send the lines that `text` completes; keep the rest for the next time."""
        host = self._host
        assert host is not None
        if self._forked:
            os.write(number, text.encode(errors="backslashreplace"))
            return
        shielded = host.shield()
        try:
            with self._lock:
                self._write(number, text)
        finally:
            host.expose(shielded)

    def flush(self, number: int) -> None:
        """Send what is kept of an unfinished line."""
        host = self._host
        assert host is not None
        shielded = host.shield()
        try:
            with self._lock:
                invocation = CURRENT.get()
                self._send(invocation, number, self._kept(invocation).pop(number, ""))
        finally:
            host.expose(shielded)

    def note(self, text: str) -> None:
        """Send what the runner itself has to say of the call on whose behalf code runs."""
        host = self._host
        assert host is not None
        shielded = host.shield()
        try:
            with self._lock:
                self._send(CURRENT.get(), _OWN, text)
        finally:
            host.expose(shielded)

    def finish(self, invocation: Invocation) -> None:
        """Send the unfinished lines of an invocation before its end."""
        if invocation.partial:
            with self._lock:
                for number in list(invocation.partial):
                    self._send(invocation, number, invocation.partial.pop(number))

    def _write(self, number: int, text: str) -> None:
        invocation = CURRENT.get()
        kept = self._kept(invocation)
        text = kept.pop(number, "") + text
        lines, end, rest = text.rpartition("\n")
        if len(rest) > _LONGEST:
            lines, end, rest = text, "", ""
        if rest:
            kept[number] = rest
        self._send(invocation, number, lines + end)

    def _kept(self, invocation: Invocation | None) -> dict[int, str]:
        return self._orphans if invocation is None or invocation.ended else invocation.partial

    def _send(self, invocation: Invocation | None, number: int, text: str) -> None:
        call = NO_CALL if invocation is None else invocation.caller
        epoch = 0 if invocation is None else invocation.epoch
        for start in range(0, len(text), _PIECE):
            piece = text[start : start + _PIECE].encode(errors="backslashreplace")
            self._pipe.send(encode(Kind.LOG, call, epoch, number, piece))


class _Writer(io.TextIOBase):
    """One of the two streams, as text; `.buffer` takes bytes."""

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self, output: Output, number: int) -> None:
        self._output = output
        self._number = number
        self.buffer = _Bytes(self.write, self.flush, number)

    @property
    def name(self) -> str:
        return "<stdout>" if self._number == 1 else "<stderr>"

    @property
    def line_buffering(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._number

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._output.write(self._number, text)
        return len(text)

    def flush(self) -> None:
        self._output.flush(self._number)

    def reconfigure(self, **settings: Any) -> None:
        """Accept what io.TextIOWrapper does; lines go out as UTF-8 at once anyway."""


class _Bytes(io.BufferedIOBase):
    """The stream as bytes."""

    def __init__(self, write: Callable[[str], int], flush: Callable[[], None], number: int) -> None:
        self._text = write
        self._flush = flush
        self._number = number
        # A character may be cut in two by the way it is written.
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._number

    def write(self, data: Any) -> int:
        held = bytes(data)
        self._text(self._decoder.decode(held))
        return len(held)

    def flush(self) -> None:
        self._flush()
