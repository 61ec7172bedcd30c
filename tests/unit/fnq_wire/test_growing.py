"""A column of strings that grows, some values at a time."""

from __future__ import annotations

from typing import Any

import pytest

from fnq_wire.arrow import Codec
from fnq_wire.column.growing import GrowingText
from fnq_wire.pieces import whole

#: Bytes that nothing here has.
AMPLE = 1 << 20
LOTS: list[list[Any]] = [["a", "", "größer"], ["日本語"], ["\x00", "a" * 300]]


class Name(str):
    """A string with more to it."""

    __slots__ = ()


def text() -> str:
    """Return what is declared."""
    return ""


def text_if_any() -> str | None:
    """Return what is declared."""
    return None


def number() -> int:
    """Return what is declared."""
    return 0


def grown(nullable: bool, *lots: list[Any]) -> GrowingText:
    """Return a column that has taken these."""
    column = GrowingText(nullable=nullable)
    assert all(column.take(lot, AMPLE) is not None for lot in lots)
    return column


@pytest.mark.parametrize(
    ("function", "lots"), [(text, LOTS), (text_if_any, LOTS), (text_if_any, [[None], *LOTS])]
)
def test_what_was_taken_in_lots_comes_back_as_one_column(
    function: Any, lots: list[list[Any]]
) -> None:
    """As values, and as the payload that all values together have."""
    rows = Codec.of(function).rows
    column = rows.growing()
    assert column is not None
    sizes = [column.take(lot, AMPLE) for lot in lots]
    values = [value for lot in lots for value in lot]
    assert (column.values(), len(column)) == (values, len(values))
    assert all(
        size is not None and size > sum(len(it or "") for it in lot)
        for size, lot in zip(sizes, lots, strict=True)
    )
    assert whole(column.encode()) == rows.encode_results(values)


@pytest.mark.parametrize(
    ("nullable", "lot"),
    [
        (False, ["a", None]),
        (False, ["a", 1]),
        (True, ["a", b"b"]),
        (True, [Name("a")]),
        (False, ["a", "\ud800"]),
        (False, ["a" * AMPLE]),
    ],
)
def test_what_would_not_come_back_as_it_was_is_not_taken(nullable: bool, lot: list[Any]) -> None:
    """Another type, a class of strings, no Unicode, or too much: the column stays as it was."""
    column = grown(nullable, ["x"])
    assert column.take(lot, AMPLE) is None
    assert column.values() == ["x"]


def test_results_of_another_declared_type_are_no_growing_column() -> None:
    """Numbers are as quick in one go."""
    assert Codec.of(number).rows.growing() is None
