"""Types by name, and the type that several have in common."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest

from chalkcompute.frame.datatype import common, named

TYPES = [
    pa.int64(),
    pa.float32(),
    pa.string(),
    pa.date32(),
    pa.bool_(),
    pa.time64("us"),
    pa.timestamp("ns"),
    pa.timestamp("us", "Europe/Paris"),
    pa.timestamp("s", "+01:00"),
    pa.duration("ms"),
    pa.decimal128(10, 2),
    pa.decimal128(10, -2),
    pa.decimal256(50, 3),
    pa.list_(pa.int8()),
    pa.large_list(pa.timestamp("us", "UTC")),
    pa.map_(pa.string(), pa.list_(pa.int64())),
    pa.struct(
        [("a", pa.decimal128(5, 1)), ("b c", pa.struct([("d", pa.map_(pa.int8(), pa.string()))]))]
    ),
]


@pytest.mark.parametrize("data_type", TYPES, ids=str)
def test_a_type_is_had_by_the_name_that_arrow_prints(data_type: pa.DataType) -> None:
    """There and back, nested ones too."""
    assert named(str(data_type)) == data_type
    assert named(data_type) is data_type


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        (int, pa.int64()),
        (float, pa.float64()),
        (str, pa.string()),
        (bool, pa.bool_()),
        (bytes, pa.binary()),
        (dt.datetime, pa.timestamp("us")),
        (dt.date, pa.date32()),
        (dt.time, pa.time64("us")),
        (dt.timedelta, pa.duration("us")),
        ("float64", pa.float64()),
        ("date32", pa.date32()),
        (" timestamp[us,tz=UTC] ", pa.timestamp("us", "UTC")),
        ("list<int64>", pa.list_(pa.int64())),
        ("decimal(9,2)", pa.decimal128(9, 2)),
    ],
)
def test_types_of_python_and_short_names_are_types_too(what: object, expected: pa.DataType) -> None:
    """Each is the one that values of Python's come as."""
    assert named(what) == expected


@pytest.mark.parametrize(
    "name",
    [
        "",
        "int",
        "list<>",
        "list<int46>",
        "list<int64, int8>",
        "map<int64>",
        "struct<a>",
        "decimal128(99, 1)",
        "timestamp[m]",
        "timestamp[us, tz=UTC",
    ],
)
def test_what_is_no_type_is_refused(name: str) -> None:
    """Half a type is none."""
    with pytest.raises(ValueError, match="Arrow has no type"):
        named(name)


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        ([], pa.null()),
        ([pa.null(), pa.null()], pa.null()),
        ([pa.null(), pa.int8()], pa.int8()),
        ([pa.int8(), pa.int64()], pa.int64()),
        ([pa.int64(), pa.float64()], pa.float64()),
        ([pa.int64(), pa.float32()], pa.float64()),
        ([pa.decimal128(9, 2), pa.float32()], pa.float64()),
        ([pa.string(), pa.large_string()], pa.large_string()),
        ([pa.date32(), pa.timestamp("ms")], pa.timestamp("us")),
        ([pa.timestamp("s"), pa.timestamp("ns")], pa.timestamp("ns")),
        ([pa.int64(), pa.string()], None),
        ([pa.bool_(), pa.int64()], None),
        ([pa.date32(), pa.int64()], None),
    ],
)
def test_types_have_one_in_common_that_holds_all_values(
    types: list[pa.DataType], expected: pa.DataType | None
) -> None:
    """Numbers widen; what is of another kind has none."""
    assert common(types) == expected
