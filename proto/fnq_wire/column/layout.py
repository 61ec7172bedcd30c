"""One schema: named columns, and the payloads that have them.

A payload is a whole Arrow IPC stream: the message of the schema, which is made once,
one batch of one row, and the end. Where all columns are plain numbers the head of the
batch never changes either, and a payload is one `struct.pack` behind a constant.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import islice
from typing import Any

from fnq_wire.classes import Classes
from fnq_wire.column.anything import Anything
from fnq_wire.column.kind import Kind, Sink, Source, Unfit
from fnq_wire.column.message import (
    END,
    BatchHead,
    BatchNumbers,
    head_length,
    read_batch,
    read_schema,
    write_schema,
)
from fnq_wire.column.schema import kind_of_field
from fnq_wire.refusal import Refusal

__all__ = ["Layout"]


class Layout:
    """Turn the values of one row into a payload and back."""

    def __init__(self, names: tuple[str, ...], kinds: tuple[Kind, ...]) -> None:
        self.names = names
        self.kinds = kinds
        pairs = zip(names, kinds, strict=True)
        self._schema = write_schema([kind.field(name) for name, kind in pairs])
        self._head = BatchHead(sum(it.nodes for it in kinds), sum(it.buffers for it in kinds))
        self._untyped: dict[int, Layout] = {}
        quick = all(kind.quick for kind in kinds)
        self._quick = struct.Struct("<" + "".join(kind.quick for kind in kinds)) if quick else None
        self._types = tuple(getattr(kind, "python", None) for kind in kinds)
        self._constant = self._schema + self._plain_head() if quick else b""

    @classmethod
    def of_schema(cls, message: memoryview, classes: Classes) -> Layout:
        """Return the layout that the message of a schema describes.

        Raises ValueError or struct.error when it is none that fnq writes.
        """
        fields = read_schema(message)
        kinds = tuple(kind_of_field(field, classes) for field in fields)
        return cls(tuple(field.name for field in fields), kinds)

    def untyped(self, column: int, classes: Classes) -> Layout:
        """Return the layout in which this column is tagged."""
        other = self._untyped.get(column)
        if other is None:
            kinds = (*self.kinds[:column], Anything(classes), *self.kinds[column + 1 :])
            other = self._untyped[column] = Layout(self.names, kinds)
        return other

    def encode(self, values: Sequence[Any]) -> bytes:
        """Return the payload of one row.

        Raises Unfit or Refusal, `column` telling whose value it is about.
        """
        if self._quick is not None and tuple(map(type, values)) == self._types:
            try:
                return b"".join((self._constant, self._quick.pack(*values), END))
            except struct.error:  # An integer of more than 64 bits; found again below.
                pass
        sink, column = Sink(), 0
        try:
            for column, kind in enumerate(self.kinds):
                kind.write((values[column],), sink)
        except (Unfit, Refusal) as problem:
            problem.column = column
            raise
        head = self._head.fill(1, sink.nodes, sink.buffers, sink.size)
        return b"".join((self._schema, head, *sink.parts, END))

    def decode(self, payload: memoryview, start: int) -> Sequence[Any]:
        """Return the values of the only row of a payload, whose batch begins at `start`.

        Raises any exception when the payload is corrupt.
        """
        constant, quick = self._constant, self._quick
        if quick is not None and payload[: len(constant)] == constant:
            if payload[len(constant) + quick.size :] != END:
                raise ValueError("the end of the stream is missing")
            return quick.unpack_from(payload, len(constant))
        head, body = self._open(payload, start)
        rows, nodes, buffers, size = head
        if rows != 1 or size < 0 or payload[body + size :] != END:
            raise ValueError(f"{rows} rows in a body of {size} bytes, expected one row and the end")
        source = Source(nodes, buffers, payload[body : body + size])
        columns = [kind.read(source) for kind in self.kinds]
        if any(len(column) != 1 for column in columns):
            raise ValueError("a column has not exactly one value")
        return [column[0] for column in columns]

    def sizes(self, payload: memoryview, start: int) -> list[int]:
        """Return the bytes of each column; raises ValueError or struct.error when corrupt."""
        (_, _, buffers, _), _ = self._open(payload, start)
        lengths = iter(buffers[1::2])
        return [sum(islice(lengths, kind.buffers)) for kind in self.kinds]

    def _open(self, payload: memoryview, start: int) -> tuple[BatchNumbers, int]:
        """Return the numbers in the head of the batch at `start`, and where its body begins."""
        body = start + head_length(payload, start)
        head = payload[start:body]
        return self._head.parse(bytes(head)) or read_batch(head), body

    def _plain_head(self) -> bytes:
        """Return the head of a batch of one row of numbers."""
        buffers: list[int] = []
        for index in range(len(self.kinds)):
            buffers += (8 * index, 0, 8 * index, 8)
        return bytes(self._head.fill(1, [1, 0] * len(self.kinds), buffers, 8 * len(self.kinds)))
