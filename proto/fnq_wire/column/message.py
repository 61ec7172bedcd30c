"""The two messages of an Arrow IPC stream: the schema, and a batch of rows.

    FFFFFFFF | length of metadata i32 | metadata (a FlatBuffer, padded to 8) | body

Only what fnq writes is read: no dictionaries, no compression, a bounded number of
fields. See https://arrow.apache.org/docs/format/Columnar.html.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

from fnq_wire.column.flatbuffer import Builder, Reference, Slot, Table, root

__all__ = [
    "BINARY",
    "BOOL",
    "DATE",
    "DURATION",
    "END",
    "FIXED_BINARY",
    "FLOAT",
    "INT",
    "LARGE_BINARY",
    "LIST",
    "MAP",
    "STRUCT",
    "TIME",
    "TIMESTAMP",
    "UTF8",
    "ArrowType",
    "BatchHead",
    "BatchNumbers",
    "Field",
    "head_length",
    "read_batch",
    "read_schema",
    "refuse_compressed",
    "write_schema",
]

# Numbers of the union Type in Arrow's Schema.fbs.
INT, FLOAT, BINARY, UTF8, BOOL, DATE, TIME, TIMESTAMP = 2, 3, 4, 5, 6, 8, 9, 10
LIST, STRUCT, FIXED_BINARY, MAP, DURATION, LARGE_BINARY = 12, 13, 15, 17, 18, 19

#: A type and the values of its slots: (INT, (64, 1)).
ArrowType: TypeAlias = tuple[int, tuple[int, ...]]

#: Rows, nodes (length, nulls), buffers (offset, length), length of the body.
BatchNumbers: TypeAlias = tuple[int, tuple[int, ...], tuple[int, ...], int]

#: Format and default of the slots of each type that fnq writes.
_SLOTS: dict[int, tuple[tuple[str, int], ...]] = {
    INT: (("i", 0), ("B", 0)),
    FLOAT: (("h", 0),),
    DATE: (("h", 1),),
    TIME: (("h", 1), ("i", 32)),
    TIMESTAMP: (("h", 0),),
    DURATION: (("h", 1),),
    FIXED_BINARY: (("i", 0),),
    MAP: (("B", 0),),
    **dict.fromkeys((BINARY, UTF8, BOOL, LIST, STRUCT, LARGE_BINARY), ()),
}

_HEAD = struct.Struct("<Ii")
_I64 = struct.Struct("<q")
_CONTINUATION = 0xFFFFFFFF
_V5 = 4
_SCHEMA, _DICTIONARY, _BATCH = 1, 2, 3
#: Levels of nesting in a schema.
_MAX_LEVELS = 64

#: The end of a stream.
END = _HEAD.pack(_CONTINUATION, 0)


@dataclass(frozen=True)
class Field:
    """Describe a column, or what lies in one."""

    name: str
    type: ArrowType
    nullable: bool = False
    children: tuple[Field, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)


def head_length(data: memoryview, start: int) -> int:
    """Return the length of the message at `start`, its body left out.

    Raises ValueError when there is none.
    """
    if len(data) - start < _HEAD.size:
        raise ValueError("the stream is cut short")
    mark, length = _HEAD.unpack_from(data, start)
    if mark != _CONTINUATION or not 0 < length <= len(data) - start - _HEAD.size:
        raise ValueError("no message of an Arrow stream")
    return _HEAD.size + int(length)


def write_schema(fields: Sequence[Field]) -> bytes:
    """Return the message that holds a schema."""
    builder = Builder()

    def schema(builder: Builder) -> int:
        return builder.table(((1, "I", _vector([partial(_write_field, it) for it in fields])),))

    return _framed(builder.finish(builder.table(_message(_SCHEMA, schema))))


def read_schema(message: memoryview) -> tuple[Field, ...]:
    """Return the fields in a message that holds a schema.

    Raises ValueError or struct.error when it does not, or holds what fnq never writes.
    """
    schema = _header(message, _SCHEMA)
    if schema.scalar(0, "h", 0) != 0:
        raise ValueError("the stream is big-endian")
    return _read_fields(schema.tables(1), 0, _Budget(len(message)))


class BatchHead:
    """Hold the head of a batch of one schema; only numbers in it change.

    `template` has zeros for them; `fill` puts them in.
    """

    def __init__(self, nodes: int, buffers: int) -> None:
        places: dict[str, int] = {}
        builder = Builder()

        def pairs(name: str, count: int) -> Reference:
            def append(builder: Builder) -> int:
                places[name] = builder.pairs(count) + 4
                return places[name] - 4

            return append

        def batch(builder: Builder) -> int:
            start = builder.table(
                ((0, "q", 1), (1, "I", pairs("nodes", nodes)), (2, "I", pairs("buffers", buffers)))
            )
            places["rows"] = Table(memoryview(bytes(builder.out)), start).place(0)
            return start

        message = builder.table((*_message(_BATCH, batch), (3, "q", 0)))
        data = builder.finish(message)
        places["body"] = Table(memoryview(data), message).place(3)
        self.template = _framed(data)
        self._places = {name: place + _HEAD.size for name, place in places.items()}
        self._nodes = struct.Struct(f"<{2 * nodes}q")
        self._buffers = struct.Struct(f"<{2 * buffers}q")

    def fill(self, rows: int, nodes: Sequence[int], buffers: Sequence[int], body: int) -> bytearray:
        """Return the head of a batch with these numbers.

        Nodes are (length, nulls) and buffers (offset, length), one after the other.
        """
        head, places = bytearray(self.template), self._places
        self._nodes.pack_into(head, places["nodes"], *nodes)
        self._buffers.pack_into(head, places["buffers"], *buffers)
        _I64.pack_into(head, places["rows"], rows)
        _I64.pack_into(head, places["body"], body)
        return head

    def parse(self, head: bytes) -> BatchNumbers | None:
        """Return what `fill` was given to make this head; None when it did not make it."""
        if len(head) != len(self.template):
            return None
        places = self._places
        (rows,) = _I64.unpack_from(head, places["rows"])
        (body,) = _I64.unpack_from(head, places["body"])
        nodes = self._nodes.unpack_from(head, places["nodes"])
        buffers = self._buffers.unpack_from(head, places["buffers"])
        made = self.fill(rows, nodes, buffers, body)
        return (rows, nodes, buffers, body) if made == head else None


def read_batch(message: memoryview) -> BatchNumbers:
    """Return the numbers in the head of a batch.

    Raises ValueError or struct.error when the message is not a plain batch.
    """
    table = root(message[_HEAD.size :])
    batch = _header(message, _BATCH)
    if batch.place(3):
        raise ValueError("the batch is compressed")
    return batch.scalar(0, "q", 0), batch.pairs(1), batch.pairs(2), table.scalar(3, "q", 0)


def refuse_compressed(stream: memoryview) -> None:
    """Raise ValueError when a stream of Arrow's has a compressed batch, or is none.

    A few bytes of a compressed one may ask for any amount of memory.
    """
    at = 0
    while bytes(stream[at : at + _HEAD.size]) != END:
        length = head_length(stream, at)
        table = root(stream[at + _HEAD.size : at + length])
        header, kind, size = table.table(2), table.scalar(1, "B", 0), table.scalar(3, "q", 0)
        if header is not None and kind == _DICTIONARY:
            header = header.table(1)
        if header is None or size < 0:
            raise ValueError("no message of an Arrow stream")
        if kind != _SCHEMA and header.place(3):
            raise ValueError("the stream is compressed")
        at += length + size


def _framed(metadata: bytes) -> bytes:
    return _HEAD.pack(_CONTINUATION, len(metadata)) + metadata


def _message(kind: int, header: Reference) -> tuple[Slot, ...]:
    return ((0, "h", _V5), (1, "B", kind), (2, "I", header))


def _header(message: memoryview, kind: int) -> Table:
    table = root(message[_HEAD.size :])
    header = table.table(2)
    if table.scalar(1, "B", 0) != kind or header is None:
        raise ValueError(f"no message of kind {kind}")
    return header


def _vector(objects: Sequence[Reference]) -> Reference:
    return lambda builder: builder.references(objects)


def _string(text: str) -> Reference:
    return lambda builder: builder.string(text)


def _write_field(it: Field, builder: Builder) -> int:
    number, values = it.type
    codes = _SLOTS[number]
    of_type: list[Slot] = [(index, codes[index][0], value) for index, value in enumerate(values)]
    pairs = sorted(it.metadata.items())
    slots: list[Slot] = [
        (0, "I", _string(it.name)),
        (1, "B", it.nullable),
        (2, "B", number),
        (3, "I", lambda builder: builder.table(of_type)),
        (5, "I", _vector([partial(_write_field, child) for child in it.children])),
    ]
    if pairs:
        slots.append((6, "I", _vector([partial(_write_pair, pair) for pair in pairs])))
    return builder.table(slots)


def _write_pair(pair: tuple[str, str], builder: Builder) -> int:
    return builder.table(((0, "I", _string(pair[0])), (1, "I", _string(pair[1]))))


class _Budget:
    """Bound what is read of a schema.

    Objects of an honest FlatBuffer do not overlap, so they are no longer than it is;
    those of another kind could refer to one object a million times.
    """

    def __init__(self, size: int) -> None:
        self._left = size

    def spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise ValueError("the objects of the schema overlap")

    def text(self, text: str) -> str:
        self.spend(len(text))
        return text


def _read_fields(tables: list[Table], level: int, budget: _Budget) -> tuple[Field, ...]:
    budget.spend(len(tables))
    if level > _MAX_LEVELS:
        raise ValueError(f"columns are nested in more than {_MAX_LEVELS} levels")
    return tuple(_read_field(table, level, budget) for table in tables)


def _read_field(table: Table, level: int, budget: _Budget) -> Field:
    number, slots = table.scalar(2, "B", 0), table.table(3)
    codes = _SLOTS.get(number)
    if codes is None or slots is None or table.place(4):
        raise ValueError(f"a column of Arrow type {number}, which fnq does not write")
    if number == TIMESTAMP and slots.place(1):
        raise ValueError("a column of times in a zone, which fnq does not write")
    pairs = table.tables(6)
    budget.spend(len(pairs))
    return Field(
        budget.text(table.string(0)),
        (number, tuple(slots.scalar(index, *slot) for index, slot in enumerate(codes))),
        bool(table.scalar(1, "B", 0)),
        _read_fields(table.tables(5), level + 1, budget),
        {budget.text(pair.string(0)): budget.text(pair.string(1)) for pair in pairs},
    )
