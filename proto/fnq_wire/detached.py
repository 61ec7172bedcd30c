"""What the pipe says of calls that outlive their caller, and of what a call asks for by itself.

Standard library only: the runner uses it too.
"""

from __future__ import annotations

import json
from typing import TypedDict

from fnq_wire.pipe import NO_CALL, Frame, FrameError, Kind, SubmitInfo, encode

__all__ = ["Terms", "encode_watch", "read_terms", "read_watch"]


class Terms(TypedDict):
    """What a call asks for by itself; `digest` is sha256 of its payload, as hex digits."""

    timeout_ms: int
    key: str
    digest: str
    tags: dict[str, str]


def read_terms(info: SubmitInfo) -> Terms:
    """Return what a call asks for by itself."""
    try:
        asked = json.loads(info.terms)
        digest = bytes.fromhex(asked.get("digest", ""))
        return Terms(
            timeout_ms=int(asked.get("timeout_ms", 0)),
            key=str(asked.get("key", "")),
            digest=digest.hex(),
            tags={str(key): str(text) for key, text in asked.get("tags", {}).items()},
        )
    except (AttributeError, RecursionError, TypeError, ValueError) as problem:
        raise FrameError("the terms of a SUBMIT frame are malformed") from problem


def encode_watch(identity: bytes, call: bytes, after: int, *, end_only: bool) -> bytes:
    """Return a WATCH frame."""
    return encode(Kind.WATCH, identity, 0, after, bytes((end_only,)) + call)


def read_watch(frame: Frame) -> tuple[bytes, bool]:
    """Return what a WATCH frame carries: the call, and whether only its end is wanted."""
    if len(frame.body) != 1 + len(NO_CALL):
        raise FrameError(f"WATCH frame of {len(frame.body)} bytes is malformed")
    return frame.body[1:], bool(frame.body[0])
