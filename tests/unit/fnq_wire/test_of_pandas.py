"""Frames, series and indexes of pandas come back as they were."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from fnq_wire import tagged
from fnq_wire.error import SerializationError

WHEN = pd.date_range("2026-11-24", periods=3, freq="h", name="when")
COLUMNS: dict[str, Any] = {
    "numbers": np.array([1, 2, 3], "i2"),
    "floats": [1.5, np.nan, -0.0],
    "bools": [True, False, True],
    "str": pd.array(["x", None, "y"], dtype="str"),
    "string": pd.array(["x", None, "y"], dtype="string"),
    "python": pd.array(["x", None, "y"], dtype="string[python]"),
    "objects": pd.Series(["a", "b", "c"], dtype=object).array,
    "mixed": pd.Series([[1, 2], {"a": (1,)}, None], dtype=object).array,
    "missing": pd.Series([pd.NA, pd.NaT, np.nan], dtype=object).array,
    "times": pd.date_range("2020", periods=3),
    "zoned": pd.date_range("2020-10-25", periods=3, freq="h", tz="Europe/Berlin"),
    "utc": pd.date_range("2020", periods=3, tz="UTC").as_unit("s"),
    "spans": pd.timedelta_range("1D", periods=3),
    "months": pd.period_range("2020-01", periods=3, freq="M"),
    "category": pd.Categorical(["a", None, "b"], categories=["b", "a", "z"], ordered=True),
    "interval": pd.interval_range(0, 3, closed="left"),
    "Int64": pd.array([1, None, 3], dtype="Int64"),
    "UInt8": pd.array([1, None, 3], dtype="UInt8"),
    "Float32": pd.array([1.5, None, 3], dtype="Float32"),
    "boolean": pd.array([True, None, False], dtype="boolean"),
    "arrow": pd.array([1, None, 3], dtype="int64[pyarrow]"),
    "nested": pd.array([[1], None, []], dtype=pd.ArrowDtype(pa.list_(pa.int64()))),
}
INDEXES = [
    pd.RangeIndex(0, 6, 2, name="r"),
    pd.Index(["x", "y"], name=("a", 1)),
    pd.Index([1.5, np.nan]),
    pd.Index([1, "x", None], dtype=object),
    WHEN,
    WHEN.tz_localize("UTC"),
    pd.DatetimeIndex(["2020", "2021", "2020"]),
    pd.timedelta_range("1h", periods=3, freq="h"),
    pd.period_range("2020-01-01", periods=2, freq="W-SUN"),
    pd.CategoricalIndex(["a", "b", "a"]),
    pd.IntervalIndex.from_breaks([0, 1, 3]),
    pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)], names=["x", None]),
    pd.Index([], dtype="int64"),
]


def back(value: Any) -> Any:
    """Return the value as it arrives."""
    return tagged.decode(tagged.encode(value))


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_keeps_its_dtype_and_values(name: str) -> None:
    """As a series with a name, an index and attributes."""
    series = pd.Series(COLUMNS[name], index=WHEN, name=name)
    series.attrs = {"unit": "m"}
    got = back(series)
    pd.testing.assert_series_equal(got, series, check_freq=True)
    assert repr(got.dtype) == repr(series.dtype)
    assert got.attrs == series.attrs


@pytest.mark.parametrize("index", INDEXES, ids=lambda index: type(index).__name__)
def test_an_index_keeps_its_class(index: Any) -> None:
    """Alone, as rows and as columns; with names and frequency."""
    pd.testing.assert_index_equal(back(index), index, exact=True)
    assert getattr(back(index), "freq", None) == getattr(index, "freq", None)
    frame = pd.DataFrame(np.ones((len(index), len(index))), index=index, columns=index)
    pd.testing.assert_frame_equal(
        back(frame), frame, check_freq=True, check_index_type="exact", check_column_type="exact"
    )


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame(),
        pd.DataFrame(index=[1, 2]),
        pd.DataFrame(columns=["a", "b"]),
        pd.DataFrame(COLUMNS, index=WHEN),
        pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"]),
        pd.DataFrame({1: [1], ("a", 2): [b"x"], None: [2.5]}),
    ],
    ids=lambda frame: str(frame.shape),
)
def test_a_frame_keeps_columns_rows_and_attributes(frame: Any) -> None:
    """Empty ones, twins among the columns, and names that are no text."""
    frame.attrs = {"k": [1]}
    got = back(frame)
    pd.testing.assert_frame_equal(got, frame, check_freq=True, check_column_type="exact")
    assert [repr(each) for each in got.dtypes] == [repr(each) for each in frame.dtypes]
    assert got.attrs == frame.attrs


def test_a_frame_can_be_written_to() -> None:
    """It belongs to whoever gets it."""
    got = back(pd.DataFrame({"a": [1, 2], "b": [0.5, 1.5]}))
    got.loc[0, "a"] = 9
    got["b"] *= 2
    assert got.to_dict("list") == {"a": [9, 2], "b": [1.0, 3.0]}


@pytest.mark.parametrize(
    "value",
    [
        pd.Timestamp("2020-10-25 02:30").tz_localize("Europe/Berlin", ambiguous=False),
        pd.Timestamp("2020-01-01 00:00:00.000000001"),
        pd.Timestamp("2020").as_unit("s"),
        pd.Timedelta(3, "us"),
        pd.NaT,
        pd.NA,
    ],
    ids=str,
)
def test_a_scalar_keeps_zone_and_unit(value: Any) -> None:
    """Moments and spans, and what is missing stays the very same."""
    got = back(value)
    assert type(got) is type(value)
    assert got is value or (got == value and got.unit == value.unit)
    assert getattr(got, "tz", None) == getattr(value, "tz", None)


def test_a_cell_that_cannot_travel_is_named() -> None:
    """By its column and its place in it."""
    frame = pd.DataFrame({"a": [1, 2], "b": [{"k": 1}, {"k": object()}]})
    with pytest.raises(
        SerializationError, match=r'value\["df"\]\["b"\]\[1\]\["k"\]: a value of type'
    ):
        tagged.encode({"df": frame})


def test_a_dtype_that_cannot_travel_is_refused() -> None:
    """And so is a class made from a frame."""
    with pytest.raises(SerializationError, match=r'value\["a"\]: dtype Sparse\[int64, 0\]'):
        tagged.encode(pd.DataFrame({"a": pd.arrays.SparseArray([0, 1])}))
    with pytest.raises(SerializationError, match="Mine cannot travel"):
        tagged.encode(type("Mine", (pd.DataFrame,), {})())


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.filterwarnings("ignore")
def test_a_corrupt_frame_never_does_harm(seed: int) -> None:
    """Whatever is flipped, there is a value or a SerializationError."""
    rng = random.Random(seed)
    whole = tagged.encode(pd.DataFrame(COLUMNS, index=WHEN))
    for _ in range(30):
        data = bytearray(whole)
        for _ in range(rng.choice((1, 4, 16))):
            data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            tagged.decode(bytes(data))
        except SerializationError:
            continue
