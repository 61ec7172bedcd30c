"""Frames between a worker's agent and its runner, over one socket pair.

Standard library only: the runner lives in the user's interpreter, where no
protobuf is to be expected. A frame is a fixed header and a body; hot kinds carry
packed fields and a payload, rare kinds carry JSON.

    length of body u32 | kind u8 | call 16 bytes | epoch u32 | number u64 | body

A payload over the inline threshold may lie in the spool that both ends share: the frame
carries its size and name in its place then, and its kind the bit SPOOLED.

The agent does not trust a runner: a frame that does not parse is a
`FrameError`, and the runner that sent it is replaced.
"""

from __future__ import annotations

import enum
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fnq_wire.limits import MOST_SPOOLED
from fnq_wire.pieces import Spooled

__all__ = [
    "CUT_OFF",
    "MAX_BODY",
    "NO_CALL",
    "SPOOLED",
    "Kind",
    "FrameError",
    "Frame",
    "DispatchInfo",
    "SubmitInfo",
    "Decoder",
    "encode",
    "encode_json",
    "encode_dispatch",
    "encode_submit",
    "read_json",
    "read_dispatch",
    "read_submit",
    "pack_info",
    "payload_of",
    "placed",
    "read_payload",
]

_HEADER = struct.Struct("<IB16sIQ")
#: Attempt, remaining ms, parent, root, window in chunks, window in bytes, rows, set, packed,
#: first row, careful.
_DISPATCH = struct.Struct("<IQ16s16sIQIQ?I?")
#: Parent, root, remaining ms, detached, repeatable, divergent, set, rows, packed, length of
#: the version id and of the terms.
_SUBMIT = struct.Struct("<16s16sQ???QI?BI")
_SIZE = struct.Struct("<Q")
#: In the kind of a frame: its payload lies in the spool.
SPOOLED = 0x80
#: Bytes of the name of a spooled value.
_MAX_NAME = 200

#: Bytes: the largest payload, with room for its packed fields.
MAX_BODY = MOST_SPOOLED + (1 << 16)
#: Bytes of a body without a payload, and of what was printed.
_MAX_PLAIN, _MAX_LOG = 16 << 20, 1 << 20
NO_CALL = bytes(16)
#: Exit code of a runner that can write to its agent or read from it no more.
CUT_OFF = 71


@enum.unique
class Kind(enum.IntEnum):
    """What a frame says; the comment names its fields besides the call."""

    # Agent to runner.
    HELLO = 1  # body: JSON, see fnq_runner; the runner loads the function
    RANGE = 2  # number: tag of the agent's session; body: JSON
    # {"offset_ms", "first", "count", "most"}: where its `count` sequence numbers begin
    DISPATCH = 3  # epoch; number: depth; body: DispatchInfo and payload
    CREDIT = 4  # number: chunks in all; body: u64 bytes in all
    CANCEL = 5  # epoch; body: reason as text
    REVOKE = 6  # epoch: drop this dispatch if it has not begun
    DRAIN = 7  # finish what runs, then exit
    CHILD_CHUNK = 8  # number: position; body: payload
    CHILD_VALUE = 9  # body: payload
    CHILD_EXHAUSTED = 10
    CHILD_FAILED = 11  # number: attempt; body: JSON failure
    ANSWER = 12  # number: of the request; body: JSON
    ABANDON = 13  # epoch: it does not stop: end it without its code, if the rest can go on
    # call: the batch, also in what it says as a whole; number: depth; body: DispatchInfo, members
    BATCH = 14
    # Runner to agent.
    READY = 32  # the function is imported
    BROKEN = 33  # body: JSON failure: the import failed
    STARTED = 34  # epoch
    CHUNK = 35  # epoch; number: position; body: payload, or a block of outcomes
    VALUE = 36  # epoch; number: position; body: payload
    EXHAUSTED = 37  # epoch; number: position
    FAILED = 38  # epoch; number: position; body: JSON failure, "retry": whether one to repeat
    REVOKED = 39  # epoch: will not be begun
    SUBMIT = (
        40  # call: the child; epoch: of the parent; number: depth; body: SubmitInfo and payload
    )
    LEND = 41  # call: who waits; epoch; number: least depth that its slot now admits
    RECLAIM = 42  # call: who waited; epoch
    CHILD_CREDIT = 43  # as CREDIT, for a child stream
    CHILD_CANCEL = 44
    REQUEST = 45  # number: chosen by the runner; body: JSON {"verb": "lookup" | "wait_ready", ...}
    LOG = 46  # number: 1 stdout, 2 stderr, 3 the runner itself; body: text
    RETIRING = 47  # code cannot be stopped: what runs besides ends, then the runner exits
    WATCH = 48  # call: of the wish; number: first position; body: u8 end only, then the call


