"""Annotations as types of Arrow, and schemas that come over the wire."""

from __future__ import annotations

import datetime
import decimal
from collections import namedtuple
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa
import pytest

from fnq_wire.classes import Classes
from fnq_wire.column.message import read_schema, write_schema
from fnq_wire.column.schema import kind_of, kind_of_field
from fnq_wire.error import SerializationError
from tests.unit.fnq_wire.values import Color, Model, Point, Slotted


class Place(NamedTuple):
    """Be all typed."""

    name: str
    at: tuple[float, float] | None


@dataclass
class Trip:
    """Hold others, typed."""

    stops: list[Place]
    by: dict[str, Color]


@dataclass
class Tree:
    """Hold itself."""

    branches: list[Tree]


@dataclass
class Empty:
    """Hold nothing."""


PLACE = "struct<name: string, at: struct<0: double, 1: double>>"
Loose = namedtuple("Loose", "a b")  # noqa: PYI024 - without annotations, as it may be


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (int, "int64"),
        (float | None, "double"),
        (datetime.date, "date32[day]"),
        (list[str | None], "list<string>"),
        (set[bytes], "list<binary>"),
        (dict[str, list[int]], "map<string, list<int64>>"),
        (tuple[int, bool], "struct<0: int64, 1: bool>"),
        (Color, "string"),
        (Slotted, "struct<a: int64, b: string>"),
        (Place, PLACE),
        (
            Trip,
            f"struct<stops: list<{PLACE}>, by: map<string, string>>",
        ),
    ],
)
def test_an_annotation_is_shown_as_a_type_of_arrow(annotation: Any, text: str) -> None:
    """And a schema with it is read by pyarrow and by us alike."""
    classes = Classes([annotation])
    kind = kind_of(annotation, classes)
    assert kind is not None
    assert kind.text == text
    message = write_schema([kind.field("x")])
    assert pa.ipc.read_schema(pa.py_buffer(message)).names == ["x"]
    (field,) = read_schema(memoryview(message))
    assert field == kind.field("x")
    assert kind_of_field(field, classes).text == text


@pytest.mark.parametrize(
    "annotation",
    [
        Any,
        None,
        object,
        int | str,
        list,
        dict,
        dict[str, Any],
        dict[str | None, int],
        tuple[()],
        complex,
        decimal.Decimal,
        Tree,
        Empty,
        Loose,
        Model,
        Point,
        list[Point | None],
        "Unresolved",
    ],
)
def test_an_annotation_without_one_type_has_no_kind(annotation: Any) -> None:
    """Its values are tagged."""
    assert kind_of(annotation, Classes([annotation])) is None


def test_a_schema_that_names_an_unknown_class_is_refused() -> None:
    """No class is looked up by name."""
    kind = kind_of(Slotted, Classes([Slotted]))
    assert kind is not None
    with pytest.raises(SerializationError, match="class Slotted came"):
        kind_of_field(kind.field("x"), Classes())


@pytest.mark.parametrize(
    "arrow",
    [
        pa.int32(),
        pa.uint64(),
        pa.float32(),
        pa.null(),
        pa.large_string(),
        pa.timestamp("ns"),
        pa.timestamp("us", tz="UTC"),
        pa.struct([]),
        pa.struct([("a", pa.int64())]),
        pa.dictionary(pa.int8(), pa.string()),
        pa.list_view(pa.int64()),
        pa.binary(3),
        pa.list_(pa.int32()),
    ],
)
def test_a_column_that_fnq_does_not_write_is_refused(arrow: Any) -> None:
    """It is not guessed at."""
    message = memoryview(pa.schema([("x", arrow)]).serialize().to_pybytes())
    with pytest.raises(ValueError, match="does not write"):
        _ = [kind_of_field(field, Classes()) for field in read_schema(message)]
