"""Frames, series and indexes of pandas, column by column.

Columns of numbers travel as arrays, columns of Python objects value by value (each
comes back with its own type), those of pandas' own dtypes as what they are made of.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from fnq_wire.refusal import Refusal
from fnq_wire.value.library import Named, Parts

__all__ = ["put_together", "take_apart"]

#: Dtypes that Arrow has a counterpart of, null for null.
_MASKED = frozenset(
    {"boolean", "Float32", "Float64"}
    | {f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)}
)


def take_apart(value: Any) -> Parts | None:
    """Return what a value of pandas is made of; None when it is none that travels.

    Raises Refusal for a dtype that cannot travel.
    """
    if type(value) is pd.DataFrame:
        columns = Parts(_named(label, value.iloc[:, at]) for at, label in enumerate(value.columns))
        return Parts.of(
            "frame", take_apart(value.index), take_apart(value.columns), columns, value.attrs
        )
    if type(value) is pd.Series:
        column = _take_column_apart(value.array)
        return Parts.of("series", take_apart(value.index), column, value.name, value.attrs)
    if isinstance(value, pd.Index):
        return _take_index_apart(value)
    if value is pd.NaT or value is pd.NA:
        return Parts.of("missing", "NaT" if value is pd.NaT else "NA")
    if type(value) is pd.Timestamp:
        return Parts.of("timestamp", value.asm8, value.tz)
    if type(value) is pd.Timedelta:
        return Parts.of("timedelta", value.asm8)
    return None


def put_together(parts: Any) -> Any:
    """Return the value of pandas; raises whatever pandas does when the parts do not fit."""
    kind, *rest = parts
    return _MAKERS[kind](*rest)


def _take_index_apart(index: Any) -> Parts:
    if type(index) is pd.RangeIndex:
        return Parts.of("range", index.start, index.stop, index.step, index.name)
    if type(index) is pd.MultiIndex:
        levels = Parts(take_apart(level) for level in index.levels)
        return Parts.of(
            "multi", levels, [np.asarray(codes) for codes in index.codes], list(index.names)
        )
    freq = getattr(index, "freqstr", None) if hasattr(index, "asi8") else None
    return Parts.of("index", _take_column_apart(index.array), index.name, freq)


def _named(label: Any, series: Any) -> Named:
    try:
        return Named(label, _take_column_apart(series.array))
    except Refusal as refusal:
        refusal.at(label)
        raise


def _take_column_apart(column: Any) -> Parts:
    dtype = column.dtype
    if isinstance(dtype, np.dtype) or type(column) is pd.arrays.NumpyExtensionArray:
        values = np.asarray(column)
        if values.dtype == object:
            return Parts.of("objects", list(values))
        return Parts.of("numpy", values)
    if isinstance(dtype, pd.CategoricalDtype):
        return Parts.of(
            "category", np.asarray(column.codes), take_apart(dtype.categories), dtype.ordered
        )
    if isinstance(dtype, pd.DatetimeTZDtype):
        return Parts.of("zoned", column.asi8, dtype.unit, dtype.tz)
    if isinstance(dtype, pd.PeriodDtype):
        return Parts.of("period", column.asi8, dtype.name)
    if isinstance(dtype, pd.IntervalDtype):
        return Parts.of("interval", take_apart(column.left), take_apart(column.right), dtype.closed)
    if isinstance(dtype, pd.ArrowDtype):
        return Parts.of("arrow", column.__arrow_array__())
    if isinstance(dtype, pd.StringDtype):
        return Parts.of("string", _arrow(column), dtype.storage, dtype.na_value is pd.NA)
    if dtype.name in _MASKED:
        return Parts.of("masked", _arrow(column), dtype.name)
    raise Refusal(f"dtype {dtype} of pandas cannot travel; make it a dense one of numpy's")


def _arrow(column: Any) -> Any:
    import pyarrow as pa

    return pa.array(column, from_pandas=True)


def _frame(index: Any, columns: Any, data: list[Any], attrs: dict[Any, Any]) -> Any:
    rows = put_together(index)
    made = pd.DataFrame(
        {at: _labelled(put_together(column), rows) for at, column in enumerate(data)},
        index=rows,
        copy=False,
    )
    made.columns = put_together(columns)
    made.attrs = attrs
    return made


def _series(index: Any, data: Any, name: Any, attrs: dict[Any, Any]) -> Any:
    made = _labelled(put_together(data), put_together(index))
    made.name = name
    made.attrs = attrs
    return made


def _labelled(column: Any, index: Any) -> Any:
    """Return a series of exactly this dtype: pandas would make text of objects."""
    return pd.Series(column, index=index, dtype=column.dtype, copy=False)


def _index(data: Any, name: Any, freq: str | None) -> Any:
    column = put_together(data)
    made = pd.Index(column, dtype=column.dtype, name=name)
    return made if freq is None or made.dtype.kind not in "mM" else type(made)(made, freq=freq)


def _multi(levels: list[Any], codes: list[Any], names: list[Any]) -> Any:
    return pd.MultiIndex([put_together(level) for level in levels], codes, names=names)


def _objects(values: list[Any]) -> Any:
    made = np.empty(len(values), dtype=object)
    for at, value in enumerate(values):
        made[at] = value
    return made


def _zoned(values: Any, unit: str, tz: Any) -> Any:
    moments = values.view(f"M8[{unit}]")
    return pd.DatetimeIndex(moments).tz_localize("UTC").tz_convert(tz).array


def _period(ordinals: Any, name: str) -> Any:
    freq = name.removeprefix("period[").removesuffix("]")
    return pd.PeriodIndex.from_ordinals(ordinals, freq=freq).array


def _timestamp(value: Any, tz: Any) -> Any:
    made = pd.Timestamp(value)
    return made if tz is None else made.tz_localize("UTC").tz_convert(tz)


def _category(codes: Any, categories: Any, ordered: bool) -> Any:
    return pd.Categorical.from_codes(codes, categories=put_together(categories), ordered=ordered)


def _string(values: Any, storage: str, marks_na: bool) -> Any:
    # Before pandas 2.3 there is no na_value, and none but NA.
    dtype = pd.StringDtype(storage) if marks_na else pd.StringDtype(storage, na_value=np.nan)
    return dtype.__from_arrow__(values)


_MAKERS: dict[str, Any] = {
    "frame": _frame,
    "series": _series,
    "range": lambda start, stop, step, name: pd.RangeIndex(start, stop, step, name=name),
    "multi": _multi,
    "index": _index,
    "missing": {"NaT": pd.NaT, "NA": pd.NA}.__getitem__,
    "timestamp": _timestamp,
    "timedelta": pd.Timedelta,
    "objects": _objects,
    "numpy": lambda values: values,
    "category": _category,
    "zoned": _zoned,
    "period": _period,
    "interval": lambda left, right, closed: pd.arrays.IntervalArray.from_arrays(
        put_together(left), put_together(right), closed
    ),
    "arrow": pd.arrays.ArrowExtensionArray,
    "string": _string,
    "masked": lambda values, name: pd.api.types.pandas_dtype(name).__from_arrow__(values),
}
