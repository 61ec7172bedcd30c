"""Columns of Arrow as the payload of packed calls, without a Python value where types allow."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from chalkcompute.frame.declared import check_fit
from fnq_wire.column.anything import Anything
from fnq_wire.column.kind import Kind, Unfit
from fnq_wire.column.layout import Layout
from fnq_wire.column.leaf import LEAVES
from fnq_wire.column.straight import Straight
from fnq_wire.refusal import Refusal

if TYPE_CHECKING:
    from fnq_wire.arrow import Codec
    from fnq_wire.pieces import Payload

__all__ = ["Columns", "Source"]

#: The columns that a parameter is made of: one, several as a tuple, or several as a dict.
Source: TypeAlias = str | tuple[str, ...] | Mapping[str, str]

_DAY_US = 24 * 60 * 60 * 1_000_000
_EPOCH_DAY = datetime.date(1970, 1, 1).toordinal()
#: Days since 1970 that Python has, the first and the one after the last.
_FIRST_DAY = datetime.date.min.toordinal() - _EPOCH_DAY
_END_DAY = datetime.date.max.toordinal() - _EPOCH_DAY + 1
#: The integers of a column of times, and between which of them lie those of Python.
_SPANS: dict[pa.DataType, tuple[pa.DataType, int, int]] = {
    pa.timestamp("us"): (pa.int64(), _FIRST_DAY * _DAY_US, _END_DAY * _DAY_US),
    pa.date32(): (pa.int32(), _FIRST_DAY, _END_DAY),
}


class Columns:
    """Write rows of arguments: `sources` say which columns each parameter is made of.

    `present` are the parameters, by their places in the codec. Safe for one thread.
    """

    def __init__(
        self, codec: Codec, present: tuple[int, ...], sources: Sequence[Source], kinds: pa.Schema
    ) -> None:
        """Raise ExpressionError where a column of `kinds` cannot be its parameter."""
        self._codec = codec
        self._places = present
        self._sources = sources
        self._names = tuple(codec.parameters[at].name for at in present)
        _, checked = codec.plan(present)
        #: Where a column goes as it lies, what it is there, by the parameter's index.
        self._straight: dict[int, tuple[Straight, pa.DataType]] = {}
        for index, (at, source) in enumerate(zip(present, sources, strict=True)):
            if not isinstance(source, str):
                continue
            kind = kinds.field(source).type
            parameter = codec.parameters[at]
            check_fit(source, kind, parameter.name, parameter.type)
            route = _route(kind)
            # Whether they fit a union, say, or an Enum only the values tell.
            known = index in checked or "fnq.class" in codec.kinds[at].metadata
            if route is not None and not known:
                self._straight[index] = route
        self._checked = frozenset(checked)
        #: The columns that are read.
        self.used = tuple(dict.fromkeys(each for it in sources for each in _columns_in(it)))
        self._layouts: dict[tuple[str, ...], Layout] = {}
        self._anything = Anything(codec.classes)

    def encode(self, pieces: Sequence[pa.RecordBatch]) -> Payload:
        """Return the payload of the rows of some batches, in order; a large one in pieces.

        Raises TypeError where a value is not what its parameter declares, SerializationError
        where it cannot travel, and ValueError where it is none of Python's.
        """
        rows = sum(len(piece) for piece in pieces)
        parts = [self._part(index, pieces) for index in range(len(self._sources))]
        while True:
            kinds = tuple(part.kinds[0] for part in parts)
            try:
                return self._layout(kinds).lay_out([part.values for part in parts], rows)
            except Unfit as misfit:
                part = parts[misfit.column]
                part.kinds.pop(0)
                self._check(misfit.column, part.values)
            except Refusal as refusal:
                name = self._names[refusal.column]
                raise self._codec.unsendable(f'argument "{name}"', refusal) from refusal.__cause__

    def values(self, row: pa.RecordBatch) -> dict[str, Any]:
        """Return the arguments of one row as Python values, by parameter."""
        return {
            name: _python(source, [row])[0]
            for name, source in zip(self._names, self._sources, strict=True)
        }

    def _part(self, index: int, pieces: Sequence[pa.RecordBatch]) -> _Part:
        source, route = self._sources[index], self._straight.get(index)
        if route is not None and isinstance(source, str):
            kind, target = route
            array = _lossless(_joined(source, pieces), target)
            if array is not None:
                return _Part(array, [kind])
        pairs = self._codec.parameters[self._places[index]].type.startswith("map<")
        return self._part_of_values(index, _python(source, pieces, pairs=pairs))

    def _part_of_values(self, index: int, values: list[Any]) -> _Part:
        """Return a column that goes by way of Python values, None being one of all types."""
        declared = self._codec.kinds[self._places[index]]
        if declared.text != "any":
            return _Part(values, [declared.optional(), self._anything])
        if index in self._checked:
            self._check(index, values)
        types = set(map(type, values)) - {type(None)}
        leaf = LEAVES.get(types.pop()) if len(types) == 1 else None
        return _Part(values, [*([] if leaf is None else [leaf.optional()]), self._anything])

    def _check(self, index: int, values: Sequence[Any]) -> None:
        for value in values:
            if value is not None:
                self._codec.check(self._places[index], value)

    def _layout(self, kinds: tuple[Kind, ...]) -> Layout:
        key = tuple(f"{type(kind).__name__} {kind.text}" for kind in kinds)
        layout = self._layouts.get(key)
        if layout is None:
            layout = self._layouts[key] = Layout(self._names, kinds)
        return layout


@dataclass(slots=True)
class _Part:
    """One column of a payload, and the kinds that may write it, the best first."""

    values: Any
    kinds: list[Kind]


def _straight(python: type, width: int, target: pa.DataType) -> tuple[Straight, pa.DataType]:
    return Straight(LEAVES[python], width), target


_BITS = _straight(bool, 1, pa.bool_())
_INTS = _straight(int, 64, pa.int64())
_REALS = _straight(float, 64, pa.float64())
_TEXTS = _straight(str, 0, pa.string())
_BYTES = _straight(bytes, 0, pa.binary())
_MOMENTS = _straight(datetime.datetime, 64, pa.timestamp("us"))
_DAYS = _straight(datetime.date, 32, pa.date32())
_TIMES = _straight(datetime.time, 64, pa.time64("us"))
_DURATIONS = _straight(datetime.timedelta, 64, pa.duration("us"))

#: What a column becomes, by what is true of its type; the first that is.
_ROUTES: tuple[tuple[Callable[[Any], bool], tuple[Straight, pa.DataType]], ...] = (
    (pa.types.is_null, _INTS),
    (pa.types.is_boolean, _BITS),
    (pa.types.is_integer, _INTS),
    (pa.types.is_floating, _REALS),
    (lambda it: pa.types.is_string(it) or pa.types.is_large_string(it), _TEXTS),
    (pa.types.is_string_view, _TEXTS),
    (lambda it: pa.types.is_binary(it) or pa.types.is_large_binary(it), _BYTES),
    (lambda it: pa.types.is_fixed_size_binary(it) and not pa.types.is_decimal(it), _BYTES),
    (pa.types.is_binary_view, _BYTES),
    (lambda it: pa.types.is_timestamp(it) and it.tz is None and it.unit != "ns", _MOMENTS),
    (pa.types.is_date, _DAYS),
    (lambda it: pa.types.is_time(it) and it.unit != "ns", _TIMES),
    (lambda it: pa.types.is_duration(it) and it.unit != "ns", _DURATIONS),
)


def _route(kind: Any) -> tuple[Straight, pa.DataType] | None:
    """Return how a column of a type is written without Python values; None where it is not."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return next((route for test, route in _ROUTES if test(kind)), None)


