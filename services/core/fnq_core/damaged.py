"""What the bytes of a protobuf message still say when they cannot be parsed as a whole. Pure."""

from __future__ import annotations

__all__ = ["leading_fields"]

#: Wire types: a number, 8 bytes, a length and so many bytes, 4 bytes.
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
#: Bytes of the longest number.
_LONGEST = 10


def leading_fields(body: bytes) -> dict[int, int | bytes]:
    """Return numbers and bytes by field number, as far as `body` can be followed.

    The last one of a field counts. Whether it is what was written nobody knows:
    the reader checks each for what it must look like.
    """
    found: dict[int, int | bytes] = {}
    at: int | None = 0
    while at is not None and at < len(body):
        at = _take(body, at, found)
    return found


def _take(body: bytes, at: int, found: dict[int, int | bytes]) -> int | None:
    """Take up the field at `at`; return where the next one begins, None where none can."""
    key, start = _number(body, at)
    if start is None:
        return None
    field, wire = key >> 3, key & 7
    if wire == _VARINT:
        value, end = _number(body, start)
        if end is not None:
            found[field] = value
        return end
    if wire == _BYTES:
        length, start = _number(body, start)
        if start is None or start + length > len(body):
            return None
        found[field] = body[start : start + length]
        return start + length
    size = {_FIXED64: 8, _FIXED32: 4}.get(wire)
    return None if size is None or start + size > len(body) else start + size


def _number(body: bytes, at: int) -> tuple[int, int | None]:
    """Return the number at `at` and where it ends; None where it does not."""
    value = 0
    for index, byte in enumerate(body[at : at + _LONGEST]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, at + index + 1
    return 0, None
