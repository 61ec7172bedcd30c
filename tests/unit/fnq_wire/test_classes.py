"""Which classes annotations reach, and under which keys both ends find them."""

from __future__ import annotations

import enum
import typing
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Generic, Literal, NamedTuple, TypedDict, TypeVar

import pytest

from fnq_wire.classes import Classes, Family, family_of
from fnq_wire.error import SerializationError
from tests.unit.fnq_wire.values import Color, Model, Named, Pair, Point, Rights, Sealed, Slotted

T = TypeVar("T")


@dataclass
class Node:
    """Hold itself, and others."""

    child: Node | None
    colors: dict[str, list[Color]]
    named: Named


@dataclass
class Box(Generic[T]):
    """Hold anything."""

    inside: T


class Film(TypedDict):
    """Hold a class in a dict."""

    pair: Pair


def twin() -> type:
    """Return a class that is called as another one is."""

    @dataclass
    class Point:
        z: int

    Point.__qualname__ = "Point"
    return Point


@pytest.mark.parametrize(
    ("annotation", "reached"),
    [
        (int, []),
        (Any, []),
        (Point, [Point]),
        (Point | None, [Point]),
        (dict[str, list[Color | Pair]], [Color, Pair]),
        (Node, [Node, Color, Named]),
        (Box[Sealed], [Sealed, Box]),
        (Film, [Pair]),
        (Literal[Color.RED], [Color]),
        (typing.Annotated[Slotted, 1], [Slotted]),
        (AsyncIterator[Point], [Point]),
        (Callable[[Point], Color], [Point, Color]),
        (tuple[Rights, ...], [Rights]),
        ("Unresolved", []),
    ],
)
def test_annotations_reach_classes_in_order(annotation: Any, reached: list[type]) -> None:
    """Through containers, unions, generics and the fields of classes, each once."""
    found = list(Classes([annotation])._keys)
    assert set(found) == set(reached)
    assert list(Classes([annotation, annotation])._keys) == found


def test_a_class_goes_by_its_name_alone() -> None:
    """A module has another name in a script than in a worker."""
    classes = Classes([Point])
    assert classes.key_of(Point) == "Point"
    assert classes.get("Point") is Point
    assert classes.find("__main__:Point") is Point


def test_classes_of_one_name_are_told_apart() -> None:
    """By their order in the annotations, which both ends share."""
    other = twin()
    classes = Classes([dict[str, Point], other])
    assert (classes.key_of(Point), classes.key_of(other)) == ("Point", "Point#2")
    assert classes.get("Point#2") is other
    assert classes.find(f"{Point.__module__}:Point") is Point
    assert classes.find("elsewhere:Point") is None
    assert Classes([Point]).find("elsewhere:Point") is Point


def test_a_class_that_is_not_reached_is_not_found() -> None:
    """Neither to write nor to read it; the error names it and the remedy."""
    classes = Classes([Point])
    assert classes.key_of(Pair) is None
    with pytest.raises(SerializationError, match=r"class Pair came.*annotate the parameter"):
        classes.get("Pair")


@pytest.mark.parametrize(
    ("cls", "family"),
    [
        (Color, Family.ENUM),
        (Point, Family.DATACLASS),
        (Pair, Family.NAMEDTUPLE),
        (Model, Family.PYDANTIC),
        (tuple, None),
        (object, None),
        (type("Loose", (), {}), None),
        (type("Dicted", (Point, dict), {}), None),
        (type("Failing", (Point, ValueError), {}), None),
    ],
)
def test_a_class_travels_by_its_family(cls: type, family: Family | None) -> None:
    """What is more than its fields does not travel."""
    assert family_of(cls) is family


def test_an_enum_of_a_builtin_travels() -> None:
    """Its members are known by name, whatever they are beside."""

    class Level(enum.StrEnum):
        LOW = "low"

    class Old(NamedTuple):
        level: Level

    assert family_of(Level) is Family.ENUM
    assert (
        Classes([Old]).key_of(Old) == f"{test_an_enum_of_a_builtin_travels.__name__}.<locals>.Old"
    )
