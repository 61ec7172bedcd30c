"""Strategies that make values of every type that travels, nested and ragged.

Hypothesis draws as evenly as it is asked to: each kind of value is one branch, and so
is each place where a value can lie. `census` tells whether all were met.
"""

from __future__ import annotations

import datetime
import struct
import zoneinfo
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from hypothesis import strategies as st

from tests.unit.fnq_wire.values import (
    Color,
    Model,
    Named,
    Pair,
    Point,
    Rights,
    Sealed,
    Size,
    Slotted,
)

__all__ = [
    "HASHABLE",
    "KINDS",
    "anything",
    "has_hash",
    "moments",
    "placed",
    "spans",
    "texts",
    "times",
]

_Drawn: TypeAlias = st.SearchStrategy[Any]
#: Puts a value into a container, beside others that have a hash.
_Wrap: TypeAlias = Callable[[Any, list[Any]], Any]

_ZONES = [
    zoneinfo.ZoneInfo(key) for key in ("UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu")
]
_DTYPES = ["?", "i1", "u8", ">i4", "f2", "f8", "c8", "S3", "U2", "M8[us]", "m8[D]"]
_DAY = 86_400_000_000
_LAST_DAY = datetime.date.max.toordinal()
_FIRST = datetime.datetime(1, 1, 1)  # noqa: DTZ001 - its zone is put in later


def texts() -> _Drawn:
    """Make strings, with whatever a string can hold."""
    return st.text(st.characters(exclude_categories=()), max_size=12)


def moments(zones: _Drawn) -> _Drawn:
    """Make datetimes in these zones, in either fold."""
    return st.builds(_moment, st.integers(0, _LAST_DAY * _DAY - 1), zones, st.integers(0, 1))


def times(zones: _Drawn) -> _Drawn:
    """Make times in these zones, in either fold."""
    return moments(zones).map(lambda moment: moment.timetz())


def spans(limit: int = 999_999_999 * _DAY) -> _Drawn:
    """Make timedeltas of at most `limit` microseconds."""
    return st.integers(-limit, limit).map(lambda count: datetime.timedelta(microseconds=count))


def _moment(micro: int, zone: datetime.tzinfo | None, fold: int) -> datetime.datetime:
    moment = _FIRST + datetime.timedelta(microseconds=micro)
    return moment.replace(tzinfo=zone, fold=fold)


def _scalars() -> dict[str, _Drawn]:
    offsets = spans(_DAY - 1)
    fixed = st.one_of(
        st.just(datetime.UTC),
        offsets.map(datetime.timezone),
        st.builds(datetime.timezone, offsets, st.text("ABC", min_size=1, max_size=3)),
    )
    naive, zones = st.none(), st.sampled_from(_ZONES)
    seconds = st.integers(-(10**9), 10**9)
    return {
        "None": st.none(),
        "bool": st.booleans(),
        "int": st.integers(-(2**63), 2**63 - 1),
        "int beyond 64 bits": st.one_of(
            st.integers(2**63, 2**70).map(lambda number: number << number % 200),
            st.integers(-(2**70), -(2**63) - 1),
        ),
        "float": st.floats(allow_nan=False, allow_infinity=False),
        "nan": st.builds(_nan, st.integers(1, 2**52 - 1), st.integers(0, 1)),
        "infinity": st.sampled_from([float("inf"), float("-inf")]),
        "complex": st.complex_numbers(),
        "str": texts(),
        "bytes": st.binary(max_size=20),
        "datetime": moments(naive),
        "datetime in a zone": moments(zones),
        "datetime at an offset": moments(fixed),
        "date": st.integers(1, _LAST_DAY).map(datetime.date.fromordinal),
        "time": times(naive),
        "time in a zone": times(zones),
        "time at an offset": times(fixed),
        "timedelta": seconds.map(lambda count: datetime.timedelta(seconds=count)),
        "timedelta with microseconds": spans().filter(lambda span: span.microseconds),
        "Decimal": st.decimals().filter(lambda number: not number.is_snan()),
        "UUID": st.uuids(),
        "Enum": st.sampled_from(Color),
        "IntEnum": st.sampled_from(Size),
        "Flag": st.sampled_from([*Rights, Rights.READ | Rights.RUN, Rights(0)]),
        "numpy scalar": st.sampled_from(_DTYPES).map(lambda dtype: _array((1,), dtype, "C")[0]),
    }


def _nan(bits: int, sign: int) -> float:
    value: float = struct.unpack("<d", struct.pack("<Q", bits | 0x7FF << 52 | sign << 63))[0]
    return value


def _array(shape: tuple[int, ...], dtype: str, order: Any) -> np.ndarray[Any, Any]:
    count = int(np.prod(shape, dtype=int))
    flat = np.arange(count) if dtype[0] not in "SU" else np.array(["ab"] * count)
    made = flat.astype(dtype).reshape(shape)
    if order == "K":
        return made[..., ::2] if made.ndim else made
    return np.asarray(made, order=order)


