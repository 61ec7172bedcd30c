"""A table of which kinds of values were drawn, and where they lay."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import math
import uuid
import zoneinfo
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pydantic

__all__ = ["INSIDE", "KEYS", "SHAPES", "Census"]

#: Where any value can lie, and where those that have a hash can.
INSIDE = ("alone", "in list", "in tuple", "as value", "in field")
KEYS = ("in set", "in frozenset", "as key")
#: Shapes that a column would even out.
SHAPES = ("ragged lists", "dicts of other keys", "items of other types", "three levels")

#: By exact type; what is not here is looked at by family.
_BY_TYPE: dict[type, str] = {
    type(None): "None", bool: "bool", str: "str", bytes: "bytes", datetime.date: "date",
    complex: "complex", bytearray: "bytearray", decimal.Decimal: "Decimal",
    uuid.UUID: "UUID", tuple: "tuple", frozenset: "frozenset",
    list: "list", set: "set", dict: "dict", np.ndarray: "numpy array",
    pd.DataFrame: "pandas frame", pd.Series: "pandas series", pl.DataFrame: "polars frame",
    pl.Series: "polars series", pa.ChunkedArray: "pyarrow chunked array",
    pa.RecordBatch: "pyarrow batch", pa.Table: "pyarrow table",
}  # fmt: skip
_BY_FAMILY: tuple[tuple[Any, str], ...] = (
    (enum.IntEnum, "IntEnum"),
    (enum.Flag, "Flag"),
    (enum.Enum, "Enum"),
    (np.generic, "numpy scalar"),
    (pa.Array, "pyarrow array"),
    (pydantic.BaseModel, "pydantic"),
    (tuple, "NamedTuple"),
)


class Census:
    """Count kinds of values by the place in which they lie."""

    def __init__(self) -> None:
        self._found: Counter[tuple[str, str]] = Counter()
        self._shapes: set[str] = set()

    def note(self, value: Any, place: str = "alone", level: int = 0) -> None:
        """Count a value and all that it holds."""
        self._found[_kind_of(value), place] += 1
        self._shapes.update(_shapes_of(value))
        if level >= 3:
            self._shapes.add("three levels")
        for inner, where in _inside(value):
            self.note(inner, where, level + 1)

    @property
    def kinds(self) -> set[str]:
        """The kinds of the values that came."""
        return {kind for kind, _ in self._found}

    @property
    def shapes(self) -> set[str]:
        """The shapes that came."""
        return self._shapes

    def places(self, kind: str | None = None) -> set[str]:
        """Return where values lay: those of one kind, or all."""
        return {place for each, place in self._found if kind in (None, each)}


def _kind_of(value: Any) -> str:
    cls = type(value)
    if cls is int:
        return "int" if -(2**63) <= value < 2**63 else "int beyond 64 bits"
    if cls is float:
        return "nan" if math.isnan(value) else "infinity" if math.isinf(value) else "float"
    if cls in (datetime.datetime, datetime.time):
        return cls.__name__ + _zone_of(value.tzinfo)
    if cls is datetime.timedelta:
        return "timedelta with microseconds" if value.microseconds else "timedelta"
    if dataclasses.is_dataclass(cls):
        return "frozen dataclass" if cls.__hash__ is not None else "dataclass"
    known = (name for family, name in _BY_FAMILY if isinstance(value, family))
    return _BY_TYPE.get(cls) or next(known, cls.__name__)


def _zone_of(zone: datetime.tzinfo | None) -> str:
    if zone is None:
        return ""
    return " in a zone" if isinstance(zone, zoneinfo.ZoneInfo) else " at an offset"


def _inside(value: Any) -> Iterator[tuple[Any, str]]:
    """Yield what a value holds, and where it lies there."""
    if type(value) in (list, tuple, set, frozenset):
        for item in value:
            yield item, f"in {type(value).__name__}"
    elif type(value) is dict:
        for key, item in value.items():
            yield key, "as key"
            yield item, "as value"
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield getattr(value, field.name), "in field"
    elif isinstance(value, pydantic.BaseModel):
        for _, item in value:
            yield item, "in field"
    elif isinstance(value, tuple):
        for item in value:
            yield item, "in field"


def _shapes_of(value: Any) -> Iterator[str]:
    """Yield what is uneven about a list."""
    if type(value) is not list or not value:
        return
    if len(set(map(type, value))) > 1:
        yield "items of other types"
    elif type(value[0]) is list and len(set(map(len, value))) > 1:
        yield "ragged lists"
    elif type(value[0]) is dict and len({frozenset(each) for each in value}) > 1:
        yield "dicts of other keys"
