"""The columns that hold other columns: lists, dicts, tuples and the user's classes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, pairwise
from typing import Any, Self

from fnq_wire.classes import Family
from fnq_wire.column.kind import Kind, Sink, Source, Unfit, offsets_of, read_offsets
from fnq_wire.column.message import LIST, MAP, STRUCT, Field
from fnq_wire.refusal import Refusal
from fnq_wire.value.shape import put_together, take_apart

__all__ = ["CONTAINERS", "Items", "Pairs", "Record", "Row"]

#: Containers that are lists to Arrow, by the name in the metadata of their columns.
CONTAINERS: dict[str, type] = {
    "list": list,
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
}


class Items(Kind):
    """A column of lists, tuples, sets or frozensets whose items are of one kind."""

    def __init__(self, item: Kind, container: type) -> None:
        super().__init__(f"list<{item.text}>", (LIST, ()), ())
        self.nodes, self.buffers = 1 + item.nodes, 2 + item.buffers
        self.children = (item.field("item"),)
        self._item, self._container = item, container
        if container is not list:
            self.metadata = {"fnq.container": container.__name__}

    def lower(self, values: Sequence[Any]) -> Sequence[Any]:
        """Return the containers; raises Unfit when one is another."""
        if set(map(type, values)) - {self._container}:
            raise Unfit
        return values

    def fill(self, lowered: Sequence[Any], sink: Sink) -> None:
        """Append the offsets and the items."""
        rows = [list(row) for row in lowered]
        sink.buffer(offsets_of([len(row) for row in rows]))
        self._item.write(rows[0] if len(rows) == 1 else list(chain.from_iterable(rows)), sink)

    def take(self, source: Source, length: int) -> list[Any]:
        """Return a list of items for each container."""
        edges = source.buffer(4 * (length + 1) if length else 0)
        items = self._item.read(source)
        return [items[a:b] for a, b in pairwise(read_offsets(edges, length, len(items)))]

    def lift(self, lowered: list[Any]) -> list[Any]:
        """Return the containers."""
        make = self._container
        return lowered if make is list else [make(row) for row in lowered]


class Pairs(Kind):
    """A column of dicts whose keys are of one kind, and values of one."""

    def __init__(self, key: Kind, value: Kind) -> None:
        super().__init__(f"map<{key.text}, {value.text}>", (MAP, (0,)), {})
        self.nodes, self.buffers = 2 + key.nodes + value.nodes, 3 + key.buffers + value.buffers
        inner = (key.field("key"), value.field("value"))
        self.children = (Field("entries", (STRUCT, ()), False, inner),)
        self._key, self._value = key, value

    def lower(self, values: Sequence[Any]) -> Sequence[Any]:
        """Return the dicts; raises Unfit when one is something else."""
        if set(map(type, values)) - {dict}:
            raise Unfit
        return values

    def fill(self, lowered: Sequence[Any], sink: Sink) -> None:
        """Append the offsets, the keys and the values."""
        rows = [list(row.items()) for row in lowered]
        pairs = list(chain.from_iterable(rows))
        sink.buffer(offsets_of([len(row) for row in rows]))
        sink.node(len(pairs), 0)
        self._key.write([key for key, _ in pairs], sink)
        self._value.write([value for _, value in pairs], sink)

    def take(self, source: Source, length: int) -> list[Any]:
        """Return a list of pairs for each dict."""
        edges = source.buffer(4 * (length + 1) if length else 0)
        source.node()
        source.buffer()
        keys = self._key.read(source)
        pairs = list(zip(keys, self._value.read(source), strict=True))
        return [pairs[a:b] for a, b in pairwise(read_offsets(edges, length, len(pairs)))]

    def lift(self, lowered: list[Any]) -> list[Any]:
        """Return the dicts."""
        return [dict(pairs) for pairs in lowered]


class Row(Kind):
    """A column of tuples of one length, each place of a kind of its own."""

    buffers = 1

    def __init__(self, names: tuple[str, ...], places: tuple[Kind, ...]) -> None:
        inside = ", ".join(f"{name}: {it.text}" for name, it in zip(names, places, strict=True))
        super().__init__(f"struct<{inside}>", (STRUCT, ()), (None,) * len(places))
        self.nodes = 1 + sum(it.nodes for it in places)
        self.buffers = 1 + sum(it.buffers for it in places)
        self.metadata = {"fnq.container": "tuple"}
        self.names, self.places = names, places
        self.children = _fields(names, places)

    def optional(self) -> Self:
        """Return the same kind with None as one more value, and nothing in its places then."""
        other = super().optional()
        other.places = tuple(it.optional() for it in self.places)
        other.children = _fields(other.names, other.places)
        return other

    def lower(self, values: Sequence[Any]) -> Sequence[Any]:
        """Return the tuples; raises Unfit when one is something else or of another length."""
        if any(type(value) is not tuple or len(value) != len(self.places) for value in values):
            raise Unfit
        return values

    def fill(self, lowered: Sequence[Any], sink: Sink) -> None:
        """Append the columns of the places."""
        for index, place in enumerate(self.places):
            place.write([row[index] for row in lowered], sink)

    def take(self, source: Source, length: int) -> list[Any]:
        """Return the tuples."""
        columns = [place.read(source) for place in self.places]
        if any(len(column) < length for column in columns):
            raise ValueError(f"a place of a tuple has fewer than {length} values")
        return list(zip(*[column[:length] for column in columns], strict=True))


class Record(Row):
    """A column of objects of one dataclass or NamedTuple."""

    def __init__(
        self, cls: type, key: str, family: Family, names: tuple[str, ...], places: tuple[Kind, ...]
    ) -> None:
        super().__init__(names, places)
        self.metadata = {"fnq.class": key}
        self._cls, self._family = cls, family

    def lower(self, values: Sequence[Any]) -> Sequence[Any]:
        """Return the fields of the objects; raises Unfit when one has others."""
        return [self._row(value) for value in values]

    def lift(self, lowered: list[Any]) -> list[Any]:
        """Return the objects."""
        return [put_together(self._cls, self._family, self.names, row) for row in lowered]

    def _row(self, value: Any) -> Sequence[Any]:
        if type(value) is not self._cls:
            raise Unfit
        try:
            names, values = take_apart(value, self._family)
        except Refusal as problem:
            raise Unfit from problem
        if names != self.names:
            raise Unfit
        return values


def _fields(names: tuple[str, ...], places: tuple[Kind, ...]) -> tuple[Field, ...]:
    return tuple(place.field(name) for name, place in zip(names, places, strict=True))
