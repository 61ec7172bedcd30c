"""Large payloads: before they are put together, and where they lie in the spool.

Standard library only: the runner uses them too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["Buffer", "Payload", "Pieces", "Spooled", "behind", "sha256", "whole"]

Buffer: TypeAlias = bytes | bytearray | memoryview

#: What the first pieces hold: the schema, and the head of the batch.
_HEAD = 2


class Pieces:
    """The buffers that one payload is made of, in order.

    They are the user's own memory where possible, so nothing may change before they are
    written. Who writes them one after the other into a file never holds them twice.
    """

    __slots__ = ("parts", "size")

    def __init__(self, parts: Sequence[Buffer], size: int) -> None:
        self.parts = parts
        self.size = size

    def __len__(self) -> int:
        """Return the bytes of all of them."""
        return self.size

    @property
    def head(self) -> bytes:
        """What comes before the values: enough to tell the sizes of the columns."""
        return b"".join(self.parts[:_HEAD])


#: What an encoder returns: bytes up to the size that travels inline, else pieces.
Payload: TypeAlias = bytes | Pieces


@dataclass(frozen=True, slots=True)
class Spooled:
    """A payload that lies in the spool."""

    name: str
    size: int

    def __len__(self) -> int:
        """Return its bytes."""
        return self.size


def whole(payload: Payload) -> bytes:
    """Return a payload in one piece: a copy, where it is not."""
    return payload if isinstance(payload, bytes) else b"".join(payload.parts)


def behind(head: bytes, payload: Payload) -> Payload:
    """Return a payload with some bytes before it."""
    if isinstance(payload, bytes):
        return head + payload
    return Pieces((head, *payload.parts), len(head) + payload.size)


def sha256(payload: Payload) -> bytes:
    """Return the hash of a payload, in pieces or not."""
    import hashlib

    digest = hashlib.sha256()
    for part in (payload,) if isinstance(payload, bytes) else payload.parts:
        digest.update(part)
    return digest.digest()