def _of_libraries() -> dict[str, _Drawn]:
    small = st.lists(st.integers(-100, 100), max_size=5)
    shapes = st.lists(st.integers(0, 3), max_size=3).map(tuple)
    cells = st.one_of(st.none(), st.booleans(), st.text(max_size=3), small)
    return {
        "numpy array": st.builds(_array, shapes, st.sampled_from(_DTYPES), st.sampled_from("CFK")),
        "pandas frame": st.lists(cells, max_size=4).map(
            lambda items: pd.DataFrame({"o": pd.Series(items, dtype=object)})
        ),
        "pandas series": small.map(lambda items: pd.Series(items, name=3, dtype="int64")),
        "polars frame": small.map(
            lambda items: pl.DataFrame({"a": items, "b": [str(each) for each in items]})
        ),
        "polars series": small.map(lambda items: pl.Series("s", items, dtype=pl.Int16)),
        "pyarrow array": small.map(pa.array),
        "pyarrow chunked array": small.map(
            lambda items: pa.chunked_array([items, [None]], pa.int64())
        ),
        "pyarrow batch": small.map(
            lambda items: pa.record_batch({"a": pa.array(items, pa.int32())})
        ),
        "pyarrow table": small.map(lambda items: pa.table({"a": pa.array(items, pa.int32())})),
    }


def _containers(items: _Drawn) -> dict[str, _Drawn]:
    few = st.lists(items, max_size=2)
    return {
        "tuple": few.map(tuple),
        "frozenset": few.map(frozenset),
        "NamedTuple": st.builds(Pair, items, few.map(tuple)),
        "frozen dataclass": st.builds(Sealed, st.text(max_size=3), items),
        "list": st.one_of(
            few,
            st.lists(st.floats(), min_size=6, max_size=12),
            st.lists(st.integers(-(2**64), 2**64), min_size=6, max_size=12),
        ),
        "set": few.map(set),
        "dict": few.map(dict.fromkeys),
        "dataclass": st.one_of(st.builds(Point, items, few), st.builds(Slotted, st.integers())),
        "pydantic": st.one_of(
            st.builds(_model, items, few), st.text(max_size=3).map(lambda name: Named(name=name))
        ),
        "bytearray": st.binary(max_size=9).map(bytearray),
    }


def _model(x: Any, more: Any) -> Model:
    return Model.model_validate({"x": x, "n": 4, "more": more})


def placed(value: Any) -> list[Any]:
    """Return containers that hold the value, so that it lies in every place once."""
    holders = [[value], (value,), {"k": value}, Point(value)]
    if has_hash(value):
        holders += [{value: 1}, {value}, frozenset([value])]
    return holders


@st.composite
def anything(draw: st.DrawFn, wraps: int = 4) -> Any:
    """Make a value of any supported type, in up to so many containers."""
    value = draw(_LEAVES)
    for _ in range(draw(st.integers(0, wraps))):
        wrap = draw(_WRAPS)
        value = wrap(value, draw(_OTHERS))
    return value


def _key(value: Any, others: list[Any]) -> Any:
    """Make a dict with the value as a key; as a value where it has no hash."""
    if not has_hash(value):
        return {"k": value, **dict.fromkeys(others)}
    return {**dict.fromkeys(others), value: others, Pair(value): 1, (value,): 2}


def _set(kind: type) -> _Wrap:
    """Return what makes a set with the value; a list with a set where it has no hash."""

    def wrap(value: Any, others: list[Any]) -> Any:
        if not has_hash(value):
            return [value, kind(others)]
        return kind([value, *others, Pair(value), (value,), frozenset(others)])

    return wrap


def has_hash(value: Any) -> bool:
    """Tell whether the value can be a key."""
    try:
        hash(value)
    except TypeError:
        return False
    return True


_SCALARS = _scalars()
_ONE = st.one_of(*_SCALARS.values())
#: Every kind of value by its name in the census.
KINDS = {**_SCALARS, **_containers(_ONE), **_of_libraries()}
#: Those of them that can be keys.
HASHABLE = {*_SCALARS, "tuple", "frozenset", "NamedTuple", "frozen dataclass"}
_LEAVES = st.one_of(*KINDS.values())
_OTHERS = st.lists(_ONE, max_size=2)
_WRAPS: st.SearchStrategy[_Wrap] = st.sampled_from(
    [
        lambda value, others: [value, *others],
        lambda value, others: [*others, [value], [others, value]],
        lambda value, others: [{"a": value}, {"b": others}, {}, {"a": value, "c": 1}],
        lambda value, others: (*others, value),
        lambda value, others: (value, [(value,)]),
        lambda value, others: {"a": value, "b": others},
        lambda value, others: {**dict.fromkeys(others, value), 1: value},
        _key,
        _key,
        _set(set),
        _set(frozenset),
        Point,
        lambda value, others: [Point(value), Point(others)],
        lambda value, others: Pair(value, tuple(others)),
        lambda value, others: Sealed("name", value),
        lambda value, others: Model.model_validate({"x": value, "n": 4, "more": others}),
    ]
)
