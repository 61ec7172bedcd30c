"""The messages of a stream: pyarrow reads ours, and we read its."""

from __future__ import annotations

import functools
import random
import struct
from functools import partial
from typing import Any

import pyarrow as pa
import pytest

from fnq_wire.column import message
from fnq_wire.column.flatbuffer import Builder, Reference, Slot
from fnq_wire.column.message import (
    BatchHead,
    Field,
    read_batch,
    read_schema,
    refuse_compressed,
    write_schema,
)

FIELDS = (
    Field("x", (message.INT, (64, 1))),
    Field("s", (message.UTF8, ()), True, metadata={"b": "2", "a": "ä"}),
    Field("t", (message.TIME, (2, 64))),
    Field("u", (message.FIXED_BINARY, (16,))),
    Field("l", (message.LIST, ()), children=(Field("item", (message.FLOAT, (2,)), True),)),
    Field("", (message.LARGE_BINARY, ())),
)


def stream(table: Any, **options: Any) -> memoryview:
    """Return a table as pyarrow writes it."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return memoryview(sink.getvalue().to_pybytes())


def test_a_schema_is_read_as_it_was_written() -> None:
    """By us, by pyarrow, and by us after pyarrow has written it."""
    ours = write_schema(FIELDS)
    assert read_schema(memoryview(ours)) == FIELDS
    theirs = pa.ipc.read_schema(pa.py_buffer(ours))
    assert theirs.names == [field.name for field in FIELDS]
    assert theirs.field("s").metadata == {b"a": "ä".encode(), b"b": b"2"}
    assert read_schema(memoryview(theirs.serialize().to_pybytes())) == FIELDS


def test_a_head_is_parsed_only_where_it_was_made() -> None:
    """Another writer's goes the long way, with the same numbers."""
    head = BatchHead(2, 3)
    numbers = (1, (1, 0, 2, 1), (0, 8, 8, 0, 8, 5), 16)
    made = bytes(head.fill(*numbers))
    assert head.parse(made) == numbers
    assert read_batch(memoryview(made)) == numbers
    for at in (0, 5, 9, len(made) - 1):
        other = bytearray(made)
        other[at] ^= 0x55
        assert head.parse(bytes(other)) != numbers
    assert head.parse(made + b"\0") is None


def test_a_batch_of_pyarrow_is_read() -> None:
    """With its own way to lay out the message."""
    batch = pa.record_batch({"x": pa.array([1, None])})
    rows, nodes, buffers, _ = read_batch(memoryview(batch.serialize().to_pybytes()))
    assert (rows, nodes, buffers[3]) == (2, (2, 1), 16)


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_a_compressed_stream_is_refused(compression: str) -> None:
    """Its few bytes could ask for any amount of memory."""
    table = pa.table({"x": pa.array(["a" * 100] * 100).dictionary_encode(), "y": range(100)})
    refuse_compressed(stream(table))
    for part in ("x", "y"):
        with pytest.raises(ValueError, match="compressed"):
            refuse_compressed(stream(table.select([part]), compression=compression))


def test_a_schema_whose_parts_overlap_is_refused() -> None:
    """A few kilobytes that describe 8 ** 30 fields take no time and no memory."""
    builder = Builder()
    schema = partial(Builder.table, slots=((1, "I", _eight_of(_deep_field(30))),))
    data = builder.finish(builder.table(((0, "h", 4), (1, "B", 1), (2, "I", schema))))
    assert len(data) < 4_000
    with pytest.raises(ValueError, match="overlap"):
        read_schema(memoryview(struct.pack("<Ii", 0xFFFFFFFF, len(data)) + data))


def _deep_field(levels: int) -> Reference:
    """Return a field that holds one child eight times, written once, and so on."""
    slots: list[Slot] = [(2, "B", message.STRUCT), (3, "I", partial(Builder.table, slots=()))]
    if levels:
        slots.append((5, "I", _eight_of(_deep_field(levels - 1))))
    return functools.cache(partial(Builder.table, slots=slots))


def _eight_of(child: Reference) -> Reference:
    return lambda builder: builder.references([child] * 8)


@pytest.mark.parametrize("seed", range(20))
def test_a_corrupt_message_is_an_error(seed: int) -> None:
    """ValueError or struct.error, whatever is flipped or cut off."""
    rng = random.Random(seed)
    schema, batch = write_schema(FIELDS), bytes(BatchHead(6, 14).template)
    for _ in range(200):
        whole, read = rng.choice(
            [(schema, read_schema), (batch, read_batch), (schema, refuse_compressed)]
        )
        data = bytearray(whole)
        for _ in range(rng.choice((1, 2, 8))):
            data[rng.randrange(len(data))] = rng.choice((0, 1, 0x7F, 0xFF, rng.randrange(256)))
        if rng.random() < 0.2:
            del data[rng.randrange(len(data)) :]
        try:
            read(memoryview(bytes(data)))
        except (ValueError, struct.error):
            continue