class FrameError(ValueError):
    """The bytes on the pipe are not a frame."""


@dataclass(slots=True)
class Frame:
    """One frame; what its fields say depends on its kind. `spooled`: see SPOOLED."""

    kind: int
    call: bytes
    epoch: int
    number: int
    body: bytes
    spooled: bool = False


@dataclass(slots=True)
class DispatchInfo:
    """What a runner must know of a call besides its payload."""

    attempt: int
    remaining_ms: int
    parent: bytes
    root: bytes
    window_chunks: int
    window_bytes: int
    rows: int
    set: int = 0
    #: It is answered row by row, from `first_row` on.
    packed: bool = False
    first_row: int = 0
    #: One row at a time, each told at once: one of them seems to kill its workers.
    careful: bool = False


@dataclass(slots=True)
class SubmitInfo:
    """What an agent must know to submit a nested call."""

    parent: bytes
    root: bytes
    remaining_ms: int
    detached: bool
    repeatable: bool
    version: str
    set: int = 0
    rows: int = 1
    packed: bool = False
    divergent: bool = False
    #: What the call asks for by itself, as JSON: timeout_ms, key, digest (hex), tags; or empty.
    terms: bytes = b""


def encode(
    kind: Kind,
    call: bytes = NO_CALL,
    epoch: int = 0,
    number: int = 0,
    body: bytes | Spooled = b"",
) -> bytes:
    """Return the frame as bytes."""
    if isinstance(body, Spooled):
        kind_of_frame, body = placed(kind, body)
        return _HEADER.pack(len(body), kind_of_frame, call, epoch, number) + body
    return _HEADER.pack(len(body), kind, call, epoch, number) + body


def encode_json(
    kind: Kind, value: Any, call: bytes = NO_CALL, epoch: int = 0, number: int = 0
) -> bytes:
    """Return a frame whose body is `value` as JSON."""
    return encode(kind, call, epoch, number, json.dumps(value).encode())


def encode_dispatch(
    call: bytes, epoch: int, depth: int, info: DispatchInfo, payload: bytes | Spooled
) -> bytes:
    """Return a DISPATCH frame."""
    packed = pack_info(info)
    kind, payload = placed(Kind.DISPATCH, payload)
    head = _HEADER.pack(len(packed) + len(payload), kind, call, epoch, depth)
    return b"".join((head, packed, payload))


def pack_info(info: DispatchInfo) -> bytes:
    """Return the facts as a DISPATCH or BATCH frame begins with them."""
    return _DISPATCH.pack(
        info.attempt,
        info.remaining_ms,
        info.parent or NO_CALL,
        info.root or NO_CALL,
        info.window_chunks,
        info.window_bytes,
        info.rows,
        info.set,
        info.packed,
        info.first_row,
        info.careful,
    )


def encode_submit(
    call: bytes, epoch: int, depth: int, info: SubmitInfo, payload: bytes | Spooled
) -> bytes:
    """Return a SUBMIT frame."""
    version = info.version.encode()
    packed = _SUBMIT.pack(
        info.parent or NO_CALL,
        info.root or NO_CALL,
        info.remaining_ms,
        info.detached,
        info.repeatable,
        info.divergent,
        info.set,
        info.rows,
        info.packed,
        len(version),
        len(info.terms),
    )
    kind, payload = placed(Kind.SUBMIT, payload)
    size = len(packed) + len(version) + len(info.terms) + len(payload)
    head = _HEADER.pack(size, kind, call, epoch, depth)
    return b"".join((head, packed, version, info.terms, payload))


def placed(kind: int, payload: bytes | Spooled) -> tuple[int, bytes]:
    """Return the kind of a frame with this payload, and what it carries of it."""
    if isinstance(payload, Spooled):
        return kind | SPOOLED, _SIZE.pack(payload.size) + payload.name.encode()
    return kind, payload


def read_payload(frame: Frame, body: bytes | None = None) -> bytes | Spooled:
    """Return the payload of a frame; `body` is the end of its body that holds it, else all."""
    return payload_of(frame.body if body is None else body, frame.spooled)


