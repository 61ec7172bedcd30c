"""What is written wrong with `_` and `F`, each with all that its error says."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from chalkcompute import F, _

#: As those write who check no types.
LOOSE: Any = F
COLUMNS: Any = _
MEMO: Any = _.memo
TRUTH = (
    " is true or false for each row, not by itself: for `and`, `or`, `not` write &, |, ~ with "
    "comparisons in parentheses, for `if` F.when(...).then(...).otherwise(...), for a < b < c "
    ".between(a, c), for `in` .is_in([...])"
)
KNOWN = (
    ": expected an expression, or a number, string, bytes, bool, date, datetime, time, timedelta, "
    "None, or a list or dict of these"
)


class Thing:
    """What Arrow knows nothing of."""

    def __repr__(self) -> str:
        return "Thing()"


#: What is written wrong, the error, and all of its text; before any frame is met.
WRITTEN: list[tuple[Callable[[], object], type[Exception], str]] = [
    (lambda: _.paid and _.amount, TypeError, "_.paid" + TRUTH),
    (lambda: _.paid or _.amount, TypeError, "_.paid" + TRUTH),
    (lambda: not _.amount > 1, TypeError, "_.amount > 1" + TRUTH),
    (lambda: 1 if _.amount > 1 else 2, TypeError, "_.amount > 1" + TRUTH),
    (lambda: 1 < _.amount < 3, TypeError, "_.amount > 1" + TRUTH),
    (lambda: _.amount in [1, 2], TypeError, "_.amount == 1" + TRUTH),
    (
        lambda: "a" in _.memo,
        TypeError,
        "`in` cannot look into each row of _.memo: write F.contains(_.memo, 'a')",
    ),
    (
        lambda: len(_.memo),
        TypeError,
        "_.memo has no length by itself: F.length(...) has each row's",
    ),
    (lambda: list(_.memo), TypeError, "_.memo cannot be iterated: it is a column of a frame"),
    (
        lambda: list(_),
        TypeError,
        "_ knows no frame, so it has no columns to iterate: see .columns of one",
    ),
    (lambda: {_.memo: 1}, TypeError, "unhashable type: 'Expression'"),
    (
        lambda: _.amount == None,  # noqa: E711 - what is wrong
        TypeError,
        "nothing compares with None: .is_null() and .is_not_null() tell what is",
    ),
    (
        _.memo.upper,
        TypeError,
        "_.memo.upper is a column, not a function; write F.upper(_.memo)",
    ),
    (
        _.memo.uper,
        TypeError,
        "_.memo.uper is a column, not a function; functions are in F: F.upper(_.name)",
    ),
    (lambda: _.upper(_.memo), TypeError, "_.upper is a column, not a function; write F.upper(...)"),
    (
        lambda: F.uper(_.memo),
        AttributeError,
        (
            'F has no function "uper": did you mean "upper" or "power"? '
            '(a deployed one is F.catalog_call("uper", ...))'
        ),
    ),
    (
        lambda: F.extract_entities(_.memo),
        AttributeError,
        (
            'F has no function "extract_entities": the functions are abs, array_join, cast, '
            "catalog_call, ceil, coalesce, concat, contains, date_trunc, day and 44 more "
            '(a deployed one is F.catalog_call("extract_entities", ...))'
        ),
    ),
    (lambda: _.amount + Thing(), TypeError, "Arrow has no type for Thing()" + KNOWN),
    (
        lambda: _.amount > Decimal("NaN"),
        TypeError,
        "Arrow has no type for Decimal('NaN')" + KNOWN,
    ),
    (lambda: _.amount + 2**70, TypeError, f"Arrow has no type for {2**70}" + KNOWN),
    (lambda: F.coalesce(_.memo, [1, "a"]), TypeError, "Arrow has no type for [1, 'a']" + KNOWN),
    (lambda: F.upper(_), TypeError, "_ by itself is no value: name a column, as in _.amount"),
    (
        lambda: _.amount + F.when(_.paid),
        TypeError,
        "F.when(_.paid) has no value yet: .then(value) gives it one",
    ),
    (
        lambda: F.when(_.paid).otherwise(1),
        TypeError,
        "F.when(_.paid) has no value yet: .then(value) gives it one, before .otherwise(1)",
    ),
    (
        lambda: _.amount.cast("int46"),
        ValueError,
        'Arrow has no type "int46": did you mean "int64" or "int16" or "uint64"?',
    ),
    (
        lambda: _.amount.cast("text"),
        ValueError,
        (
            'Arrow has no type "text": the types are bool, binary, date32, date64, '
            "decimal128(10,2), double, duration[us], float, float32, float64 and 19 more"
        ),
    ),
    (
        lambda: _.amount.cast(Decimal),
        TypeError,
        (
            "a type is a name such as \"int64\", a type of Python's or one of pyarrow's, "
            "not <class 'decimal.Decimal'>"
        ),
    ),
    (
        lambda: LOOSE.contains(_.memo, _.memo),
        TypeError,
        "`part` of F.contains is a constant string, not _.memo",
    ),
    (
        lambda: LOOSE.substr(_.memo, 1.5),
        TypeError,
        "`start` of F.substr is a constant int, not 1.5",
    ),
    (lambda: F.lpad(_.memo, 3, "ab"), ValueError, "`padding` of F.lpad is one character, not 'ab'"),
    (
        lambda: LOOSE.log(_.rate, _.rate),
        TypeError,
        "the base of F.log is a constant number, not _.rate",
    ),
    (
        lambda: F.date_trunc(_.at, "hours"),
        ValueError,
        "F.date_trunc has no unit 'hours': did you mean \"hour\"?",
    ),
    (F.coalesce, TypeError, "F.coalesce takes one value or more"),
    (F.struct, TypeError, "F.struct takes one value or more"),
    (
        lambda: LOOSE.catalog_call(len, _.memo),
        TypeError,
        (
            "F.catalog_call takes the name of a deployed function, or one that is decorated with "
            "@chalkcompute.function, not <built-in function len>"
        ),
    ),
    (lambda: _.memo.is_in("ab"), TypeError, ".is_in() takes a list of constants, not 'ab'"),
    (lambda: MEMO.is_in(_.words), TypeError, ".is_in() takes a list of constants, not _.words"),
    (
        lambda: _.memo.is_in([_.memo]),
        TypeError,
        "_.memo stands where only a constant may: compare with ==, | instead",
    ),
    (
        lambda: MEMO[_.amount],
        TypeError,
        "_.memo[...] takes the name of a member, a whole number or a slice, not _.amount",
    ),
    (lambda: MEMO["a":], TypeError, "a slice has constant whole numbers, not 'a'"),
    (lambda: COLUMNS["a", "b"], TypeError, "a column is named by a string, not ('a', 'b')"),
    (lambda: _._id, AttributeError, "_ has no '_id'; the column of that name is _[\"_id\"]"),
    (
        lambda: _.point._id,
        AttributeError,
        "an expression has no '_id'; the member of that name is _.point[\"_id\"]",
    ),
]


@pytest.mark.parametrize(("wrong", "kind", "said"), WRITTEN, ids=[row[2][:60] for row in WRITTEN])
def test_what_is_written_wrong_is_told_at_once(
    wrong: Callable[[], object], kind: type[Exception], said: str
) -> None:
    """Before there is a frame."""
    with pytest.raises(kind) as raised:
        wrong()
    assert str(raised.value) == said
