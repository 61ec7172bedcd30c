"""Arrays, chunked arrays, batches and tables of pyarrow, in streams of their own."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa

from fnq_wire.column.message import refuse_compressed
from fnq_wire.refusal import Refusal
from fnq_wire.value.library import Blob, Parts

__all__ = ["put_together", "read_stream", "take_apart"]

#: What the memory of Arrow's values is a multiple of.
_ALIGNMENT = 8


def take_apart(value: Any) -> Parts | None:
    """Return the kind of value and its stream; None when it is no value but, say, a type.

    Raises Refusal when Arrow's own format has no room for it.
    """
    if isinstance(value, pa.Table):
        return Parts.of("table", _stream(value.schema, [value]))
    if isinstance(value, pa.RecordBatch):
        return Parts.of("batch", _stream(value.schema, [value]))
    if isinstance(value, pa.ChunkedArray):
        return Parts.of("chunked", _column(value.type, value.chunks))
    if isinstance(value, pa.Array):
        return Parts.of("array", _column(value.type, [value]))
    return None


def put_together(parts: Any) -> Any:
    """Return the value, looked through; it keeps the memory it was read from."""
    kind, data = parts
    schema, batches = read_stream(data)
    if kind == "table":
        return pa.Table.from_batches(batches, schema)
    if kind == "chunked":
        (field,) = schema
        return pa.chunked_array([batch.column(0) for batch in batches], field.type)
    (batch,) = batches
    return {"batch": batch, "array": batch.column(0) if batch.num_columns else None}[kind]


def read_stream(data: memoryview) -> tuple[Any, list[Any]]:
    """Return schema and batches of a stream that nobody vouches for, looked through.

    Raises ValueError or an error of Arrow's when it is corrupt.
    """
    refuse_compressed(data)
    buffer = pa.py_buffer(data)
    if buffer.address % _ALIGNMENT:
        buffer = pa.py_buffer(bytes(data))
    with pa.ipc.open_stream(buffer) as reader:
        schema, batches = reader.schema, list(reader)
    # A name that is no text raises here, not where the user reads it first.
    _ = schema.names
    for batch in batches:
        batch.validate(full=True)
    return schema, batches


def _column(kind: Any, chunks: list[Any]) -> Blob:
    schema = pa.schema([pa.field("", kind)])
    return _stream(schema, [pa.RecordBatch.from_arrays([chunk], schema=schema) for chunk in chunks])


def _stream(schema: Any, pieces: list[Any]) -> Blob:
    sink = _Sink()
    try:
        with pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), schema) as writer:
            for piece in pieces:
                writer.write(piece)
    except (pa.ArrowException, ValueError) as problem:
        raise Refusal(f"Arrow cannot write it: {problem}") from problem
    return Blob(*sink.parts)


class _Sink(io.RawIOBase):
    """A file that keeps what is written: Arrow writes its values' own buffers."""

    def __init__(self) -> None:
        self.parts: list[Any] = []

    def writable(self) -> bool:
        return True

    def write(self, part: Any) -> int:
        self.parts.append(part)
        return len(part)
