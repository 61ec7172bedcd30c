"""The column of tagged values: whatever has no one Arrow type."""

from __future__ import annotations

import operator
import struct
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

from fnq_wire.classes import Classes
from fnq_wire.column.kind import Kind, Sink, Source
from fnq_wire.column.message import LARGE_BINARY
from fnq_wire.tagged import encode_parts
from fnq_wire.value.reader import Reader

__all__ = ["EXTENSION", "Anything", "Written"]

#: Name of the extension type of Arrow by which the column is known.
EXTENSION = "fnq.value"


class Written(bytes):
    """A value that was tagged before it comes to its column."""


class Anything(Kind):
    """A column of binary values in the form of `fnq_wire.value.tag`."""

    buffers = 3

    def __init__(self, classes: Classes) -> None:
        super().__init__("any", (LARGE_BINARY, ()), b"")
        self.metadata = {"ARROW:extension:name": EXTENSION, "ARROW:extension:metadata": "1"}
        self._classes = classes

    def fill(self, lowered: Sequence[Any], sink: Sink) -> None:
        """Append the offsets and the bytes; raises Refusal when a value cannot travel."""
        written = [
            [value] if type(value) is Written else encode_parts(value, self._classes)
            for value in lowered
        ]
        lengths = [sum(map(len, parts)) for parts in written]
        sink.buffer(struct.pack(f"<{len(lengths) + 1}q", *accumulate(lengths, initial=0)))
        sink.pieces([part for parts in written for part in parts])

    def take(self, source: Source, length: int) -> list[Any]:
        """Return the values."""
        offsets, data = source.buffer(8 * (length + 1) if length else 0), source.buffer()
        edges = struct.unpack_from(f"<{length + 1}q", offsets) if length else (0,)
        rising = all(map(operator.le, edges, edges[1:]))
        if edges[0] < 0 or edges[-1] > len(data) or not rising:
            raise ValueError(f"offsets that do not rise within 0 and {len(data)}")
        return [self._read(data[a:b]) for a, b in pairwise(edges)]

    def _read(self, data: memoryview) -> Any:
        reader = Reader(data, self._classes)
        value = reader.read()
        reader.finish()
        return value