def payload_of(data: bytes, spooled: int) -> bytes | Spooled:
    """Return the payload that a frame carries as `data`, or says there where it lies."""
    if not spooled:
        return data
    name = data[_SIZE.size :]
    if not 0 < len(name) <= _MAX_NAME or not name.isascii():
        raise FrameError("a frame without the name of a spooled value")
    (size,) = _SIZE.unpack_from(data)
    if not 0 < size <= MOST_SPOOLED:
        raise FrameError(f"a frame with a spooled value of {size} bytes")
    return Spooled(name.decode(), size)


def read_json(frame: Frame) -> dict[str, Any]:
    """Return the JSON object in the body of `frame`."""
    try:
        value = json.loads(frame.body)
    except (ValueError, RecursionError) as problem:
        raise FrameError(
            f"frame of kind {frame.kind}: its body is not JSON: {problem}"
        ) from problem
    if not isinstance(value, dict):
        raise FrameError(f"frame of kind {frame.kind}: its body is no JSON object")
    return value


def read_dispatch(frame: Frame) -> tuple[DispatchInfo, bytes | Spooled]:
    """Return what a DISPATCH or BATCH frame carries: the facts, and payload or members."""
    try:
        fields = _DISPATCH.unpack_from(frame.body)
    except struct.error as problem:
        raise FrameError(f"DISPATCH frame of {len(frame.body)} bytes is cut short") from problem
    return DispatchInfo(*fields), read_payload(frame, frame.body[_DISPATCH.size :])


def read_submit(frame: Frame) -> tuple[SubmitInfo, bytes | Spooled]:
    """Return what a SUBMIT frame carries: the facts and the payload."""
    try:
        fields: tuple[Any, ...] = _SUBMIT.unpack_from(frame.body)
        *facts, length, asked = fields
        start = _SUBMIT.size + length
        version = bytes(frame.body[_SUBMIT.size : start]).decode("ascii")
        terms = bytes(frame.body[start : start + asked])
        if len(version) + len(terms) < length + asked:
            raise ValueError("the version id or the terms are cut short")
    except (struct.error, ValueError) as problem:
        raise FrameError(f"SUBMIT frame of {len(frame.body)} bytes is malformed") from problem
    parent, root, remaining, detached, repeatable, divergent, members, rows, packed = facts
    info = SubmitInfo(
        parent,
        root,
        remaining,
        detached,
        repeatable,
        version,
        members,
        rows,
        packed,
        divergent,
        terms,
    )
    return info, read_payload(frame, frame.body[start + asked :])


class Decoder:
    """Cut a byte stream into frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Yield the frames that `data` completes, in order.

        Raises FrameError, after the frames before it, when a header names an unknown
        kind, or a body larger than that kind may have; the stream cannot be read
        further then.
        """
        frames, problem = self._cut(data)
        yield from frames
        if problem:
            raise FrameError(problem)

    def _cut(self, data: bytes) -> tuple[list[Frame], str]:
        """Return complete frames, and what is wrong with what follows them."""
        buffer = self._buffer
        buffer += data
        frames: list[Frame] = []
        start, end, problem = 0, len(buffer), ""
        while end - start >= _HEADER.size:
            length, kind, call, epoch, number = _HEADER.unpack_from(buffer, start)
            if length > _MOST.get(kind, -1):
                problem = f"not a frame: kind {kind}, body of {length} bytes"
                break
            stop = start + _HEADER.size + length
            if stop > end:
                break
            body = bytes(memoryview(buffer)[start + _HEADER.size : stop])
            frames.append(Frame(kind & ~SPOOLED, call, epoch, number, body, kind >= SPOOLED))
            start = stop
        if start:
            del buffer[:start]
        return frames, problem


#: Bytes of a body, by kind.
_MOST = dict.fromkeys(map(int, Kind), _MAX_PLAIN) | {
    Kind.DISPATCH: MAX_BODY,
    Kind.BATCH: MAX_BODY,
    Kind.CHILD_CHUNK: MAX_BODY,
    Kind.CHILD_VALUE: MAX_BODY,
    Kind.CHUNK: MAX_BODY,
    Kind.VALUE: MAX_BODY,
    Kind.SUBMIT: MAX_BODY,
    Kind.LOG: _MAX_LOG,
}
_MOST |= {
    kind | SPOOLED: _MAX_PLAIN
    for kind in (
        Kind.DISPATCH,
        Kind.CHILD_CHUNK,
        Kind.CHILD_VALUE,
        Kind.CHUNK,
        Kind.VALUE,
        Kind.SUBMIT,
    )
}
