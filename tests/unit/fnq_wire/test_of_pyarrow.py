"""Arrays, batches and tables of pyarrow come back as they were."""

from __future__ import annotations

import random
from typing import Any

import pyarrow as pa
import pytest

from fnq_wire import tagged
from fnq_wire.error import SerializationError
from fnq_wire.value import of_pyarrow

VALUES = [
    pa.array([1, 2, None]),
    pa.array([1, 2, 3])[1:],
    pa.array([[1, 2], None, []]),
    pa.array([{"a": 1, "b": ["x"]}, None]),
    pa.array(["a", "b", "a"]).dictionary_encode(),
    pa.array([b"0" * 16], pa.binary(16)),
    pa.array([True, None, False]),
    pa.array([1.5], pa.float32()),
    pa.array(["x"], pa.string_view()),
    pa.nulls(3),
    pa.array([b"0" * 16], pa.uuid()),
    pa.chunked_array([[1], [2, 3], []]),
    pa.chunked_array([], pa.int8()),
    pa.chunked_array([pa.array([each]).dictionary_encode() for each in ("a", "b")]),
    pa.record_batch({"a": [1], "b": ["x"]}),
    pa.RecordBatch.from_arrays([], schema=pa.schema([])),
    pa.table({"a": [1, 2, None], "b": ["x", "y", "z"]}),
    pa.table({"a": pa.chunked_array([[1], [2, 3]])}),
    pa.table({"a": pa.array([], pa.int8())}),
    pa.table({}),
    pa.table({"a": [1, 2]}).select([]),
    pa.table({"a": [1]}).replace_schema_metadata({"k": "v"}),
    pa.table([[1], [2]], names=["a", "a"]),
]


def back(value: Any) -> Any:
    """Return the value as it arrives."""
    return tagged.decode(tagged.encode(value))


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_keeps_class_type_and_chunks(value: Any) -> None:
    """And its schema, with what is noted in it."""
    got = back(value)
    assert type(got) is type(value)
    assert got.equals(value)
    got.validate(full=True)
    if isinstance(value, pa.ChunkedArray):
        assert got.num_chunks == value.num_chunks
    if isinstance(value, pa.Table | pa.RecordBatch):
        assert got.schema.equals(value.schema, check_metadata=True)
        assert got.num_rows == value.num_rows


def test_a_value_is_read_where_it_lies() -> None:
    """A large table is not copied again, and lies aligned."""
    table = pa.table({"a": pa.array(range(10_000), pa.int64())})
    got = back(["odd", table])[1]
    (chunk,) = got.column(0).chunks
    assert chunk.buffers()[1].address % 8 == 0


def test_what_is_no_data_is_refused() -> None:
    """Types and scalars of pyarrow."""
    for value in (pa.int8(), pa.scalar(1), pa.schema([])):
        with pytest.raises(SerializationError, match="cannot travel"):
            tagged.encode(value)


@pytest.mark.parametrize(
    "value", [VALUES[3], VALUES[4], VALUES[16]], ids=("struct", "dictionary", "table")
)
@pytest.mark.parametrize("seed", range(5))
def test_a_corrupt_stream_never_does_harm(value: Any, seed: int) -> None:
    """Whatever is flipped, there is a sound value or a SerializationError."""
    rng = random.Random(seed)
    whole = tagged.encode(value)
    for _ in range(100):
        data = bytearray(whole)
        for _ in range(rng.choice((1, 2, 8))):
            data[rng.randrange(len(data))] = rng.choice((0, 0x7F, 0xFF, rng.randrange(256)))
        try:
            tagged.decode(bytes(data)).validate(full=True)
        except (SerializationError, AttributeError):
            continue


def test_a_compressed_stream_is_refused() -> None:
    """Its few bytes could ask for any amount of memory."""
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, pa.schema([("a", pa.int64())]), options=options) as writer:
        writer.write_table(pa.table({"a": range(1_000)}))
    with pytest.raises(ValueError, match="compressed"):
        of_pyarrow.put_together(("table", memoryview(sink.getvalue())))
