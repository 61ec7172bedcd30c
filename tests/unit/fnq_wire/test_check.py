"""What is surely wrong is found, and nothing else."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import (
    Annotated,
    Any,
    Literal,
    NewType,
    NotRequired,
    Protocol,
    TypedDict,
    TypeVar,
)

import numpy as np
import pytest

from fnq_wire.check import check_of
from fnq_wire.refusal import Refusal
from tests.unit.fnq_wire.values import Color, Model, Pair, Point

UserId = NewType("UserId", int)
Number = TypeVar("Number", bound=int)
Free = TypeVar("Free")


class Film(TypedDict):
    """Have a required key and one that may be left out."""

    title: str
    year: NotRequired[int]


class Shaped(Protocol):
    """Be no class that isinstance takes."""

    side: int


RIGHT: list[tuple[Any, Any]] = [
    (int, 1),
    (int, True),
    (int, np.int32(1)),
    (float, 1),
    (float, np.float32(1)),
    (complex, 1.5),
    (str, "x"),
    (None, None),
    (Any, object()),
    (object, object()),
    (int | None, None),
    (int | str | None, "x"),
    (list, [object()]),
    (list[int], [1, True]),
    (list[Any], [object()]),
    (Sequence[int], (1, 2)),
    (Sequence[str], "text"),
    (Iterable[int], range(3)),
    (set[int], {1}),
    (tuple[int, ...], (1, 2, 3)),
    (tuple[int, str], (1, "x")),
    (tuple[()], ()),
    (dict[str, float], {"a": 1}),
    (Mapping[str, Any], {"a": object()}),
    (types.GenericAlias(dict, (str,)), {1: "x"}),
    (Literal["a", 1, Color.RED], Color.RED),
    (Annotated[int, "of people"], 1),
    (UserId, 1),
    (Number, 1),
    (Free, "x"),
    (Point, Point(1)),
    (Pair, Pair(1)),
    (Model, Model(x=1)),
    (Color, Color.RED),
    (np.ndarray, np.zeros(1)),
    (np.ndarray[Any, np.dtype[np.float64]], np.zeros(1)),
    (Callable[[int], int], abs),
    (type[int], int),
    (Film, {"title": "x"}),
    (Film, {"title": "x", "year": 1, "more": 2}),
    (Shaped, 3),
    (int | Shaped, "x"),
    ("Unresolved", 3),
    (typing.ClassVar[int], 1),
]

WRONG: list[tuple[Any, Any, str, str]] = [
    (int, "1", "", "expected int, got str"),
    (int, 1.0, "", "expected int, got float"),
    (bool, 1, "", "expected bool, got int"),
    (float, "1", "", "expected float, got str"),
    (str, b"x", "", "expected str, got bytes"),
    (bytes, "x", "", "expected bytes, got str"),
    (None, 0, "", "expected None, got int"),
    (int | None, "x", "", "expected int | None, got str"),
    (list[int], (1,), "", "expected list[int], got tuple"),
    (list[list[int]], [[1], ["x"]], "[1][0]", "expected int, got str"),
    (dict[str, int], {1: 1}, "[1]", "expected str, got int"),
    (dict[str, int], {"a": "x"}, '["a"]', "expected int, got str"),
    (types.GenericAlias(dict, (str,)), [], "", "expected dict[str], got list"),
    (set[int], {"x"}, '["x"]', "expected int, got str"),
    (tuple[int, ...], (1, "x"), "[1]", "expected int, got str"),
    (tuple[int, str], (1, 2), "[1]", "expected str, got int"),
    (tuple[()], (1,), "", "expected a tuple of 0, got one of 1"),
    (Literal["a", "b"], "c", "", "expected 'a' or 'b', got 'c'"),
    (Literal[1], True, "", "expected 1, got bool"),
    (UserId, "x", "", "expected int, got str"),
    (
        Point,
        Pair(1),
        "",
        "expected tests.unit.fnq_wire.values.Point, got tests.unit.fnq_wire.values.Pair",
    ),
    (np.ndarray, [1], "", "expected numpy.ndarray, got list"),
    (Film, {"title": 1}, '["title"]', "expected str, got int"),
    (Film, [], "", "Film, got list"),
]


@pytest.mark.parametrize(("annotation", "value"), RIGHT)
def test_a_right_value_passes(annotation: Any, value: Any) -> None:
    """So does whatever the annotation does not surely exclude."""
    check = check_of(annotation)
    if check is not None:
        check(value)


@pytest.mark.parametrize(("annotation", "value", "path", "said"), WRONG)
def test_a_wrong_value_is_named(annotation: Any, value: Any, path: str, said: str) -> None:
    """Where it lies, what was expected and what came."""
    check = check_of(annotation)
    assert check is not None
    with pytest.raises(Refusal) as caught:
        check(value)
    assert caught.value.path == path
    assert said in caught.value.reason


@pytest.mark.parametrize("annotation", [Any, object, Free, Shaped, int | Any, "Unresolved"])
def test_an_annotation_that_says_nothing_is_not_checked(annotation: Any) -> None:
    """There is no check to run."""
    assert check_of(annotation) is None
