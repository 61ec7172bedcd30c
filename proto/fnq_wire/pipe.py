"""Frames between a worker's agent and its runner, over one socket pair.

Standard library only: the runner lives in the user's interpreter, where no
protobuf is to be expected. A frame is a fixed header and a body; hot kinds carry
packed fields and a payload, rare kinds carry JSON.

    length of body u32 | kind u8 | call 16 bytes | epoch u32 | number u64 | body

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

__all__ = [
    "CUT_OFF",
    "MAX_BODY",
    "NO_CALL",
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
]

_HEADER = struct.Struct("<IB16sIQ")
#: Attempt, remaining ms, parent, root, window in chunks, window in bytes, rows, set.
_DISPATCH = struct.Struct("<IQ16s16sIQIQ")
#: Parent, root, remaining ms, detached, repeatable, set, length of the version id.
_SUBMIT = struct.Struct("<16s16sQ??QB")

#: Bytes: the largest payload, with room for its packed fields.
MAX_BODY = MOST_SPOOLED + (1 << 16)
#: Bytes of a body without a payload, and of what was printed.
_MAX_PLAIN, _MAX_LOG = 16 << 20, 1 << 20
NO_CALL = bytes(16)
#: Exit code of a runner that can write to its agent or read from it no more.
CUT_OFF = 71


class Kind(enum.IntEnum):
    """What a frame says; the comment names its fields besides the call."""

    # Agent to runner.
    HELLO = 1  # body: JSON, see fnq_runner; the runner loads the function
    RANGE = 2  # number: tag of the agent's session; body: JSON {"offset_ms", "seq", "most"}
    DISPATCH = 3  # epoch; number: depth; body: DispatchInfo and payload
    CREDIT = 4  # number: chunks in all; body: u64 bytes in all
    CANCEL = 5  # epoch; body: reason as text
    REVOKE = 6  # epoch: drop this dispatch if it has not begun
    DRAIN = 7  # finish what runs, then exit
    CHILD_CHUNK = 8  # number: position; body: payload
    CHILD_VALUE = 9  # body: payload
    CHILD_EXHAUSTED = 10
    CHILD_FAILED = 11  # body: JSON failure
    ANSWER = 12  # number: of the request; body: JSON
    # Runner to agent.
    READY = 32  # the function is imported
    BROKEN = 33  # body: JSON failure: the import failed
    STARTED = 34  # epoch
    CHUNK = 35  # epoch; number: position; body: payload
    VALUE = 36  # epoch; number: position; body: payload
    EXHAUSTED = 37  # epoch; number: position
    FAILED = 38  # epoch; number: position; body: JSON failure
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


class FrameError(ValueError):
    """The bytes on the pipe are not a frame."""


@dataclass(slots=True)
class Frame:
    """One frame; what its fields say depends on its kind."""

    kind: int
    call: bytes
    epoch: int
    number: int
    body: bytes


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


def encode(
    kind: Kind, call: bytes = NO_CALL, epoch: int = 0, number: int = 0, body: bytes = b""
) -> bytes:
    """Return the frame as bytes."""
    return _HEADER.pack(len(body), kind, call, epoch, number) + body


def encode_json(
    kind: Kind, value: Any, call: bytes = NO_CALL, epoch: int = 0, number: int = 0
) -> bytes:
    """Return a frame whose body is `value` as JSON."""
    return encode(kind, call, epoch, number, json.dumps(value).encode())


def encode_dispatch(
    call: bytes, epoch: int, depth: int, info: DispatchInfo, payload: bytes
) -> bytes:
    """Return a DISPATCH frame."""
    packed = _DISPATCH.pack(
        info.attempt,
        info.remaining_ms,
        info.parent or NO_CALL,
        info.root or NO_CALL,
        info.window_chunks,
        info.window_bytes,
        info.rows,
        info.set,
    )
    head = _HEADER.pack(len(packed) + len(payload), Kind.DISPATCH, call, epoch, depth)
    return b"".join((head, packed, payload))


def encode_submit(call: bytes, epoch: int, depth: int, info: SubmitInfo, payload: bytes) -> bytes:
    """Return a SUBMIT frame."""
    version = info.version.encode()
    packed = _SUBMIT.pack(
        info.parent or NO_CALL,
        info.root or NO_CALL,
        info.remaining_ms,
        info.detached,
        info.repeatable,
        info.set,
        len(version),
    )
    size = len(packed) + len(version) + len(payload)
    head = _HEADER.pack(size, Kind.SUBMIT, call, epoch, depth)
    return b"".join((head, packed, version, payload))


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


def read_dispatch(frame: Frame) -> tuple[DispatchInfo, bytes]:
    """Return what a DISPATCH frame carries: the facts and the payload."""
    try:
        fields = _DISPATCH.unpack_from(frame.body)
    except struct.error as problem:
        raise FrameError(f"DISPATCH frame of {len(frame.body)} bytes is cut short") from problem
    return DispatchInfo(*fields), frame.body[_DISPATCH.size :]


def read_submit(frame: Frame) -> tuple[SubmitInfo, bytes]:
    """Return what a SUBMIT frame carries: the facts and the payload."""
    try:
        parent, root, remaining, detached, repeatable, members, length = _SUBMIT.unpack_from(
            frame.body
        )
        start = _SUBMIT.size + length
        version = bytes(frame.body[_SUBMIT.size : start]).decode("ascii")
        if len(version) < length:
            raise ValueError("the version id is cut short")
    except (struct.error, ValueError) as problem:
        raise FrameError(f"SUBMIT frame of {len(frame.body)} bytes is malformed") from problem
    info = SubmitInfo(parent, root, remaining, detached, repeatable, version, members)
    return info, frame.body[start:]


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
            frames.append(Frame(kind, call, epoch, number, body))
            start = stop
        if start:
            del buffer[:start]
        return frames, problem


#: Bytes of a body, by kind.
_MOST = dict.fromkeys(map(int, Kind), _MAX_PLAIN) | {
    Kind.DISPATCH: MAX_BODY,
    Kind.CHILD_CHUNK: MAX_BODY,
    Kind.CHILD_VALUE: MAX_BODY,
    Kind.CHUNK: MAX_BODY,
    Kind.VALUE: MAX_BODY,
    Kind.SUBMIT: MAX_BODY,
    Kind.LOG: _MAX_LOG,
}
