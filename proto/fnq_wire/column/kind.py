"""Kinds of columns whose values have one type each, as Arrow lays them out.

A kind turns Python values into the nodes and buffers of a column and back. Values
that it would not give back exactly are `Unfit`; they travel tagged then.
"""

from __future__ import annotations

import copy
import struct
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, compress, pairwise
from typing import Any, Self

from fnq_wire.column.message import ArrowType, Field

__all__ = [
    "Bits",
    "Kind",
    "Number",
    "Real",
    "Scalar",
    "Short",
    "Sink",
    "Source",
    "Stretch",
    "Unfit",
    "Varied",
    "offsets_of",
    "read_offsets",
]

#: The largest offset in a column with 32-bit ones.
_MAX_OFFSET = 2**31 - 1
_PADDING = tuple(bytes(count) for count in range(8))
_ONE, _ZERO = b"\x01", b"\x00"
_PAIR = struct.Struct("<2i")


class Unfit(Exception):  # noqa: N818 - no error: it picks the other encoding
    """A value does not have exactly the type of its column; `column` says which one."""

    column = 0


class Sink:
    """Take the nodes and buffers of a batch, in the order of its columns."""

    __slots__ = ("buffers", "nodes", "parts", "size")

    def __init__(self) -> None:
        self.nodes: list[int] = []
        self.buffers: list[int] = []
        self.parts: list[bytes | bytearray | memoryview] = []
        self.size = 0

    def node(self, length: int, nulls: int) -> None:
        """Append a node; where there are no nulls, its empty bitmap too."""
        self.nodes += (length, nulls)
        if not nulls:
            self.buffers += (self.size, 0)

    def buffer(self, data: bytes) -> None:
        """Append a buffer."""
        self.parts.append(data)
        self._close(len(data))

    def pieces(self, parts: Sequence[bytes | bytearray | memoryview]) -> None:
        """Append a buffer in pieces, which must not change any more."""
        self.parts += parts
        self._close(sum(map(len, parts)))

    def _close(self, length: int) -> None:
        """Note where the buffer lies, and pad it to a multiple of 8."""
        self.buffers += (self.size, length)
        padding = -length % 8
        if padding:
            self.parts.append(_PADDING[padding])
        self.size += length + padding


class Source:
    """Hand out the nodes and buffers of a batch that nobody vouches for.

    Raises ValueError where they contradict the body.
    """

    __slots__ = ("_body", "_buffers", "_nodes")

    def __init__(self, nodes: Sequence[int], buffers: Sequence[int], body: memoryview) -> None:
        self._nodes: Iterator[int] = iter(nodes)
        self._buffers: Iterator[int] = iter(buffers)
        self._body = body

    def node(self) -> tuple[int, int]:
        """Return length and number of nulls of the next node."""
        length, nulls = next(self._nodes, -1), next(self._nodes, -1)
        if not 0 <= nulls <= length:
            raise ValueError(f"a column of {length} values with {nulls} nulls")
        return length, nulls

    def buffer(self, least: int = 0) -> memoryview:
        """Return the next buffer, which has to have `least` bytes."""
        offset, length = next(self._buffers, -1), next(self._buffers, -1)
        if offset < 0 or length < least or offset + length > len(self._body):
            raise ValueError(f"a buffer of {length} bytes at {offset}, expected at least {least}")
        return self._body[offset : offset + length]


