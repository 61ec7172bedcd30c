"""What can be sent: classes of a user's, and a strategy that makes all kinds of values."""

from __future__ import annotations

import datetime
import enum
import struct
import zoneinfo
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pydantic
from hypothesis import strategies as st

__all__ = [
    "Anyone",
    "BERLIN",
    "CLASSES",
    "Color",
    "Model",
    "Named",
    "Pair",
    "Point",
    "Rights",
    "Sealed",
    "Size",
    "Slotted",
    "anything",
    "hashables",
    "scalars",
]


class Color(enum.Enum):
    """Have members of several types."""

    RED = 1
    GREEN = "g"
    BLUE = (1, 2)


class Size(enum.IntEnum):
    """Have members that are ints."""

    S = 1
    L = 2


class Rights(enum.Flag):
    """Have members that can be combined."""

    READ = 1
    WRITE = 2
    RUN = 4


@dataclass
class Point:
    """Have fields, one of them made by the class."""

    x: Any
    y: Any = None
    made: Any = field(init=False, default=0)


@dataclass(frozen=True)
class Sealed:
    """Refuse assignment, and be a key."""

    name: str
    value: Any


@dataclass(slots=True)
class Slotted:
    """Have no dict."""

    a: int
    b: str = ""


class Pair(NamedTuple):
    """Be a tuple with names."""

    left: Any
    right: Any = None


class Model(pydantic.BaseModel):
    """Be a pydantic model with an alias, a default and a private attribute."""

    model_config = pydantic.ConfigDict(extra="allow")

    x: Any
    number: int = pydantic.Field(default=3, alias="n")
    _secret: int = pydantic.PrivateAttr(default=5)


class Named(pydantic.BaseModel):
    """Be a pydantic model with checked fields."""

    name: str
    when: datetime.datetime | None = None


CLASSES = (Color, Size, Rights, Point, Sealed, Slotted, Pair, Model, Named)

#: An annotation that reaches them all, and says nothing else.
Anyone = Color | Size | Rights | Point | Sealed | Slotted | Pair | Model | Named | Any

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
_ZONES = ["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu"]


def _fixed() -> st.SearchStrategy[datetime.timezone]:
    limit = datetime.timedelta(hours=23, minutes=59, seconds=59, microseconds=999_999)
    offsets = st.timedeltas(-limit, limit)
    return st.one_of(
        st.just(datetime.UTC),
        st.builds(datetime.timezone, offsets),
        st.builds(datetime.timezone, offsets, st.text("ABC", min_size=1)),
    )


def _bits(number: int) -> float:
    value: float = struct.unpack("<d", struct.pack("<Q", number))[0]
    return value


def scalars() -> st.SearchStrategy[Any]:
    """Make values that hold no others and can be keys."""
    zones = st.one_of(st.none(), _fixed(), st.sampled_from(_ZONES).map(zoneinfo.ZoneInfo))
    times = st.times(timezones=st.one_of(st.none(), _fixed()))
    return st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.integers(-(2**63) - 2, 2**63 + 2),
        st.integers().map(lambda number: number << 200),
        st.floats(),
        st.integers(0, 2**64 - 1).map(_bits),
        st.complex_numbers(),
        st.text(st.characters(exclude_categories=()), max_size=20),
        st.binary(max_size=20),
        st.builds(_folded, st.datetimes(timezones=zones), st.integers(0, 1)),
        st.builds(_folded, times, st.integers(0, 1)),
        st.dates(),
        st.timedeltas(),
        st.decimals(allow_nan=False),
        st.uuids(),
        st.sampled_from([*Color, *Size, *Rights, Rights.READ | Rights.RUN, Rights(0)]),
    )


def hashables() -> st.SearchStrategy[Any]:
    """Make values that can be keys, nested."""
    return st.recursive(
        scalars(),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3).map(tuple),
            st.frozensets(inner, max_size=3),
            st.builds(Pair, inner, inner),
            st.builds(Sealed, st.text(max_size=3), inner),
        ),
        max_leaves=4,
    )


def anything() -> st.SearchStrategy[Any]:
    """Make values of every supported type, nested and ragged."""
    keys = st.one_of(st.text(max_size=5), hashables())
    numbers = st.one_of(st.lists(st.floats()), st.lists(st.integers(-(2**65), 2**65)))
    leaves = st.one_of(hashables(), numbers, st.binary(max_size=9).map(bytearray), _of_libraries())
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, max_size=5),
            st.lists(inner, max_size=3).map(tuple),
            st.dictionaries(keys, inner, max_size=4),
            st.sets(hashables(), max_size=4),
            st.builds(Point, inner, inner),
            st.builds(Slotted, st.integers(), st.text(max_size=3)),
            inner.map(Pair),
            st.builds(
                lambda x, more: Model.model_validate({"x": x, "n": 4, "more": more}), inner, inner
            ),
            st.builds(lambda name: Named(name=name), st.text(max_size=3)),
        ),
        max_leaves=8,
    )


def _model(x: Any, more: Any) -> Model:
    return Model.model_validate({"x": x, "n": 4, "more": more})


def _folded(value: Any, fold: int) -> Any:
    return value.replace(fold=fold)


def _of_libraries() -> st.SearchStrategy[Any]:
    """Make values of numpy, pandas, polars and pyarrow."""
    small = st.lists(st.integers(-100, 100), max_size=6)
    shapes = st.lists(st.integers(0, 3), max_size=3).map(tuple)
    dtypes = st.sampled_from(
        ["?", "i1", "u8", ">i4", "f2", "f8", "c8", "S3", "U2", "M8[us]", "m8[D]"]
    )
    arrays = st.builds(_array, shapes, dtypes, st.sampled_from("CFK"))
    cells = st.one_of(st.none(), st.booleans(), st.text(max_size=3), st.lists(st.integers()))
    return st.one_of(
        arrays,
        arrays.filter(lambda array: array.size).map(lambda array: array.reshape(-1)[0]),
        small.map(pa.array),
        small.map(lambda items: pa.chunked_array([items, [None]], pa.int64())),
        small.map(lambda items: pa.table({"a": pa.array(items, pa.int32())})),
        small.map(lambda items: pa.record_batch({"a": pa.array(items, pa.int32())})),
        small.map(lambda items: pl.DataFrame({"a": items, "b": [str(each) for each in items]})),
        small.map(lambda items: pl.Series("s", items, dtype=pl.Int16)),
        small.map(lambda items: pd.Series(items, name=3, dtype="int64")),
        st.lists(cells, max_size=4).map(
            lambda items: pd.DataFrame({"o": pd.Series(items, dtype=object)})
        ),
    )


def _array(shape: tuple[int, ...], dtype: str, order: Any) -> np.ndarray[Any, Any]:
    count = int(np.prod(shape, dtype=int))
    flat = np.arange(count) if dtype[0] not in "SU" else np.array(["ab"] * count)
    made = flat.astype(dtype).reshape(shape)
    if order == "K":
        return made[..., ::2] if made.ndim else made
    return np.asarray(made, order=order)
