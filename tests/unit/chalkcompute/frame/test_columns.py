"""Columns of every type of Arrow, as arguments of calls and as their results."""

from __future__ import annotations

import datetime
import decimal
import uuid
from typing import Any

import pyarrow as pa
import pytest

from chalkcompute.errors import ExpressionError
from chalkcompute.frame.columns import Columns
from fnq_wire.arrow import Codec
from fnq_wire.pieces import whole

MOMENT = datetime.datetime(2024, 2, 29, 12, 30, 15, 250_000)  # noqa: DTZ001 - as columns have it
DAY, TIME = datetime.date(1969, 12, 31), datetime.time(23, 59, 59, 1_000)
SPAN = datetime.timedelta(days=-3, seconds=7)
ZONED = MOMENT.replace(tzinfo=datetime.UTC)

#: A type, and values of it.
TYPES: list[tuple[Any, list[Any]]] = [
    (pa.bool_(), [True, False, None, True]),
    *[(kind, [1, -2, None, 127]) for kind in (pa.int8(), pa.int16(), pa.int32(), pa.int64())],
    *[(kind, [1, 0, None, 200]) for kind in (pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())],
    (pa.uint64(), [2**64 - 1, 0, None, 2**63]),
    *[(kind, [1.5, -0.0, None, float("inf")]) for kind in (pa.float32(), pa.float64())],
    *[(kind, ["a", "", None, "päö"]) for kind in (pa.string(), pa.large_string())],
    (pa.string_view(), ["a", "", None, "long enough to lie elsewhere"]),
    *[(kind, [b"\x00a", b"", None, b"xyz"]) for kind in (pa.binary(), pa.large_binary())],
    (pa.binary(2), [b"ab", b"cd", None, b"ef"]),
    (pa.binary_view(), [b"ab", b"", None, b"long enough to lie elsewhere"]),
    (pa.dictionary(pa.int8(), pa.string()), ["a", "b", None, "a"]),
    (pa.date32(), [DAY, datetime.date.min, None, datetime.date.max]),
    (pa.date64(), [DAY, DAY, None, datetime.date(2030, 1, 1)]),
    (pa.timestamp("us"), [MOMENT, datetime.datetime.min, None, datetime.datetime.max]),  # noqa: DTZ901
    (pa.timestamp("ms"), [MOMENT, MOMENT, None, MOMENT]),
    (pa.timestamp("s"), [MOMENT.replace(microsecond=0), MOMENT.replace(microsecond=0), None]),
    (pa.timestamp("us", "UTC"), [ZONED, ZONED, None]),
    (pa.time32("s"), [TIME.replace(microsecond=0), TIME.replace(microsecond=0), None]),
    (pa.time32("ms"), [TIME, TIME, None]),
    (pa.time64("us"), [TIME, datetime.time(0), None]),
    (pa.duration("us"), [SPAN, datetime.timedelta(0), None]),
    (pa.duration("s"), [SPAN, datetime.timedelta(0), None]),
    (pa.decimal128(10, 2), [decimal.Decimal("1.25"), decimal.Decimal("-7.00"), None]),
    (pa.list_(pa.int64()), [[1, 2], [], None, [None, 3]]),
    (pa.list_(pa.string(), 2), [["a", "b"], ["c", "d"], None]),
    (
        pa.struct([("a", pa.int64()), ("b", pa.string())]),
        [{"a": 1, "b": "x"}, {"a": None, "b": ""}],
    ),
    (pa.map_(pa.string(), pa.int64()), [[("a", 1)], [], None]),
    (pa.uuid(), [uuid.UUID(int=7), uuid.UUID(int=8), None]),
    (pa.null(), [None, None]),
]


def untyped(value, other=None):  # type: ignore[no-untyped-def]
    """Have parameters of any type."""
    return value, other


def rows_of(function: Any, pieces: list[pa.RecordBatch]) -> list[tuple[Any, ...]]:
    """Return the arguments that a worker finds in the payload of some batches."""
    codec = Codec.of(function)
    present, _ = codec.signature.bind(tuple(pieces[0].schema.names), {})
    columns = Columns(codec, present, pieces[0].schema.names, pieces[0].schema)
    payload = whole(columns.encode(pieces))
    return [args for args, _ in Codec.of(function).rows.decode_arguments(payload)]