class Kind:
    """Describe a column: its Arrow type, and how values get in and out."""

    #: Nodes and buffers of a column, those of nested ones counted.
    nodes: int = 1
    buffers: int = 2
    #: Format of `struct` for a single value that needs no conversion; "" for others.
    quick: str = ""

    def __init__(self, text: str, arrow: ArrowType, void: object) -> None:
        self.text = text
        self.arrow = arrow
        #: What lies where a null is, lowered.
        self.void = void
        self.nullable = False
        self.children: tuple[Field, ...] = ()
        self.metadata: dict[str, str] = {}

    def optional(self) -> Self:
        """Return the same kind with None as one more value."""
        other = copy.copy(self)
        other.nullable = True
        return other

    def field(self, name: str) -> Field:
        """Return the description of a column of this kind."""
        return Field(name, self.arrow, self.nullable, self.children, self.metadata)

    def write(self, values: Sequence[Any], sink: Sink) -> None:
        """Append the column; raises Unfit when a value is not of this kind exactly."""
        present = values
        if self.nullable:
            present = [value for value in values if value is not None]
        nulls = len(values) - len(present)
        lowered = self.lower(present)
        sink.node(len(values), nulls)
        if nulls:
            sink.buffer(_pack_bits([value is not None for value in values]))
            rest = iter(lowered)
            lowered = [self.void if value is None else next(rest) for value in values]
        self.fill(lowered, sink)

    def read(self, source: Source) -> list[Any]:
        """Return the values of the column; raises an exception when it is corrupt."""
        return self.fetch(source, *source.node())

    def fetch(self, source: Source, length: int, nulls: int) -> list[Any]:
        """Do as `read`, where the node was taken already."""
        bitmap = source.buffer((length + 7) // 8 if nulls else 0)
        lowered = self.take(source, length)
        if not nulls:
            return self.lift(lowered)
        present = _unpack_bits(bitmap, length)
        lifted = iter(self.lift(list(compress(lowered, present))))
        return [next(lifted) if is_there else None for is_there in present]

    def stream(self, source: Source) -> tuple[int, Iterator[Any]]:
        """Return how many values there are, and the values: not all at once where that helps.

        Raises an exception when the column is corrupt; the iterator raises nothing.
        """
        values = self.read(source)
        return len(values), iter(values)

    def lower(self, values: Sequence[Any]) -> Sequence[Any]:
        """Return what `fill` takes for the values; raises Unfit."""
        return values

    def lift(self, lowered: list[Any]) -> list[Any]:
        """Return the values that `take` found."""
        return lowered

    def fill(self, lowered: Sequence[Any], sink: Sink) -> None:
        """Append the buffers besides the bitmap of nulls."""
        raise AssertionError(f"{type(self).__name__} has no buffers of its own")

    def take(self, source: Source, length: int) -> list[Any]:
        """Return the `length` lowered values in those buffers."""
        raise AssertionError(f"{type(self).__name__} has no buffers of its own")


class Scalar(Kind):
    """A column of one Python type; `lower` and `lift` convert values where need be."""

    def __init__(
        self,
        text: str,
        arrow: ArrowType,
        python: type,
        void: object,
        convert: tuple[Callable[[Any], Any], Callable[[Any], Any]] | None = None,
    ) -> None:
        super().__init__(text, arrow, void)
        self.python = python
        self._convert = convert

    def lower(self, values: Sequence[Any]) -> Sequence[Any]:
        """Return the values converted; raises Unfit when one is of another type."""
        if set(map(type, values)) - {self.python}:
            raise Unfit
        return values if self._convert is None else [self._convert[0](value) for value in values]

    def lift(self, lowered: list[Any]) -> list[Any]:
        """Return the values converted back."""
        return lowered if self._convert is None else [self._convert[1](value) for value in lowered]


class Number(Scalar):
    """A column of numbers of 64 bits."""

    #: Format of `struct` for one number.
    code = "q"

    def __init__(self, text: str, arrow: ArrowType, python: type, **more: Any) -> None:
        super().__init__(text, arrow, python, 0, **more)
        self.quick = "" if self._convert else self.code

    def fill(self, lowered: Sequence[Any], sink: Sink) -> None:
        """Append the numbers; raises Unfit when one is out of range."""
        try:
            sink.buffer(struct.pack(f"<{len(lowered)}{self.code}", *lowered))
        except struct.error as problem:
            raise Unfit from problem

    def take(self, source: Source, length: int) -> list[Any]:
        """Return the numbers."""
        code = f"<{length}{self.code}"
        return list(struct.unpack_from(code, source.buffer(struct.calcsize(code))))


class Real(Number):
    """A column of floating-point numbers of 64 bits, every bit of them kept."""

    code = "d"


class Short(Number):
    """A column of integers of 32 bits."""

    code = "i"


class Bits(Scalar):
    """A column of booleans, eight in a byte."""

    def fill(self, lowered: Sequence[Any], sink: Sink) -> None:
        """Append the bits."""
        sink.buffer(_pack_bits(lowered))

    def take(self, source: Source, length: int) -> list[Any]:
        """Return the bits."""
        return _unpack_bits(source.buffer((length + 7) // 8), length)


class Stretch(Scalar):
    """A column of byte strings of 16 bytes each."""

    def fill(self, lowered: Sequence[Any], sink: Sink) -> None:
        """Append the bytes."""
        sink.buffer(b"".join(lowered))

    def take(self, source: Source, length: int) -> list[Any]:
        """Return the byte strings."""
        data = source.buffer(16 * length)
        return [bytes(data[start : start + 16]) for start in range(0, 16 * length, 16)]


class Varied(Scalar):
    """A column of byte strings of any length, or of what is made from them."""

    buffers = 3

    def fill(self, lowered: Sequence[Any], sink: Sink) -> None:
        """Append the offsets and the bytes; raises Unfit above 2 GiB."""
        sink.buffer(offsets_of([len(value) for value in lowered]))
        sink.pieces(lowered)

    def take(self, source: Source, length: int) -> list[Any]:
        """Return the byte strings, a single one as a view into the body."""
        edges = source.buffer(4 * (length + 1) if length else 0)
        data: Any = source.buffer()
        if length > 1:  # What is cut out of bytes costs less than a view of them.
            data = bytes(data)
        return [data[a:b] for a, b in pairwise(read_offsets(edges, length, len(data)))]


def offsets_of(lengths: list[int]) -> bytes:
    """Return the buffer of 32-bit offsets; raises Unfit above 2 GiB."""
    edges = tuple(accumulate(lengths, initial=0))
    if edges[-1] > _MAX_OFFSET:
        raise Unfit
    return _PAIR.pack(*edges) if len(edges) == 2 else struct.pack(f"<{len(edges)}i", *edges)


def read_offsets(buffer: memoryview, length: int, limit: int) -> Sequence[int]:
    """Return the offsets of `length` values within `limit`; raises ValueError."""
    if not length:
        return (0,)
    edges = list(struct.unpack_from(f"<{length + 1}i", buffer))
    # What is sorted already is compared once, without a call for each.
    if edges[0] < 0 or edges[-1] > limit or edges != sorted(edges):
        raise ValueError(f"offsets that do not rise within 0 and {limit}")
    return edges


def _pack_bits(values: Sequence[Any]) -> bytes:
    if len(values) == 1:
        return _ONE if values[0] else _ZERO
    if not values:
        return b""
    digits = "".join(["1" if value else "0" for value in values])
    return int(digits[::-1], 2).to_bytes((len(values) + 7) // 8, "little")


def _unpack_bits(buffer: memoryview, length: int) -> list[bool]:
    data = buffer[: (length + 7) // 8]
    digits = format(int.from_bytes(data, "little"), "b").zfill(8 * len(data))[::-1]
    return [digit == "1" for digit in digits[:length]]
