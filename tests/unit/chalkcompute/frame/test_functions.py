"""Each function of F, by a table; nulls included."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from chalkcompute import F, _
from chalkcompute.frame.expression import Expression
from chalkcompute.function import RemoteFunction
from tests.unit.chalkcompute.frame.evaluated import evaluated, scanned

NOON = dt.datetime.fromisoformat("2024-02-29T12:34:56.789")
OLD = dt.datetime.fromisoformat("1960-12-31T23:59:59")
NEW_YEAR = dt.datetime.fromisoformat("2024-01-01")
TABLE = pa.table(
    {
        "s": [" Ab ", "", None, "ça va"],
        "i": pa.array([1, -5, None, 7], pa.int64()),
        "small": pa.array([1, -5, None, 127], pa.int8()),
        "d": [1.5, -2.5, None, math.nan],
        "money": pa.array(
            [Decimal("1.25"), Decimal("-2.5"), None, Decimal(0)], pa.decimal128(9, 2)
        ),
        "b": [True, False, None, True],
        "t": pa.array([NOON, OLD, None, OLD], pa.timestamp("us")),
        "day": [NOON.date(), OLD.date(), None, OLD.date()],
        "clock": [NOON.time(), OLD.time(), None, dt.time()],
        "local": pa.array([NOON, OLD, None, OLD], pa.timestamp("ms", "Europe/Paris")),
        "span": [dt.timedelta(1, 2), -dt.timedelta(0, 0, 500), None, dt.timedelta()],
        "words": [["a", "b"], [], None, ["c", None]],
        "raw": [b"ab", b"", None, b"\xff"],
        "code": pa.array(["x", "y", None, "x"]).dictionary_encode(),
        "text": pa.array(["p", "q", None, "r"], pa.large_string()),
        "view": pa.array(["p", "q", None, "r"], pa.string_view()),
        "iso": ["2024-02-29T12:34:56.789", "1960-12-31", None, "2024-01-01 00:00"],
        "nothing": pa.nulls(4),
    }
)
#: Name of the function, an expression with it, its type, and what it is for each row.
ROWS: list[tuple[str, Expression, str, list[Any]]] = [
    ("lit", F.lit(3), "int64", [3] * 4),
    ("lit", F.lit(3, "int8"), "int8", [3] * 4),
    ("lit", F.lit(None, str), "string", [None] * 4),
    ("cast", F.cast(_.i, "string"), "string", ["1", "-5", None, "7"]),
    ("cast", F.cast(_.small, float), "double", [1.0, -5.0, None, 127.0]),
    ("coalesce", F.coalesce(_.i, 0), "int64", [1, -5, 0, 7]),
    ("coalesce", F.coalesce(_.nothing, _.small, 0), "int8", [1, -5, 0, 127]),
    ("coalesce", F.coalesce(_.code, _.text, "z"), "large_string", ["x", "y", "z", "x"]),
    ("coalesce", F.coalesce(_.words, []), "list<item: string>", [["a", "b"], [], [], ["c", None]]),
    ("coalesce", F.coalesce(_.nothing, None), "null", [None] * 4),
    ("least", F.least(_.i, 2), "int64", [1, -5, 2, 2]),
    ("greatest", F.greatest(_.i, _.small, _.nothing), "int64", [1, -5, None, 127]),
    ("greatest", F.greatest(_.day, _.t), "timestamp[us]", [NOON, OLD, None, OLD]),
    ("is_null", F.is_null(_.s), "bool", [False, False, True, False]),
    ("is_null", F.is_null(_.d), "bool", [False, False, True, False]),
    ("is_not_null", F.is_not_null(_.words), "bool", [True, True, False, True]),
    ("when", F.when(_.i > 0).then("more"), "string", ["more", None, None, "more"]),
    (
        "when",
        F.when(_.i > 1).then(1).when(_.b).then(2.5).otherwise(_.i),
        "double",
        [2.5, -5.0, None, 1.0],
    ),
    ("when", F.when(_.b).then(_.words).otherwise(None), "list<item: string>",
     [["a", "b"], None, None, ["c", None]]),
    ("if_else", F.if_else(_.b, 1, _.small), "int8", [1, -5, None, 1]),
    ("if_else", F.if_else(_.nothing, 1, 2), "int64", [2] * 4),
    ("struct", F.struct(a=_.i, b="x"), "struct<a: int64, b: string>",
     [{"a": each, "b": "x"} for each in (1, -5, None, 7)]),
    ("lower", F.lower(_.s), "string", [" ab ", "", None, "ça va"]),
    ("upper", F.upper(_.s), "string", [" AB ", "", None, "ÇA VA"]),
    ("upper", F.upper(_.code), "string", ["X", "Y", None, "X"]),
    ("upper", F.upper(_.text), "large_string", ["P", "Q", None, "R"]),
    ("upper", F.upper(_.view), "large_string", ["P", "Q", None, "R"]),
    ("upper", F.upper(_.nothing), "string", [None] * 4),
    ("trim", F.trim(_.s), "string", ["Ab", "", None, "ça va"]),
    ("ltrim", F.ltrim(_.s), "string", ["Ab ", "", None, "ça va"]),
    ("rtrim", F.rtrim(_.s), "string", [" Ab", "", None, "ça va"]),
    ("reverse", F.reverse(_.s), "string", [" bA ", "", None, "av aç"]),
    ("lpad", F.lpad(_.s, 5, "0"), "string", ["0 Ab ", "00000", None, "ça va"]),
    ("rpad", F.rpad(_.s, 5), "string", [" Ab  ", "     ", None, "ça va"]),
    ("starts_with", F.starts_with(_.s, "ç"), "bool", [False, False, None, True]),
    ("ends_with", F.ends_with(_.s, ""), "bool", [True, True, None, True]),
    ("contains", F.contains(_.s, "a"), "bool", [False, False, None, True]),
    ("contains", F.contains(_.s, "."), "bool", [False, False, None, False]),
    ("length", F.length(_.s), "int64", [4, 0, None, 5]),
    ("length", F.length(_.raw), "int64", [2, 0, None, 1]),
    ("length", F.length(_.words), "int64", [2, 0, None, 2]),
    ("substr", F.substr(_.s, 1), "string", ["Ab ", "", None, "a va"]),
    ("substr", F.substr(_.s, 1, 2), "string", ["Ab", "", None, "a "]),
    ("substr", F.substr(_.s, -2), "string", ["b ", "", None, "va"]),
    ("substr", F.substr(_.s, -2, 1), "string", ["b", "", None, "v"]),
    ("substr", F.substr(_.s, -2, 9), "string", ["b ", "", None, "va"]),
    ("substr", F.substr(_.s, 0, -1), "string", ["", "", None, ""]),
    ("replace", F.replace(_.s, "a", "."), "string", [" Ab ", "", None, "ç. v."]),
    ("split", F.split(_.s, " "), "list<item: string>", [["", "Ab", ""], [""], None, ["ça", "va"]]),
    ("array_join", F.array_join(_.words, "+"), "string", ["a+b", "", None, None]),
    ("concat", F.concat(_.s, "-", _.code), "string", [" Ab -x", "-y", None, "ça va-x"]),
    ("concat", F.concat(_.s, _.text), "large_string", [" Ab p", "q", None, "ça var"]),
    ("regexp_like", F.regexp_like(_.s, "^.?A"), "bool", [True, False, None, False]),
    ("regexp_extract", F.regexp_extract(_.s, "[A-Z]b"), "string", ["Ab", None, None, None]),
    ("regexp_extract", F.regexp_extract(_.s, r"(\w+) (?:v)([a(])", 2), "string",
     [None, None, None, "a"]),
    ("regexp_extract", F.regexp_extract(_.s, "(?P<one>v)(a)", 2), "string",
     [None, None, None, "a"]),
    ("regexp_replace", F.regexp_replace(_.s, "([Av])", r"\1\1"), "string",
     [" AAb ", "", None, "ça vva"]),
    ("abs", F.abs(_.small), "int8", [1, 5, None, 127]),
    ("abs", abs(_.span), "duration[us]",
     [dt.timedelta(1, 2), dt.timedelta(0, 0, 500), None, dt.timedelta()]),
    ("sign", F.sign(_.i), "int8", [1, -1, None, 1]),
    ("ceil", F.ceil(_.money), "decimal128(9, 2)", [Decimal(2), Decimal(-2), None, Decimal(0)]),
    ("ceil", F.ceil(_.i), "int64", [1, -5, None, 7]),
    ("floor", F.floor(_.money), "decimal128(9, 2)", [Decimal(1), Decimal(-3), None, Decimal(0)]),
    ("round", round(_.money, 1), "decimal128(9, 2)",
     [Decimal("1.2"), Decimal("-2.5"), None, Decimal(0)]),
    ("round", F.round(_.i, -1), "int64", [0, 0, None, 10]),
    ("sqrt", F.sqrt(F.abs(_.i) + 2), "double", [math.sqrt(3), math.sqrt(7), None, 3.0]),
    ("power", F.power(_.i, 2), "int64", [1, 25, None, 49]),
    ("power", F.power(_.i, -1), "double", [1.0, -0.2, None, 1 / 7]),
    ("power", F.power(2, _.i * 0.5), "double", [2**0.5, 2**-2.5, None, 2**3.5]),
    ("log", F.log(F.abs(_.i)), "double", [0.0, math.log(5), None, math.log(7)]),
    ("log", F.log(_.small - 128, 2), "double", [None] * 4),
    ("is_nan", F.is_nan(_.d), "bool", [False, False, None, True]),
    ("is_nan", F.is_nan(_.i), "bool", [False, False, None, False]),
    ("year", F.year(_.t), "int64", [2024, 1960, None, 1960]),
    ("year", F.year(_.local), "int64", [2024, 1961, None, 1961]),
    ("quarter", F.quarter(_.day), "int64", [1, 4, None, 4]),
    ("month", F.month(_.day), "int64", [2, 12, None, 12]),
    ("week", F.week(_.t), "int64", [9, 52, None, 52]),
    ("day", F.day(_.t), "int64", [29, 31, None, 31]),
    ("day_of_year", F.day_of_year(_.t), "int64", [60, 366, None, 366]),
    ("day_of_week", F.day_of_week(_.day), "int64", [4, 6, None, 6]),
    ("hour", F.hour(_.t), "int64", [12, 23, None, 23]),
    ("hour", F.hour(_.local), "int64", [13, 0, None, 0]),
    ("hour", F.hour(_.day), "int64", [0, 0, None, 0]),
    ("minute", F.minute(_.clock), "int64", [34, 59, None, 0]),
    ("second", F.second(_.clock), "int64", [56, 59, None, 0]),
    ("date_trunc", F.date_trunc(_.t, "hour"), "timestamp[us]",
     [NOON.replace(minute=0, second=0, microsecond=0), OLD.replace(minute=0, second=0), None,
      OLD.replace(minute=0, second=0)]),
    ("date_trunc", F.date_trunc(_.day, "month"), "date32[day]",
     [dt.date(2024, 2, 1), dt.date(1960, 12, 1), None, dt.date(1960, 12, 1)]),
    ("parse_datetime", F.parse_datetime(_.iso), "timestamp[us]",
     [NOON, OLD.replace(hour=0, minute=0, second=0), None, NEW_YEAR]),
    ("parse_datetime", F.parse_datetime("31.12.1960 23:59:59", "%d.%m.%Y %H:%M:%S"),
     "timestamp[us]", [OLD] * 4),
    ("format_datetime", F.format_datetime(_.t, "%d/%m/%y %H.%M.%S"), "string",
     ["29/02/24 12.34.56", "31/12/60 23.59.59", None, "31/12/60 23.59.59"]),
    ("format_datetime", F.format_datetime(_.local, "%H:%M"), "string",
     ["13:34", "00:59", None, "00:59"]),
    ("format_datetime", F.format_datetime(_.day, "%Y-%m-%d"), "string",
     ["2024-02-29", "1960-12-31", None, "1960-12-31"]),
    ("total_seconds", F.total_seconds(_.span), "double", [86402.0, -0.0005, None, 0.0]),
    ("total_seconds", F.total_seconds(_.t - _.day), "double", [45296.789, 86399.0, None, 86399.0]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("expression", "type_name", "expected"),
    [row[1:] for row in ROWS],
    ids=[repr(row[1]) for row in ROWS],
)
def test_a_function_is_what_its_row_says(
    expression: Expression, type_name: str, expected: list[Any]
) -> None:
    """Type and values, those of nulls too."""
    column = scanned(expression, TABLE)
    assert str(column.type) == type_name
    assert [None if _is_nan(each) else each for each in column.to_pylist()] == expected


def test_every_function_has_a_row() -> None:
    """All of F, but the one that Arrow does not compute."""
    functions = {each for each in dir(F) if not each.startswith("_")}
    assert {row[0] for row in ROWS} == functions - {"catalog_call"}


def test_a_function_of_no_rows_and_of_nulls_alone_is_of_the_same_type() -> None:
    """A null makes null, but where a function says otherwise."""
    nulls = pa.table([pa.nulls(2, each.type) for each in TABLE.schema], schema=TABLE.schema)
    for name, expression, type_name, _expected in ROWS:
        column = scanned(expression, nulls)
        assert str(column.type) == type_name
        if repr(expression).count("_.") and name not in {
            "coalesce", "least", "if_else", "is_null", "is_not_null", "struct",
        }:  # fmt: skip
            assert column.to_pylist() == [None, None], expression


def test_rounding_goes_to_even_as_in_python() -> None:
    """For doubles, with digits and without."""
    values = [0.5, 1.5, 2.5, -0.5, 1.25, 1.35, 1e300, None]
    table = pa.table({"d": values})
    assert evaluated(round(_.d), table) == [each and float(round(each)) for each in values]
    assert evaluated(round(_.d, 1), table) == [each and round(each, 1) for each in values]


def test_a_call_keeps_its_function_and_arguments() -> None:
    """By name or handle, by position and name, constants and calls among them."""
    handle = RemoteFunction.from_name("other")
    inner = F.catalog_call(handle, _.b)
    outer = F.catalog_call("f", _.a + 1, inner, key="x")
    assert repr(outer) == ("F.catalog_call('f', _.a + 1, F.catalog_call('other', _.b), key='x')")
    assert repr(F.catalog_call("f")) == "F.catalog_call('f')"
    assert repr(F.catalog_call("f", function=_.a)) == "F.catalog_call('f', function=_.a)"


def _is_nan(value: object) -> bool:
    """Tell nan, which is not equal to itself."""
    return isinstance(value, float) and math.isnan(value)