def same(found: list[Any], wanted: list[Any]) -> bool:
    """Return whether values are equal, and of the same types."""
    return repr(found) == repr(wanted) and list(map(type, found)) == list(map(type, wanted))


@pytest.mark.parametrize(("kind", "values"), TYPES, ids=str)
def test_a_column_of_any_type_is_what_its_python_values_are(kind: Any, values: list[Any]) -> None:
    """Whole, sliced, from several batches, without nulls, all null, and without rows."""
    array = pa.array(values, kind)
    wanted = array.to_pylist()
    for start, stop in ((0, len(values)), (1, len(values)), (1, 2), (2, len(values)), (0, 0)):
        batch = pa.record_batch({"value": array})[start:stop]
        assert same([value for (value,) in rows_of(untyped, [batch])], wanted[start:stop])
    three = pa.record_batch({"value": pa.array(values * 3, kind)})
    pieces = [three[1:4], three[4:4], three[5:]]
    whole = (wanted * 3)[1:4] + (wanted * 3)[5:]
    assert same([value for (value,) in rows_of(untyped, pieces)], whole)


def test_columns_that_go_as_they_lie_mix_with_others() -> None:
    """A list beside an integer: each has its row."""
    batch = pa.record_batch({"value": pa.array([1, None]), "other": pa.array([["x"], None])})
    assert rows_of(untyped, [batch]) == [(1, ["x"]), (None, None)]


def test_a_time_that_python_does_not_have_is_an_error_of_its_row() -> None:
    """It is no corrupt payload at the other end."""
    batch = pa.record_batch({"value": pa.array([10**18], pa.timestamp("us"))})
    with pytest.raises(OverflowError, match="out of range"):
        rows_of(untyped, [batch])


@pytest.mark.parametrize(
    ("annotation", "kind", "fits"),
    [
        (int, pa.string(), False),
        (int, pa.float64(), False),
        (int, pa.uint8(), True),
        (int, pa.null(), True),
        (float, pa.int64(), True),
        (float, pa.decimal128(5, 2), False),
        (str, pa.int64(), False),
        (str, pa.dictionary(pa.int8(), pa.large_string()), True),
        (bytes, pa.string(), False),
        (datetime.datetime, pa.timestamp("ns", "UTC"), True),
        (datetime.datetime, pa.date32(), False),
        (datetime.date, pa.timestamp("s"), True),
        (datetime.time, pa.time32("s"), True),
        (datetime.timedelta, pa.int64(), False),
        (uuid.UUID, pa.string(), False),
        (list[int], pa.list_(pa.int32()), True),
        (list[int], pa.int64(), False),
        (dict[str, int], pa.struct([("a", pa.int64())]), True),
        (dict[str, int], pa.list_(pa.int64()), False),
        (Any, pa.list_(pa.int64()), True),
        (int | None, pa.string(), False),
        (int | str, pa.date32(), True),
    ],
)
def test_a_column_that_cannot_be_a_parameter_is_refused(
    annotation: Any, kind: Any, fits: bool
) -> None:
    """The error names both, their types, and the way to convert."""

    def typed(number):  # type: ignore[no-untyped-def]
        return number

    typed.__annotations__["number"] = annotation
    batch = pa.record_batch({"amount": pa.array([], kind)})
    if fits:
        assert rows_of(typed, [batch]) == []
        return
    with pytest.raises(ExpressionError) as caught:
        rows_of(typed, [batch])
    for word in ("'amount'", str(kind), "'number'", Codec.of(typed).parameters[0].type, "; .cast("):
        assert word in str(caught.value)


def test_values_of_a_union_are_looked_at_one_by_one() -> None:
    """Its type says nothing of them before."""

    def either(value: int | str) -> None:
        """Take one of two types."""

    batch = pa.record_batch({"value": pa.array([1, None, 2])})
    assert rows_of(either, [batch]) == [(1,), (None,), (2,)]
    with pytest.raises(TypeError, match=r'either\(\) argument "value": expected int \| str'):
        rows_of(either, [pa.record_batch({"value": pa.array([DAY])})])


def test_maps_are_dicts_where_a_dict_is_declared() -> None:
    """Elsewhere they are what pyarrow makes of them."""

    def typed(value: dict[str, int]) -> None:
        """Take a dict."""

    array = pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int64()))
    assert rows_of(typed, [pa.record_batch({"value": array})]) == [({"a": 1},), (None,)]
