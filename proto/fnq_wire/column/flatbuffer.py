"""The little of FlatBuffers that the messages of Arrow need, both ways.

Written here so that a script pays for the import of pyarrow (a quarter of a
second) only when it sends a value of pyarrow's own. Objects are laid out front to
back: offsets point forward, a vtable lies right before its table.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

__all__ = ["Builder", "Reference", "Slot", "Table", "root"]

_U16 = struct.Struct("<H")
_U32 = struct.Struct("<I")
_I32 = struct.Struct("<i")
_SIZES = {"B": 1, "h": 2, "i": 4, "q": 8, "I": 4}


class Builder:
    """Grow one buffer; every position is counted from its start."""

    def __init__(self) -> None:
        self.out = bytearray(4)

    def table(self, slots: Iterable[Slot]) -> int:
        """Append a table and all that it refers to; return its position.

        A slot is (number, format, value); the value of format "I" is a function
        that appends an object and returns its position.
        """
        out, at = self.out, 4
        ordered = sorted(slots, key=lambda slot: -_SIZES[slot[1]])
        places: dict[int, int] = {}
        for number, code, _ in ordered:
            at += -at % _SIZES[code]
            places[number] = at
            at += _SIZES[code]
        width = max(places, default=-1) + 1
        vtable = struct.pack(
            f"<HH{width}H", 4 + 2 * width, at, *(places.get(index, 0) for index in range(width))
        )
        self._pad(len(vtable), 8)
        start = len(out) + len(vtable)
        out += vtable + _I32.pack(len(vtable)) + bytes(at - 4)
        for number, code, value in ordered:
            place = start + places[number]
            if callable(value):
                self._point(place, value(self))
            else:
                struct.pack_into("<" + code, out, place, value)
        return start

    def string(self, text: str) -> int:
        """Append a string; return its position."""
        self._pad(0, 4)
        start, data = len(self.out), text.encode()
        self.out += _U32.pack(len(data)) + data + b"\0"
        return start

    def references(self, objects: Sequence[Reference]) -> int:
        """Append a vector of objects; return its position."""
        self._pad(0, 4)
        start = len(self.out)
        self.out += _U32.pack(len(objects)) + bytes(4 * len(objects))
        for index, append in enumerate(objects):
            self._point(start + 4 + 4 * index, append(self))
        return start

    def pairs(self, count: int) -> int:
        """Append a vector of `count` pairs of 64-bit zeros; return its position."""
        self._pad(4, 8)
        start = len(self.out)
        self.out += _U32.pack(count) + bytes(16 * count)
        return start

    def finish(self, position: int) -> bytes:
        """Return the buffer with the table at `position` as its root, padded to 8 bytes."""
        self._pad(0, 8)
        _U32.pack_into(self.out, 0, position)
        return bytes(self.out)

    def _pad(self, ahead: int, alignment: int) -> None:
        """Pad so that what follows `ahead` more bytes is aligned."""
        self.out += bytes(-(len(self.out) + ahead) % alignment)

    def _point(self, place: int, target: int) -> None:
        _U32.pack_into(self.out, place, target - place)


Reference: TypeAlias = Callable[[Builder], int]
Slot: TypeAlias = tuple[int, str, int | Reference]


class Table:
    """Read a table in bytes that nobody vouches for.

    Raises ValueError or struct.error for whatever lies outside the buffer.
    """

    __slots__ = ("_data", "_slots", "_start")

    def __init__(self, data: memoryview, start: int) -> None:
        back: int = _I32.unpack_from(data, start)[0]
        vtable = start - back
        if not 0 <= vtable <= len(data) - 4:
            raise ValueError(f"a vtable at {vtable} is outside of {len(data)} bytes")
        size: int = _U16.unpack_from(data, vtable)[0]
        self._data = data
        self._start = start
        self._slots = struct.unpack_from(f"<{max(size - 4, 0) // 2}H", data, vtable + 4)

    def place(self, number: int) -> int:
        """Return where the value of a slot lies; 0 when it is left out."""
        offset: int = self._slots[number] if number < len(self._slots) else 0
        return self._start + offset if offset else 0

    def scalar(self, number: int, code: str, default: int) -> int:
        """Return the number in a slot."""
        place = self.place(number)
        if not place:
            return default
        value: int = struct.unpack_from("<" + code, self._data, place)[0]
        return value

    def target(self, number: int) -> int:
        """Return where the object lies that a slot points to; 0 when there is none."""
        place = self.place(number)
        return place + self._u32(place) if place else 0

    def table(self, number: int) -> Table | None:
        """Return the table that a slot points to."""
        target = self.target(number)
        return Table(self._data, target) if target else None

    def string(self, number: int) -> str:
        """Return the text that a slot points to; "" when there is none."""
        target = self.target(number)
        if not target:
            return ""
        length = self._u32(target)
        self._within(target + 4, length)
        return str(self._data[target + 4 : target + 4 + length], "utf-8")

    def tables(self, number: int) -> list[Table]:
        """Return the tables in the vector that a slot points to."""
        target = self.target(number)
        if not target:
            return []
        count = self._u32(target)
        self._within(target + 4, 4 * count)
        places = range(target + 4, target + 4 + 4 * count, 4)
        return [Table(self._data, place + self._u32(place)) for place in places]

    def pairs(self, number: int) -> tuple[int, ...]:
        """Return the vector of pairs of 64-bit numbers that a slot points to, flat."""
        target = self.target(number)
        if not target:
            return ()
        count = self._u32(target)
        self._within(target + 4, 16 * count)
        return struct.unpack_from(f"<{2 * count}q", self._data, target + 4)

    def _u32(self, place: int) -> int:
        value: int = _U32.unpack_from(self._data, place)[0]
        return value

    def _within(self, start: int, length: int) -> None:
        if start + length > len(self._data):
            raise ValueError(f"{length} bytes at {start} are outside of {len(self._data)} bytes")


def root(data: memoryview) -> Table:
    """Return the root table of a buffer."""
    offset: int = _U32.unpack_from(data, 0)[0]
    return Table(data, offset)
