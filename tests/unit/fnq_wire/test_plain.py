"""Values read without the classes of their objects."""

from __future__ import annotations

import dataclasses
import enum
from typing import NamedTuple

import pydantic
import pytest

from fnq_wire.classes import Classes
from fnq_wire.tagged import encode
from fnq_wire.value.plain import read_plain


class Shade(enum.Enum):
    """An Enum."""

    DARK = 1


class Access(enum.Flag):
    """One whose members have sums without names."""

    READ = 1
    WRITE = 2


class Pair(NamedTuple):
    """A NamedTuple."""

    left: int
    right: object


@dataclasses.dataclass
class Tree:
    """A dataclass that holds itself."""

    name: str
    leaves: list[Tree]


class Model(pydantic.BaseModel, extra="allow"):
    """A pydantic model, which knows more of itself than its fields."""

    n: int
    _secret: str = "not told"


CLASSES = Classes([Shade, Access, Pair, Tree, Model])


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (Shade.DARK, "DARK"),
        ([Shade.DARK, Shade.DARK], ["DARK", "DARK"]),
        (Access.WRITE, "WRITE"),
        (Access.READ | Access.WRITE, 3),
        (Pair(1, Pair(2, None)), {"left": 1, "right": {"left": 2, "right": None}}),
        (
            {"t": Tree("a", [Tree("b", [])])},
            {"t": {"name": "a", "leaves": [{"name": "b", "leaves": []}]}},
        ),
        (Model(n=1), {"n": 1}),
        (Model.model_validate({"n": 1, "more": [2]}), {"n": 1, "more": [2]}),
        ([1, "x", None], [1, "x", None]),
    ],
)
def test_objects_are_dicts_and_members_names(value: object, plain: object) -> None:
    """However they are nested."""
    assert read_plain(encode(value, CLASSES)) == plain


def test_bytes_that_hold_no_value_are_an_error() -> None:
    """Cut short anywhere, or with more behind."""
    data = encode(Tree("a", [Tree("b", [])]), CLASSES)
    for wrong in [*(data[:size] for size in range(len(data))), data + b"\x00"]:
        with pytest.raises((ValueError, IndexError)):
            read_plain(wrong)
