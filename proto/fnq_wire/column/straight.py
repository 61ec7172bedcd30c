"""Columns that are written as they lie in an array of Arrow, without a Python value."""

from __future__ import annotations

from typing import Any

from fnq_wire.column.kind import Kind, Sink

__all__ = ["Straight"]


class Straight(Kind):
    """A column that is written as it lies in an array of Arrow that begins at offset 0."""

    def __init__(self, leaf: Kind, width: int, *, nullable: bool = True) -> None:
        """Have values of `width` bits each; with 0 they have a text of offsets."""
        super().__init__(leaf.text, leaf.arrow, leaf.void)
        self.buffers = leaf.buffers
        self.nullable = nullable
        self._width = width

    def write(self, values: Any, sink: Sink) -> None:
        """Append the buffers of an array, which must not change before they are read."""
        length, nulls = len(values), values.null_count
        bitmap, *data = values.buffers()
        sink.node(length, nulls)
        if nulls:
            sink.pieces(_pieces(bitmap, (length + 7) // 8))
        if self._width:
            sink.pieces(_pieces(data[0], (length * self._width + 7) // 8))
            return
        edges = _pieces(data[0], 4 * (length + 1) if length else 0)
        sink.pieces(edges)
        size = int.from_bytes(edges[0][-4:], "little") if edges else 0
        sink.pieces(_pieces(data[1], size))


def _pieces(buffer: Any, size: int) -> list[memoryview]:
    return [memoryview(buffer)[:size]] if buffer is not None and size else []
