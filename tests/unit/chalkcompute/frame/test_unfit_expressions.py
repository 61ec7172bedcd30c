"""Expressions that fit no frame, or not what is in it, each with all that its error says."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from chalkcompute import ExpressionError, F, NotFoundError, _
from chalkcompute.frame.compiled import compiled, told
from chalkcompute.frame.expression import node_of

TABLE = pa.table(
    {
        "amount": pa.array([1, None, 300], pa.int64()),
        "small": pa.array([1, None, 127], pa.int8()),
        "memo": ["a", None, "1"],
        "paid": [True, None, False],
        "rate": [1.5, None, 0.0],
        "at": pa.array([1, None, 2], pa.timestamp("us")),
        "local": pa.array([1, None, 2], pa.timestamp("us", "UTC")),
        "day": pa.array([1, None, 2], pa.date32()),
        "span": pa.array([1, None, 2], pa.duration("us")),
        "point": [{"long_name": 2, "x": 1}, None, None],
        "words": [["a"], None, []],
    }
)
DAY = dt.date(2024, 1, 31)
ZONE = ' has no time zone: .cast("timestamp[us, tz=...]") gives it one, and tzinfo= a constant'
#: What does not fit the frame, the error, and all of its text.
UNFIT: list[tuple[Any, type[Exception], str]] = [
    (
        _.amout + 1,
        NotFoundError,
        '_.amout + 1: there is no column "amout": did you mean "amount"?',
    ),
    (
        F.upper(_.xyz),
        NotFoundError,
        (
            'F.upper(_.xyz): there is no column "xyz": the columns are amount, small, memo, paid, '
            "rate, at, local, day, span, point and 1 more"
        ),
    ),
    (
        _.point.longname + 1,
        NotFoundError,
        '_.point.longname + 1: there is no member "longname": did you mean "long_name"?',
    ),
    (
        _.memo.upper,
        ExpressionError,
        "_.memo.upper: string has no members; functions are in F, as F.length(...)",
    ),
    (_.amount[0], ExpressionError, "_.amount[0]: int64 has no elements by number"),
    (
        _.words[-1],
        ExpressionError,
        "_.words[-1]: an index of a list counts from its start, 0: it may not be negative",
    ),
    (
        _.words[-2:],
        ExpressionError,
        "_.words[-2:]: a slice of a list counts from its start: no bound may be negative",
    ),
    (
        _.memo[::-1],
        ExpressionError,
        "_.memo[::-1]: a slice goes forward: its step is at least 1, not -1",
    ),
    (
        _.rate + _.memo,
        ExpressionError,
        "_.rate + _.memo: takes numbers, not double and string; .cast(...) what is none",
    ),
    (
        (_.paid + 1) * 2,
        ExpressionError,
        "_.paid + 1: takes numbers, not bool and int64; .cast(...) what is none",
    ),
    (
        _.at + 1,
        ExpressionError,
        (
            "_.at + 1: takes no timestamp[us] and int64; a number of seconds is "
            "datetime.timedelta(seconds=...)"
        ),
    ),
    (
        _.at + _.at,
        ExpressionError,
        "_.at + _.at: takes no timestamp[us] and timestamp[us]; .cast(...) what does not fit",
    ),
    (
        _.span / 2,
        ExpressionError,
        "_.span / 2: takes numbers, not duration[us] and int64; .cast(...) what is none",
    ),
    (
        _.memo == 1,
        ExpressionError,
        "_.memo == 1: compares string with int64; .cast(...) one of them",
    ),
    (
        _.point == _.point,
        ExpressionError,
        (
            "_.point == _.point: takes no struct<long_name: int64, x: int64> and "
            "struct<long_name: int64, x: int64>; .cast(...) what does not fit"
        ),
    ),
    (
        _.at > "yesterday",
        ExpressionError,
        "_.at > 'yesterday': 'yesterday' is no timestamp[us]",
    ),
    (
        _.local > "2024-01-01",
        ExpressionError,
        (
            "_.local > '2024-01-01': '2024-01-01' is no timestamp[us, tz=UTC]; its zone stands "
            'behind it: "2024-01-31T00:00:00Z"'
        ),
    ),
    (
        _.local > _.at,
        ExpressionError,
        "_.local > _.at: of timestamp[us, tz=UTC] and timestamp[us] one" + ZONE,
    ),
    (
        _.day == _.local,
        ExpressionError,
        "_.day == _.local: of date32[day] and timestamp[us, tz=UTC] one" + ZONE,
    ),
    (
        _.local.fill_null(DAY),
        ExpressionError,
        f"F.coalesce(_.local, {DAY!r}): of timestamp[us, tz=UTC] and date32[day] one" + ZONE,
    ),
    (
        _.day.is_in(["soon"]),
        ExpressionError,
        (
            "_.day.is_in(['soon']): the values are no date32[day]: Failed to parse string: 'soon' "
            "as a scalar of type date32[day]"
        ),
    ),
    (
        _.amount > 1 & _.paid,
        ExpressionError,
        (
            "1 & _.paid: takes booleans, not int64; comparisons stand in parentheses: "
            "(_.a > 1) & (_.b < 2)"
        ),
    ),
    (
        ~_.amount,
        ExpressionError,
        (
            "~_.amount: takes booleans, not int64; comparisons stand in parentheses: "
            "(_.a > 1) & (_.b < 2)"
        ),
    ),
    (
        F.when(_.paid).then(1).otherwise("a"),
        ExpressionError,
        (
            "F.when(_.paid).then(1).otherwise('a'): int64 and string have no type in common; "
            ".cast(...) one of them"
        ),
    ),
    (
        F.when(_.amount).then(1),
        ExpressionError,
        "F.when(_.amount).then(1): takes a boolean, not int64; .cast(...) it",
    ),
    (
        _.memo.fill_null(0),
        ExpressionError,
        "F.coalesce(_.memo, 0): string and int64 have no type in common; .cast(...) one of them",
    ),
    (
        _.amount.is_in(["a"]),
        ExpressionError,
        "_.amount.is_in(['a']): compares int64 with string; .cast(...) it",
    ),
    (
        _.amount.is_in([1, "a"]),
        ExpressionError,
        (
            "_.amount.is_in([1, 'a']): the values have no type in common: Could not convert 'a' "
            "with type str: tried to convert to int64"
        ),
    ),
    (
        F.upper(_.amount),
        ExpressionError,
        "F.upper(_.amount): takes a string, not int64; .cast(...) it",
    ),
    (
        F.year(_.memo),
        ExpressionError,
        "F.year(_.memo): takes a date or timestamp, not string; .cast(...) it",
    ),
    (
        F.length(_.amount),
        ExpressionError,
        "F.length(_.amount): takes a string, bytes or list, not int64; .cast(...) it",
    ),
    (
        F.regexp_like(_.memo, "(a"),
        ExpressionError,
        "F.regexp_like(_.memo, '(a'): the pattern is no regular expression: missing ): (a",
    ),
    (
        F.regexp_extract(_.memo, "(a)", 2),
        ExpressionError,
        "F.regexp_extract(_.memo, '(a)', 2): the pattern has 1 groups, and no group 2",
    ),
    (
        _.point.cast("int64"),
        ExpressionError,
        '_.point.cast("int64"): Arrow makes no int64 of struct<long_name: int64, x: int64>',
    ),
    (
        F.lit(300, "int8") + _.small,
        ExpressionError,
        'F.lit(300).cast("int8"): 300 is not from -128 to 127: .cast(...) to a wider type',
    ),
]
#: What fits the frame, but not what is in it, and all that is told.
FAILED: list[tuple[Any, str]] = [
    (
        _.memo.cast("int64"),
        "'a' is no int64: null is in its place by F.when(F.regexp_like(_.x, ...)).then(_.x)",
    ),
    (_.memo.cast("bool"), "'a' is no boolean: those are true, false, 1 and 0"),
    (_.rate.cast("int64"), "1.500000 is no int64: F.round, F.floor or F.ceil it first"),
    (_.amount.cast("int8"), "300 is not from -128 to 127: .cast(...) to a wider type"),
    (
        _.at.cast("timestamp[s]"),
        "1 of timestamp[us] is no timestamp[s] without a loss: F.date_trunc(...) it first",
    ),
    (
        _.small + 1,
        'the result does not fit its type: .cast("int64") or .cast("double") first',
    ),
    (
        _.amount // (_.amount - 1),
        "a whole number is divided by zero: `/` makes it inf, // F.when(_.x != 0).then(_.x) null",
    ),
    (
        _.amount ** (0 - _.amount),
        'a whole number to a negative power is none: .cast("double") one of them',
    ),
    (
        F.parse_datetime(_.memo, "%Y"),
        (
            "'a' is no timestamp[us]: null is in its place by "
            "F.when(F.regexp_like(_.x, ...)).then(_.x)"
        ),
    ),
]


@pytest.mark.parametrize(("wrong", "kind", "said"), UNFIT, ids=[row[2][:60] for row in UNFIT])
def test_what_does_not_fit_the_frame_is_told_before_data_is_read(
    wrong: Any, kind: type[Exception], said: str
) -> None:
    """With the expression as it was written, the types that came, and what to do."""
    with pytest.raises(kind) as raised:
        compiled([node_of(wrong)], TABLE.schema)
    assert str(raised.value) == said


@pytest.mark.parametrize(("wrong", "said"), FAILED, ids=[row[1][:60] for row in FAILED])
def test_what_does_not_fit_the_data_is_told_with_the_value(wrong: Any, said: str) -> None:
    """And with the expression, where it is known."""
    columns: Any = {"x": compiled([node_of(wrong)], TABLE.schema)[0]}
    with pytest.raises(pa.ArrowException) as raised:
        ds.dataset(TABLE).scanner(columns=columns).to_table()
    assert str(told(raised.value)) == said
    assert str(told(raised.value, repr(wrong))) == f"{wrong!r}: {said}"


def test_a_name_that_two_columns_have_is_none() -> None:
    """Nobody knows which one is meant."""
    fields: Any = [("a", pa.int8()), ("a", pa.string())]
    with pytest.raises(ExpressionError) as raised:
        compiled([node_of(_.a)], pa.schema(fields))
    assert str(raised.value) == '2 columns have the name "a": rename all but one'


def test_a_long_expression_is_cut_where_an_error_shows_it() -> None:
    """Two hundred characters tell which one it is."""
    long = sum(_.amount for _number in range(100)) + _.memo
    with pytest.raises(ExpressionError) as raised:
        compiled([node_of(long)], TABLE.schema)
    assert str(raised.value).startswith("0 + _.amount + _.amount + ")
    assert str(raised.value).endswith(
        "...: takes numbers, not int64 and string; .cast(...) what is none"
    )
