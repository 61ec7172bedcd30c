"""One form for each value, in which equal means: equal, of the same types, bit by bit."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import struct
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pydantic

__all__ = ["canon"]


def canon(value: Any) -> Any:
    """Return a hashable that is equal for values that nobody could tell apart."""
    return type(value), _content(value)


def _content(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.name, value.value
    if type(value) in (float, complex):
        number = complex(value)
        return struct.pack("<dd", number.real, number.imag)
    if isinstance(value, datetime.datetime | datetime.time):
        return value.replace(tzinfo=None).isoformat(), value.fold, _zone(value.tzinfo)
    if isinstance(value, dict):
        return tuple((canon(key), canon(item)) for key, item in value.items())
    if isinstance(value, set | frozenset):
        # Counted, since NaNs are equal here and not there.
        return frozenset(Counter(canon(item) for item in value).items())
    if isinstance(value, list | tuple):
        return tuple(canon(item) for item in value)
    if isinstance(value, bytearray):
        return bytes(value)
    if isinstance(value, decimal.Decimal):
        return str(value)
    if dataclasses.is_dataclass(value) or isinstance(value, pydantic.BaseModel):
        return canon(_held(value))
    return _foreign(value)


def _held(value: Any) -> dict[str, Any]:
    if isinstance(value, pydantic.BaseModel):
        state: dict[str, Any] = value.__getstate__()
        return state
    return {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}


def _zone(zone: datetime.tzinfo | None) -> Any:
    if isinstance(zone, datetime.timezone):
        return zone.utcoffset(None), zone.tzname(None)
    return str(zone)


def _foreign(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.flags.fnc, value.tobytes()
    if isinstance(value, np.generic):
        return value.dtype.str, value.tobytes()
    if isinstance(value, pd.DataFrame):
        columns = [canon(value.iloc[:, at]) for at in range(value.shape[1])]
        return canon(value.columns), canon(value.index), tuple(columns)
    if isinstance(value, pd.Series | pd.Index):
        index = canon(value.index) if isinstance(value, pd.Series) else None
        return str(value.dtype), canon(value.name), index, canon(value.to_list())
    if isinstance(value, pl.DataFrame):
        return str(value.schema), canon(value.rows())
    if isinstance(value, pl.Series):
        return value.name, str(value.dtype), canon(value.to_list())
    if isinstance(value, pa.Table | pa.RecordBatch):
        return str(value.schema), canon(value.to_pylist())
    if isinstance(value, pa.Array | pa.ChunkedArray):
        return str(value.type), canon(value.to_pylist())
    return value
