"""The column of strings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any

from fnq_wire.column.kind import Scalar, Sink, Source, Unfit, offsets_of, read_offsets

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["MANY", "Text"]

#: Strings from which on pyarrow makes and reads them in less than half the time: loading it
#: takes as long as some hundred thousand of them.
MANY = 1 << 14
#: Strings that are made at once of a column that is read as a stream: these fit into a
#: processor's cache.
_AT_ONCE = 1 << 12


class Text(Scalar):
    """A column of strings, as UTF-8; all of them are encoded and decoded in one go."""

    buffers = 3

    def fill(self, lowered: Sequence[Any], sink: Sink) -> None:
        """Append the offsets and the text; raises Unfit above 2 GiB, or where it is no Unicode."""
        if len(lowered) >= MANY:
            for buffer in _written(lowered):
                sink.buffer(buffer)
            return
        text = "".join(lowered)
        try:
            data = text.encode()
        except UnicodeEncodeError as problem:
            raise Unfit from problem
        ascii_only = len(data) == len(text)
        sink.buffer(offsets_of([len(it if ascii_only else it.encode()) for it in lowered]))
        sink.buffer(data)

    def take(self, source: Source, length: int) -> list[Any]:
        """Return the strings."""
        edges, data = _buffers(source, length)
        if length >= MANY:
            return _array(length, edges, data).to_pylist()
        found, text = read_offsets(edges, length, len(data)), str(data, "utf-8")
        if len(text) == len(data):
            return [text[a:b] for a, b in pairwise(found)]
        return [str(data[a:b], "utf-8") for a, b in pairwise(found)]

    def stream(self, source: Source) -> tuple[int, Iterator[Any]]:
        """Return the strings some at a time: who drops them keeps within a processor's cache."""
        length, nulls = source.node()
        if length < MANY:
            return length, iter(self.fetch(source, length, nulls))
        bitmap = source.buffer((length + 7) // 8 if nulls else 0)
        array = _array(length, *_buffers(source, length), bitmap if nulls else None)
        return length, _strings(array)


def _buffers(source: Source, length: int) -> tuple[memoryview, memoryview]:
    """Return the offsets, and the bytes that they are in."""
    return source.buffer(4 * (length + 1) if length else 0), source.buffer()


def _array(
    length: int, edges: memoryview, data: memoryview, bitmap: memoryview | None = None
) -> pa.StringArray:
    """Return strings as an array of Arrow; raises ValueError where they are none."""
    import pyarrow as pa

    nulls = None if bitmap is None else pa.py_buffer(bitmap)
    array = pa.StringArray.from_buffers(length, pa.py_buffer(edges), pa.py_buffer(data), nulls)
    array.validate(full=True)
    return array


def _strings(array: pa.StringArray) -> Iterator[Any]:
    # A generator of strings would take a step of Python for each.
    starts = range(0, len(array), _AT_ONCE)
    return chain.from_iterable(array.slice(at, _AT_ONCE).to_pylist() for at in starts)


def _written(strings: Sequence[str]) -> tuple[bytes, bytes]:
    """Return the offsets and the bytes of strings; raises Unfit as `Text.fill` does."""
    import pyarrow as pa

    try:
        array: Any = pa.array(strings, pa.string())
    except UnicodeEncodeError as problem:
        raise Unfit from problem
    if not isinstance(array, pa.Array):
        raise Unfit  # Cut in two, since no offset is larger.
    buffers: list[Any] = array.buffers()
    _, edges, data = buffers
    used = bytes(memoryview(edges)[: 4 * (len(array) + 1)])
    size = int.from_bytes(used[-4:], "little")
    return used, bytes(memoryview(data)[:size]) if size else b""
