"""Ids of calls: 16 bytes laid out as a UUIDv7 that anybody can read.

    unix ms 48 | 7 (4) | function 12 | 0b10 (2) | session 38 | seq 24

The milliseconds are the server's clock; the function's 12 bits are the first of
its version id; the server grants each session its 38 bits, within which seq
counts up. So whoever makes calls names them without a round trip, and any
server finds the keys of a call, and tells *expired* from *never existed*, by the
id alone. Standard library only.
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = [
    "NO_VERSION",
    "SEQ_LIMIT",
    "SESSION_LIMIT",
    "SIZE",
    "CallId",
    "function_tag",
    "make",
    "parse",
    "text",
]

#: Bytes of an id.
SIZE = 16
#: What ids are made for that are no call's.
NO_VERSION = "000"
#: Sequence numbers and session tags are below these.
SEQ_LIMIT = 1 << 24
SESSION_LIMIT = 1 << 38
_MS_LIMIT = 1 << 48
_VARIANT = 0b10 << 62
_VERSION = 7 << 12
_TAG = re.compile(r"[0-9A-Fa-f]{3}")


class CallId(NamedTuple):
    """What an id says: wall clock, 12 bits of the version, session and sequence."""

    ms: int
    function: int
    session: int
    seq: int


def function_tag(version: str) -> int:
    """Return the 12 bits that ids of a version carry.

    Raises ValueError when `version` does not begin with three hex digits.
    """
    leading = version[:3]
    if not _TAG.fullmatch(leading):
        raise ValueError(f"expected a version id of hex digits, not {version!r}")
    return int(leading, 16)


def make(ms: int, version: str, tag: int, seq: int) -> bytes:
    """Return the id of call `seq` of session `tag`, made at `ms` for `version`.

    Raises ValueError when a field does not fit its bits.
    """
    if not (0 <= ms < _MS_LIMIT and 0 <= tag < SESSION_LIMIT and 0 <= seq < SEQ_LIMIT):
        raise ValueError(f"a field is too large for a call id: ms {ms}, session {tag}, seq {seq}")
    high = ms << 16 | _VERSION | function_tag(version)
    low = _VARIANT | tag << 24 | seq
    return (high << 64 | low).to_bytes(16, "big")


def parse(call: bytes) -> CallId:
    """Return the fields of an id; ValueError when it is not laid out as one."""
    if len(call) != SIZE or call[6] >> 4 != 7 or call[8] >> 6 != 0b10:
        raise ValueError(f"not the id of a call: {call.hex() or 'nothing'}")
    high, low = int.from_bytes(call[:8], "big"), int.from_bytes(call[8:], "big")
    return CallId(high >> 16, high & 0xFFF, low >> 24 & (SESSION_LIMIT - 1), low & (SEQ_LIMIT - 1))


def text(call: bytes) -> str:
    """Return an id as people see it: "0192f0c1-...", 36 characters."""
    shown = call.hex()
    return f"{shown[:8]}-{shown[8:12]}-{shown[12:16]}-{shown[16:20]}-{shown[20:]}"
