"""Operators are Python's: by table, and by property against Python and pandas."""

from __future__ import annotations

import datetime as dt
import math
import operator
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalkcompute import F, _
from chalkcompute.frame.expression import Expression
from tests.unit.chalkcompute.frame.evaluated import evaluated, scanned

NEW_YEAR, PARIS = dt.datetime.fromisoformat("2024-01-01"), "Europe/Paris"
DAY = dt.timedelta(days=1)
TABLE = pa.table(
    {
        "i": pa.array([7, -7, None], pa.int64()),
        "small": pa.array([7, -7, None], pa.int8()),
        "unsigned": pa.array([7, 2**63, None], pa.uint64()),
        "d": [7.5, -7.5, None],
        "single": pa.array([0.1, -7.5, None], pa.float32()),
        "half": pa.array([np.float16(0.5), np.float16(-7.5), None], pa.float16()),
        "money": pa.array([Decimal("1.25"), Decimal("-2.5"), None], pa.decimal128(9, 2)),
        "b": [True, False, None],
        "s": ["ab", "b", None],
        "text": pa.array(["ab", "c", None], pa.large_string()),
        "code": pa.array(["ab", "b", None]).dictionary_encode(),
        "raw": [b"ab", b"b", None],
        "t": [NEW_YEAR, NEW_YEAR - DAY, None],
        "local": pa.array([NEW_YEAR, NEW_YEAR - DAY, None], pa.timestamp("us", PARIS)),
        "day": [NEW_YEAR.date(), (NEW_YEAR - DAY).date(), None],
        "span": [DAY, -DAY, None],
        "words": [["a", "b"], [], None],
        "point": [{"x": 1, "is_null": "in"}, {"x": None, "is_null": "out"}, None],
        "counts": pa.array([[("a", 1)], [], None], pa.map_(pa.string(), pa.int32())),
        "nothing": pa.nulls(3),
    }
)
#: An expression, its type, and what it is for the two rows that are not null; the third is null.
ROWS: list[tuple[Expression, str, list[Any]]] = [
    (_.i + 1, "int64", [8, -6]),
    (_.small + 1, "int8", [8, -6]),
    (_.small + 300, "int64", [307, 293]),
    (_.small + _.i, "int64", [14, -14]),
    (_.small * 0.5, "double", [3.5, -3.5]),
    (_.single + 0.5, "float", [0.6000000238418579, -7.0]),
    (_.half + 1, "float", [1.5, -6.5]),
    (_.unsigned - 1, "uint64", [6, 2**63 - 1]),
    (_.unsigned / 2, "double", [3.5, 2.0**62]),
    (1 - _.i, "int64", [-6, 8]),
    (2 * _.i, "int64", [14, -14]),
    (_.i / 2, "double", [3.5, -3.5]),
    (_.i / 0, "double", [math.inf, -math.inf]),
    (15 / _.d, "double", [2.0, -2.0]),
    (_.i // 2, "int64", [3, -4]),
    (_.i // -2, "int64", [-4, 3]),
    (_.d // 2, "double", [3.0, -4.0]),
    (50 // _.i, "int64", [7, -8]),
    (_.i % 3, "int64", [1, 2]),
    (_.i % -3, "int64", [-2, -1]),
    (_.d % 2, "double", [1.5, 0.5]),
    (50 % _.i, "int64", [1, -6]),
    (_.i**2, "int64", [49, 49]),
    (_.d**2, "double", [56.25, 56.25]),
    (2.0**_.small, "double", [128.0, 2.0**-7]),
    (-_.i, "int64", [-7, 7]),
    (_.money + 1, "decimal128(10, 2)", [Decimal("2.25"), Decimal("-1.5")]),
    (_.money + _.d, "double", [8.75, -10.0]),
    (_.money / 2, "double", [0.625, -1.25]),
    (_.money > 1, "bool", [True, False]),
    (_.money == _.i, "bool", [False, False]),
    (_.s + "!", "string", ["ab!", "b!"]),
    ("<" + _.text + ">", "large_string", ["<ab>", "<c>"]),
    (_.code + _.s, "string", ["abab", "bb"]),
    (_.t - NEW_YEAR, "duration[us]", [dt.timedelta(), -DAY]),
    (_.t - "2023-12-31", "duration[us]", [DAY, dt.timedelta()]),
    (_.day - dt.date(2023, 12, 31), "duration[s]", [DAY, dt.timedelta()]),
    (_.t + DAY, "timestamp[us]", [NEW_YEAR + DAY, NEW_YEAR]),
    (DAY + _.day, "timestamp[us]", [NEW_YEAR + DAY, NEW_YEAR]),
    (_.span * 2 - DAY, "duration[us]", [DAY, -3 * DAY]),
    (_.span // 2, "duration[us]", [DAY / 2, -DAY / 2]),
    (-_.span, "duration[us]", [-DAY, DAY]),
    (_.i > 0, "bool", [True, False]),
    (_.i >= 7.5, "bool", [False, False]),
    (_.small < 300, "bool", [True, True]),
    (_.single == 0.1, "bool", [True, False]),
    (7 <= _.i, "bool", [True, False]),  # noqa: SIM300 - from the right
    (_.s != "b", "bool", [True, False]),
    (_.s == _.text, "bool", [True, False]),
    (_.code == "b", "bool", [False, True]),
    (_.raw == b"b", "bool", [False, True]),
    (_.b == True, "bool", [True, False]),  # noqa: E712 - a column
    (_.t >= "2024-01-01", "bool", [True, False]),
    (_.day == "2024-01-01", "bool", [True, False]),
    (_.t > _.day, "bool", [False, False]),
    (_.local >= dt.datetime(2024, 1, 1, tzinfo=dt.UTC), "bool", [True, False]),
    (_.local >= "2024-01-01T00:00:00Z", "bool", [True, False]),
    (_.day < NEW_YEAR, "bool", [False, True]),
    (_.span > dt.timedelta(), "bool", [True, False]),
    (_.i.between(-7, 6), "bool", [False, True]),
    (_.b & (_.i > 0), "bool", [True, False]),
    (~_.b, "bool", [False, True]),
    (_.b ^ True, "bool", [False, True]),
    (_.words[0], "string", ["a", None]),
    (_.words[1], "string", ["b", None]),
    (_.words[:1], "list<item: string>", [["a"], []]),
    (_.words[1:], "list<item: string>", [["b"], []]),
    (_.s[0], "string", ["a", "b"]),
    (_.s[-1], "string", ["b", "b"]),
    (_.s[1:], "string", ["b", ""]),
    (_.s[::2], "string", ["a", "b"]),
    (_.raw[:1], "binary", [b"a", b"b"]),
    (_.point.x, "int64", [1, None]),
    (_.point["is_null"], "string", ["in", "out"]),
    (_.counts["a"], "int32", [1, None]),
    (_.i.cast("int8"), "int8", [7, -7]),
    (_.i.cast(float), "double", [7.0, -7.0]),
    (_.i.cast("decimal128(5, 2)"), "decimal128(5, 2)", [Decimal(7), Decimal(-7)]),
    (_.b.cast(int), "int64", [1, 0]),
    (_.t.cast(dt.date), "date32[day]", [NEW_YEAR.date(), (NEW_YEAR - DAY).date()]),
    (_.day.cast("string"), "string", ["2024-01-01", "2023-12-31"]),
    (_.words.cast("list<large_string>"), "list<item: large_string>", [["a", "b"], []]),
    (_.code.cast(pa.string()), "string", ["ab", "b"]),
    (_.nothing + _.i, "int64", [None, None]),
    (_.nothing == _.s, "bool", [None, None]),
    (_.i * F.lit(None), "int64", [None, None]),
]


@pytest.mark.parametrize(
    ("expression", "type_name", "expected"), ROWS, ids=[repr(row[0]) for row in ROWS]
)
def test_an_operator_is_what_its_row_says(
    expression: Expression, type_name: str, expected: list[Any]
) -> None:
    """Type and values; what is null stays null."""
    column = scanned(expression, TABLE)
    assert str(column.type) == type_name
    assert column.to_pylist() == [*expected, None]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (_.b & False, [False, False, False]),
        (_.b | True, [True, True, True]),
        (_.b & _.nothing, [None, False, None]),
        (_.b | _.nothing, [True, None, None]),
        (_.b ^ _.nothing, [None, None, None]),
        (_.i.is_null(), [False, False, True]),
        (_.i.is_not_null(), [True, True, False]),
        (_.i.is_in([7, 8]), [True, False, False]),
        (_.i.is_in({7.0, 8.5}), [True, False, False]),
        (_.small.is_in([300, None]), [False, False, True]),
        (_.code.is_in(pd.Series(["b"])), [False, True, False]),
        (_.day.is_in(["2024-01-01"]), [True, False, False]),
        (_.day.is_in([NEW_YEAR + DAY / 2, NEW_YEAR - DAY]), [False, True, False]),
        (_.t.is_in([NEW_YEAR.date()]), [True, False, False]),
        (_.money.is_in([1, Decimal("1.25")]), [True, False, False]),
        (_.money.is_in([1.25]), [True, False, False]),
        (_.unsigned.is_in([7]), [True, False, False]),
        (_.s.is_in([]), [False, False, False]),
        (_.nothing.is_in([1, None]), [True, True, True]),
        (_.i.fill_null(0), [7, -7, 0]),
        (_.i.fill_null(_.small.is_null().cast(int)), [7, -7, 1]),
        (_.s.fill_null("none"), ["ab", "b", "none"]),
    ],
    ids=repr,
)
def test_what_is_null_decides_here(expression: Expression, expected: list[Any]) -> None:
    """and, or are Kleene's; the others say what they make of a null."""
    assert evaluated(expression, TABLE) == expected


WHOLE = st.none() | st.integers(-(2**62), 2**62) | st.integers(-9, 9)
SMALL = st.none() | st.integers(-(10**6), 10**6)
#: Without what `//` and `%` of doubles only come near to: they are computed of the quotient.
DOUBLE = st.none() | st.floats(allow_nan=False) | st.integers(-64, 64).map(lambda each: each / 4)
TEXT = st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=9)


def _rows(of: st.SearchStrategy[Any]) -> st.SearchStrategy[list[tuple[Any, Any]]]:
    """Return lists of pairs, empty ones too."""
    return st.lists(st.tuples(of, of), max_size=9)


def _pairs(rows: list[tuple[Any, Any]], data_type: Any) -> pa.Table:
    """Return a table with the columns a and b."""
    columns = [pa.array([row[place] for row in rows], data_type) for place in (0, 1)]
    return pa.table(columns, ["a", "b"])


def _by_row(function: Callable[[Any, Any], Any], rows: list[tuple[Any, Any]]) -> list[Any]:
    """Return what a function of Python's makes of each pair that has no null."""
    return [None if None in row else function(*row) for row in rows]


@pytest.mark.parametrize("name", ["floordiv", "mod"])
@given(rows=_rows(WHOLE))
def test_whole_division_and_its_rest_are_those_of_python(
    name: str, rows: list[tuple[Any, Any]]
) -> None:
    """Of all signs and sizes."""
    rows = [(a, 1 if b == 0 else b) for a, b in rows]
    function = getattr(operator, name)
    assert evaluated(function(_.a, _.b), _pairs(rows, pa.int64())) == _by_row(function, rows)


@pytest.mark.parametrize("name", ["add", "sub", "mul", "lt", "le", "eq", "ne", "gt", "ge"])
@given(rows=_rows(SMALL))
def test_whole_numbers_compute_as_in_python(name: str, rows: list[tuple[Any, Any]]) -> None:
    """Sums, products and comparisons that fit into 64 bits."""
    function = getattr(operator, name)
    assert evaluated(function(_.a, _.b), _pairs(rows, pa.int64())) == _by_row(function, rows)


@pytest.mark.parametrize("name", ["add", "sub", "mul", "truediv", "lt", "le", "eq", "ge"])
@given(rows=_rows(DOUBLE))
def test_doubles_compute_as_in_pandas(name: str, rows: list[tuple[Any, Any]]) -> None:
    """Overflow and division by zero are infinite, and inf - inf is nan."""
    function = getattr(operator, name)
    table = _pairs(rows, pa.float64())
    a, b = (pd.Series([row[place] for row in rows], dtype="float64") for place in (0, 1))
    known = [None not in row for row in rows]
    expected = [
        value if there else None for value, there in zip(function(a, b), known, strict=True)
    ]
    computed = evaluated(function(_.a, _.b), table)
    assert [_same(each) for each in computed] == [_same(each) for each in expected]


@given(rows=_rows(TEXT))
def test_strings_compute_as_in_python(rows: list[tuple[Any, Any]]) -> None:
    """Of any characters: joined, compared, sliced, and looked into."""
    table = _pairs(rows, pa.string())
    assert evaluated(_.a + _.b, table) == _by_row(operator.add, rows)
    assert evaluated(_.a == _.b, table) == _by_row(operator.eq, rows)
    firsts = [(a, "") for a, _b in rows]
    assert evaluated(_.a[1:3], table) == _by_row(lambda a, _b: a[1:3], firsts)
    assert evaluated(_.a[-2:], table) == _by_row(lambda a, _b: a[-2:], firsts)
    assert evaluated(F.length(_.a), table) == _by_row(lambda a, _b: len(a), firsts)
    assert evaluated(F.contains(_.a, "e"), table) == _by_row(lambda a, _b: "e" in a, firsts)
    assert evaluated(F.replace(_.a, "e", "é"), table) == _by_row(
        lambda a, _b: a.replace("e", "é"), firsts
    )


@given(
    rows=_rows(st.none() | st.datetimes(NEW_YEAR.replace(year=1900), NEW_YEAR.replace(year=2100)))
)
def test_times_are_read_as_in_python(rows: list[tuple[Any, Any]]) -> None:
    """Parts, differences, and there and back through a string."""
    table = _pairs(rows, pa.timestamp("us"))
    firsts = [(a, "") for a, _b in rows]
    parts = ("year", "month", "day", "hour", "minute", "second")
    for part in parts:
        assert evaluated(getattr(F, part)(_.a), table) == _by_row(
            getattr, [(a, part) for a, _b in rows]
        )
    assert evaluated(_.a - _.b, table) == _by_row(operator.sub, rows)
    assert evaluated(F.day_of_week(_.a), table) == _by_row(lambda a, _b: a.isoweekday(), firsts)
    assert evaluated(F.total_seconds(_.a - _.b), table) == _by_row(
        lambda a, b: (a - b).total_seconds(), rows
    )
    assert evaluated(F.parse_datetime(_.a.cast(str)), table) == [a for a, _b in rows]
    form = "%Y-%m-%d %H:%M:%S"
    assert evaluated(F.format_datetime(_.a, form), table) == _by_row(
        lambda a, _b: a.strftime(form), firsts
    )


@given(rows=st.lists(st.tuples(*[st.none() | st.booleans()] * 2), max_size=9))
def test_booleans_compute_as_in_pandas(rows: list[tuple[Any, Any]]) -> None:
    """With nulls that are not known: true or null is true."""
    table = _pairs(rows, pa.bool_())
    a, b = (pd.Series([row[place] for row in rows], dtype="boolean") for place in (0, 1))
    for function in (operator.and_, operator.or_, operator.xor):
        expected = [None if each is pd.NA else each for each in function(a, b)]
        assert evaluated(function(_.a, _.b), table) == expected


@given(rows=_rows(SMALL))
def test_the_first_true_condition_decides(rows: list[tuple[Any, Any]]) -> None:
    """A condition that is null is not true, and without otherwise there is null."""
    case = F.when(_.a > _.b).then(_.a).when(_.a == _.b).then(0)
    table = _pairs(rows, pa.int64())

    def chosen(a: int, b: int) -> int | None:
        return a if a > b else (0 if a == b else None)

    assert evaluated(case, table) == _by_row(chosen, rows)
    assert evaluated(case.otherwise(_.b), table) == [
        b if None in (a, b) or a < b else chosen(a, b) for a, b in rows
    ]


def _same(value: Any) -> Any:
    """Return a number as what is equal where it is the same, nan too."""
    return repr(float(value)) if isinstance(value, float) else value
