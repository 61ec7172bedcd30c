"""Texts of a command line, by the annotation that they are read for."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import json
import pathlib
import uuid
from collections.abc import Sequence
from typing import Any, Literal, Optional

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalkcompute.cli.reading import read, word
from fnq_wire.annotation import UNKNOWN


class Colour(enum.Enum):
    """Two of them."""

    RED = 1
    BLUE = "azure"


@dataclasses.dataclass
class Point:
    """A place, and when."""

    x: float
    at: datetime.date
    tags: tuple[str, ...] = ()


class Model(pydantic.BaseModel):
    """A pydantic one."""

    n: int


@pytest.mark.parametrize(
    ("text", "annotation", "value"),
    [
        ("5", int, 5),
        ("-5", int, -5),
        ("5", float, 5.0),
        ("1e3", float, 1000.0),
        ("5", str, "5"),
        ("null", str, "null"),
        ("True", bool, True),
        ("no", bool, False),
        ("ä", bytes, "ä".encode()),
        ("null", Optional[int], None),  # noqa: UP045 - as some write it
        ("7", int | None, 7),
        ("7", str | int, 7),
        ("seven", str | int, "seven"),
        ("None", None | str, None),
        ("fast", Literal["fast", 2], "fast"),
        ("2", Literal["fast", 2], 2),
        ("RED", Colour, Colour.RED),
        ("azure", Colour, Colour.BLUE),
        ("2024-02-29", datetime.date, datetime.date(2024, 2, 29)),
        ("1.10", decimal.Decimal, decimal.Decimal("1.10")),
        ("/tmp", pathlib.Path, pathlib.Path("/tmp")),
        ("12345678123456781234567812345678", uuid.UUID, uuid.UUID("12345678" * 4)),
        ("[1, 2]", list[int], [1, 2]),
        ("[1, 2]", list[float], [1.0, 2.0]),
        ("[1, 2]", list, [1, 2]),
        ("[1, 2]", Sequence[int], [1, 2]),
        ("[[1, 2]]", list[tuple[int, ...]], [(1, 2)]),
        ('[1, "a"]', tuple[int, str], (1, "a")),
        ("[1, 1]", set[int], {1}),
        ("[1, 1]", frozenset[int], frozenset({1})),
        ('{"a": [1]}', dict[str, tuple[int, ...]], {"a": (1,)}),
        ('{"a": 1}', dict, {"a": 1}),
        (
            '{"x": 1, "at": "2024-02-29", "tags": ["a"]}',
            Point,
            Point(1.0, datetime.date(2024, 2, 29), ("a",)),
        ),
        ('{"n": 3}', Model, Model(n=3)),
        ('{"a": 1}', UNKNOWN, {"a": 1}),
        ("3", Any, 3),
        ("three", Any, "three"),
        ("three", object, "three"),
    ],
)
def test_a_text_is_read_as_the_annotation_says(text: str, annotation: Any, value: object) -> None:
    """Of the very type."""
    found = read(text, annotation)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "annotation", "expected"),
    [
        ("x", int, "int"),
        ("1.5", int, "int"),
        ("maybe", bool, "bool"),
        ("GREEN", Colour, "Colour"),
        ("slow", Literal["fast"], "typing.Literal['fast']"),
        ("x", int | None, "int | None"),
        ("{}", list[int], "list[int]"),
        ("[1]", dict, "dict"),
        ("a, b", list, "list"),
        ("[1]", tuple[int, int], "tuple[int, int]"),
        ("[1]", Point, "Point"),
        ('{"n": "x"}', Model, "Model"),
        ("1,5", decimal.Decimal, "Decimal"),
    ],
)
def test_what_does_not_fit_says_what_was_expected(
    text: str, annotation: Any, expected: str
) -> None:
    """By the annotation's own name."""
    with pytest.raises(ValueError, match="expected") as told:
        read(text, annotation)
    assert str(told.value) == f"expected {expected}, not {text!r}"
    assert word(annotation) == expected


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=9))
def test_json_is_read_back_where_nothing_is_known(value: object) -> None:
    """Text that happens to be JSON is what it says."""
    assert read(json.dumps(value), UNKNOWN) == value


@given(st.text())
def test_any_text_is_a_str(text: str) -> None:
    """Nothing is taken out of it."""
    assert read(text, str) == text
