"""Expressions of any shape: what they compute, how they are shown, and what a scan can prune by."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalkcompute import F, _
from chalkcompute.frame.compiled import compiled
from chalkcompute.frame.expression import Expression, node_of
from tests.unit.chalkcompute.frame.evaluated import evaluated

#: A row by name.
Row = dict[str, Any]
#: An expression, and the same for one row, in Python.
Both = tuple[Any, Callable[[Row], Any]]
NAMES = ("a", "b", "c")


def _operated(function: Callable[..., Any], *both: Both) -> Both:
    """Return a function of expressions and of their values; null of null."""
    expressions, values = zip(*both, strict=True)

    def value(row: Row) -> Any:
        operands = [each(row) for each in values]
        return None if None in operands else function(*operands)

    return function(*expressions), value


def _chosen(condition: Both, one: Both, other: Both) -> Both:
    """Return one value where a condition is true, otherwise the other."""
    case = F.when(condition[0]).then(one[0]).otherwise(other[0])
    return case, lambda row: one[1](row) if condition[1](row) else other[1](row)


def _filled(one: Both, other: Both) -> Both:
    """Return a value, and the other where it is null."""

    def value(row: Row) -> Any:
        found = one[1](row)
        return other[1](row) if found is None else found

    return F.coalesce(one[0], other[0]), value


def _column(name: str) -> Both:
    return _[name], lambda row: row[name]


def _constant(value: int) -> Both:
    return F.lit(value), lambda _row: value


def _whole(inner: st.SearchStrategy[Both]) -> st.SearchStrategy[Both]:
    """Return whole numbers made of whole numbers, small enough never to overflow."""
    arithmetic = st.sampled_from([operator.add, operator.sub])
    compare = st.sampled_from([operator.lt, operator.ge, operator.eq, operator.ne])
    divide = st.sampled_from([operator.floordiv, operator.mod, operator.mul])
    divisor = st.integers(-5, 5).filter(bool).map(_constant)
    condition = st.builds(_operated, compare, inner, inner)
    return st.one_of(
        st.builds(_operated, arithmetic, inner, inner),
        st.builds(_operated, divide, inner, divisor),
        st.builds(_operated, st.just(operator.neg), inner),
        st.builds(_operated, st.just(abs), inner),
        st.builds(_chosen, condition, inner, inner),
        st.builds(_filled, inner, inner),
    )


LEAVES = st.sampled_from(NAMES).map(_column) | st.integers(-9, 9).map(_constant)
TREES = st.recursive(LEAVES, _whole, max_leaves=12)
ROWS = st.lists(
    st.fixed_dictionaries(dict.fromkeys(NAMES, st.none() | st.integers(-1000, 1000))), max_size=5
)


@given(both=TREES, rows=ROWS)
def test_a_tree_computes_what_python_does_for_each_row(both: Both, rows: list[Row]) -> None:
    """Whatever it is made of; of no rows too."""
    expression, value = both
    schema = pa.schema([pa.field(name, pa.int64()) for name in NAMES])
    table = pa.Table.from_pylist(rows, schema=schema)
    assert evaluated(expression, table) == [value(row) for row in rows]


@given(both=TREES)
def test_what_a_tree_is_shown_as_means_the_same(both: Both) -> None:
    """Parentheses stand where Python needs them."""
    shown = repr(both[0])
    if not shown.endswith("..."):
        again = eval(shown)  # noqa: S307 - what this test made
        assert repr(F.lit(1) + again) == repr(F.lit(1) + both[0])
        assert node_of(again).key() == node_of(both[0]).key()


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (_.i > 5, "(i > 5)"),
        (_.small == 3, "(small == 3)"),
        (_.single < 0.5, "(single < 0.5)"),
        (_.day >= "2024-01-31", "(day >= 2024-01-31)"),
        (_.s == "x", '(s == "x")'),
        (_.i.between(1, 2), "((i >= 1) and (i <= 2))"),
        (_.i.is_null() | (_.i == 0), "(is_null(i) or (i == 0))"),
    ],
    ids=repr,
)
def test_a_column_is_compared_as_it_is_so_that_files_can_be_skipped(
    condition: Expression, expected: str
) -> None:
    """It is the constant that takes the other's type: statistics know no casts."""
    types = {
        "i": pa.int64(), "small": pa.int8(), "single": pa.float32(), "day": pa.date32(),
        "s": pa.string(),
    }  # fmt: skip
    schema = pa.schema([pa.field(name, each) for name, each in types.items()])
    made = str(compiled([node_of(condition)], schema)[0])
    assert made.replace("is_null(i, {nan_is_null=false})", "is_null(i)") == expected
