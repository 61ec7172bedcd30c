"""One schema: named columns, and the payloads that have them.

A payload is a whole Arrow IPC stream: the message of the schema, which is made once,
one batch, and the end. Where a batch has one row and all columns are plain numbers its
head never changes either, and a payload is one `struct.pack` behind a constant.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
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
from fnq_wire.limits import INLINE
from fnq_wire.pieces import Payload, Pieces, whole
from fnq_wire.refusal import Refusal

__all__ = ["Layout"]


class Layout:
    """Turn the values of one row, or columns of many, into a payload and back."""

    def __init__(self, names: tuple[str, ...], kinds: tuple[Kind, ...]) -> None:
        self.names = names
        self.kinds = kinds
        pairs = zip(names, kinds, strict=True)
        self._schema = write_schema([kind.field(name) for name, kind in pairs])
        self._head = BatchHead(sum(it.nodes for it in kinds), sum(it.buffers for it in kinds))
        self._others: dict[tuple[int, str], Layout] = {}
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
        return self.other(column, Anything(classes))

    def other(self, column: int, kind: Kind) -> Layout:
        """Return the layout in which this column is of another kind."""
        other = self._others.get((column, kind.text))
        if other is None:
            kinds = (*self.kinds[:column], kind, *self.kinds[column + 1 :])
            other = self._others[column, kind.text] = Layout(self.names, kinds)
        return other

    def encode(self, values: Sequence[Any]) -> Payload:
        """Return the payload of one row; a large one in pieces.

        Raises Unfit or Refusal, `column` telling whose value it is about.
        """
        if self._quick is not None and tuple(map(type, values)) == self._types:
            try:
                return b"".join((self._constant, self._quick.pack(*values), END))
            except struct.error:  # An integer of more than 64 bits; found again below.
                pass
        return self.lay_out([(value,) for value in values], 1)

    def encode_columns(self, columns: Sequence[Sequence[Any]], rows: int) -> bytes:
        """Return the payload of columns of so many values each; raises as `encode` does."""
        return whole(self.lay_out(columns, rows))

    def lay_out(self, columns: Sequence[Sequence[Any]], rows: int) -> Payload:
        """Do as `encode_columns`; a large payload is in pieces."""
        sink, column = Sink(), 0
        try:
            for column, kind in enumerate(self.kinds):
                kind.write(columns[column], sink)
        except (Unfit, Refusal) as problem:
            problem.column = column
            raise
        head = self._head.fill(rows, sink.nodes, sink.buffers, sink.size)
        parts = (self._schema, head, *sink.parts, END)
        size = len(self._schema) + len(head) + sink.size + len(END)
        return b"".join(parts) if size <= INLINE else Pieces(parts, size)

    def decode(self, payload: memoryview, start: int) -> Sequence[Any]:
        """Return the values of the only row of a payload, whose batch begins at `start`.

        Raises any exception when the payload is corrupt.
        """
        constant, quick = self._constant, self._quick
        if quick is not None and payload[: len(constant)] == constant:
            if payload[len(constant) + quick.size :] != END:
                raise ValueError("the end of the stream is missing")
            return quick.unpack_from(payload, len(constant))
        rows, columns = self.decode_columns(payload, start)
        if rows != 1:
            raise ValueError(f"{rows} rows, expected one row")
        return [column[0] for column in columns]

    def decode_columns(self, payload: memoryview, start: int) -> tuple[int, list[list[Any]]]:
        """Return the number of rows of a payload, whose batch begins at `start`, and its columns.

        Raises any exception when the payload is corrupt.
        """
        rows, source = self._source(payload, start)
        columns = [kind.read(source) for kind in self.kinds]
        if any(len(column) != rows for column in columns):
            raise ValueError(f"a column has not exactly {rows} values")
        return rows, columns

    def stream_columns(self, payload: memoryview, start: int) -> tuple[int, list[Iterator[Any]]]:
        """Do as `decode_columns`, for who reads each column once."""
        rows, source = self._source(payload, start)
        columns = [kind.stream(source) for kind in self.kinds]
        if any(length != rows for length, _ in columns):
            raise ValueError(f"a column has not exactly {rows} values")
        return rows, [values for _, values in columns]

    def _source(self, payload: memoryview, start: int) -> tuple[int, Source]:
        """Return the number of rows of a batch, and what is in it; raises ValueError."""
        head, body = self._open(payload, start)
        rows, nodes, buffers, size = head
        if rows < 0 or size < 0 or payload[body + size :] != END:
            raise ValueError(f"no end of the stream after {rows} rows in {size} bytes")
        return rows, Source(nodes, buffers, payload[body : body + size])

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
