"""Annotations are understood however they are written, or count as not there."""

from __future__ import annotations

import types
import typing
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, NewType, Optional, TypeVar, Union

import pytest

from fnq_wire.annotation import UNKNOWN, chunk_of, hints_of, members_of, plain
from fnq_wire.check import check_of
from fnq_wire.classes import Classes
from fnq_wire.column.schema import kind_of
from fnq_wire.refusal import Refusal
from tests.unit.fnq_wire.values import Color

if TYPE_CHECKING:
    Absent = int

UserId = NewType("UserId", int)
Bound = TypeVar("Bound", bound=str)


def test_one_that_cannot_be_resolved_spoils_no_other() -> None:
    """The rest of the annotations is there all the same."""

    def function(a: int, b: Absent, c: list[Absent], d: list[str]) -> Absent:
        return a

    assert hints_of(function) == {"a": int, "d": list[str]}


def test_names_of_an_enclosing_function_are_found() -> None:
    """Where the function holds on to them."""

    @dataclass
    class Local:
        x: int

    def function(a: Local) -> Local:
        return Local(a.x)

    assert hints_of(function) == {"a": Local, "return": Local}


def test_fields_of_bases_are_found() -> None:
    """Also where one annotation of the class cannot be resolved."""

    @dataclass
    class Base:
        a: int
        b: int

    @dataclass
    class Child(Base):
        b: Absent
        c: str

    assert hints_of(Child) == {"a": int, "c": str}


def test_what_has_no_annotations_has_no_hints() -> None:
    """Functions, builtins and odd callables."""
    assert hints_of(lambda x: x) == {}
    assert hints_of(len) == {}
    assert hints_of(types.SimpleNamespace) == {}


@pytest.mark.parametrize(
    ("annotation", "wanted"),
    [
        (int, int),
        (None, type(None)),
        (Annotated[UserId, "x"], int),
        (typing.Final[int], int),
        (Bound, str),
        (TypeVar("Free"), UNKNOWN),
        (list[int], list[int]),
    ],
)
def test_wrappers_are_taken_off(annotation: Any, wanted: Any) -> None:
    """What does not change the type is not seen."""
    assert plain(annotation) == wanted


def test_unions_are_flattened() -> None:
    """Both ways to write them, nested, through other wrappers."""
    old = Union[int, Annotated[str | None, 1]]  # noqa: UP007 - users may write it so
    assert members_of(Optional[old]) == (int, str, type(None))  # noqa: UP045 - as above
    assert members_of(int) == (int,)


@pytest.mark.parametrize(
    "annotation",
    [
        Iterator[int],
        Generator[int, None, str],
        AsyncIterator[int],
        AsyncGenerator[int, None],
        typing.Iterable[int],
        Annotated[typing.AsyncIterator[int], 1],
    ],
)
def test_the_chunk_of_a_generator_is_its_first_argument(annotation: Any) -> None:
    """By all the names that a generator's return has."""
    assert chunk_of(annotation) is int


@pytest.mark.parametrize("annotation", [Any, Iterator, int, list[int]])
def test_another_return_says_nothing_of_the_chunk(annotation: Any) -> None:
    """It is not known then."""
    assert chunk_of(annotation) is UNKNOWN


class TypeAliasType:
    """Stand for `type Tree = dict[str, Tree | int]`, which needs Python 3.12."""

    __value__: Any


def test_an_annotation_that_holds_itself_has_an_end() -> None:
    """No kind is made of it, its classes are found, and its outside is checked."""
    tree = TypeAliasType()
    tree.__value__ = dict[str, Union[list[tree], Color]]  # type: ignore[valid-type]  # noqa: UP007 - an instance has no |
    classes = Classes([tree])
    assert classes.key_of(Color) == "Color"
    assert kind_of(tree, classes) is None
    check = check_of(tree)
    assert check is not None
    check({"a": Color.RED, "b": [{"c": Color.RED}]})
    with pytest.raises(Refusal):
        check({"a": 1})
