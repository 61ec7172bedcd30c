"""Large values on their way over a session's stream, cut into parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from fnq.v1 import result_pb2, session_pb2
from fnq_wire.limits import PART
from fnq_wire.pieces import Spooled
from fnq_wire.spool import Spool

__all__ = ["Data", "Opener", "Outgoing", "Parcels", "mapped"]

#: Bytes of the parts in one frame.
_MAX_PARTS = 4 << 20

#: A value as it came: its bytes, a file mapped into memory, or a file that was passed on.
Data: TypeAlias = bytes | memoryview | Spooled

#: What opens a value in a spool, by name, size and the sink of its call, so that it may be
#: deleted from then on. It raises OSError or ValueError where it cannot.
Opener: TypeAlias = Callable[[Spool, str, int, object], Data]


def mapped(spool: Spool, name: str, size: int, sink: object) -> Data:
    """Return a spooled value in place, writable."""
    return spool.map(name, size)


class Outgoing:
    """A value that goes out in parts before the frame that refers to it."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._sent = 0

    @property
    def done(self) -> bool:
        """Whether all parts are out."""
        return self._sent >= len(self._data)

    def again(self) -> None:
        """Begin anew: the stream broke."""
        self._sent = 0

    def add_to(self, frame: session_pb2.ClientFrame, blob: int) -> int:
        """Put the next parts into `frame`; return how many bytes they have."""
        begun = self._sent
        stop = min(len(self._data), begun + _MAX_PARTS)
        for start in range(begun, stop, PART):
            frame.parts.add(blob=blob, data=self._data[start : min(start + PART, stop)])
        self._sent = stop
        return stop - begun

    def reference(self, blob: int) -> result_pb2.Reference:
        """Return what the frame after the last part carries."""
        return result_pb2.Reference(key=str(blob), size=len(self._data))


class Parcels:
    """Values that come in, in parts or through a spool."""

    def __init__(self, opener: Opener = mapped) -> None:
        self.spool: Spool | None = None
        self._opener = opener
        self._parts: dict[int, bytearray] = {}

    def clear(self) -> None:
        """Forget unfinished values: the stream broke."""
        self._parts.clear()

    def take(self, part: session_pb2.Part) -> None:
        """Take up a part."""
        self._parts.setdefault(part.blob, bytearray()).extend(part.data)

    def discard(self, result: result_pb2.Result) -> None:
        """Forget the parts of values of `result` that were not opened: nobody will."""
        if not self._parts:
            return
        for payload in (*result.chunks, result.end.value):
            if payload.reference.house == result_pb2.Reference.HOUSE_UNSPECIFIED:
                self._parts.pop(int(payload.reference.key or 0), None)

    def open(self, payload: result_pb2.Payload, sink: object) -> Data | None:
        """Return a value that a result carries or refers to, or None when it is lost.

        One in the spool is opened then: it may be deleted before it is read. One that
        cannot be opened is lost, whatever the reason.
        """
        if not payload.HasField("reference"):
            return payload.inline
        reference = payload.reference
        if reference.house == result_pb2.Reference.HOUSE_UNSPECIFIED:
            data = bytes(self._parts.pop(int(reference.key or 0), b""))
            return data if len(data) == reference.size else None
        if self.spool is None or reference.house != result_pb2.Reference.SPOOL:
            return None
        try:
            return self._opener(self.spool, reference.key, reference.size, sink)
        except (OSError, ValueError):
            return None


def lost_value() -> result_pb2.End:
    """Return the end of a call one of whose large values cannot be read."""
    text = (
        "a large value was deleted before it was read, or its file cannot be opened: "
        "call the function again; should that fail as well, look at the rights on the spool "
        "and at how many files the process may open (ulimit -n)"
    )
    return result_pb2.End(failure=result_pb2.Failure(error="ResultExpiredError", message=text))