def _joined(column: str, pieces: Sequence[pa.RecordBatch]) -> Any:
    """Return one array, which begins at offset 0."""
    return pa.concat_arrays([piece.column(column) for piece in pieces])


def _lossless(array: Any, target: pa.DataType) -> Any | None:
    """Return an array as another type; None where that loses something, or is none of Python's."""
    try:
        if array.type != target:
            array = array.cast(target)
        if target in _SPANS and len(array) > array.null_count:
            integers, first, end = _SPANS[target]
            found: Any = pc.min_max(array.cast(integers))
            if found["min"].as_py() < first or found["max"].as_py() >= end:
                return None
    except pa.ArrowException:
        return None
    return pa.concat_arrays([array]) if array.offset else array


def _columns_in(source: Source) -> tuple[str, ...]:
    if isinstance(source, str):
        return (source,)
    return source if isinstance(source, tuple) else tuple(source.values())


def _python(source: Source, pieces: Sequence[pa.RecordBatch], *, pairs: bool = False) -> list[Any]:
    """Return the Python values that a parameter has in each row; with `pairs` maps are dicts."""
    if isinstance(source, str):
        maps: Any = "strict" if pairs else None
        arrays: list[Any] = [piece.column(source) for piece in pieces]
        return [value for each in arrays for value in each.to_pylist(maps_as_pydicts=maps)]
    columns = _columns_in(source)
    rows = list(zip(*[_python(each, pieces) for each in columns], strict=True))
    if isinstance(source, tuple):
        return rows
    return [dict(zip(source, row, strict=True)) for row in rows]
