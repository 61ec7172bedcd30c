"""Columns of many values; payloads have one row, but lists in it have more."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnq_wire.classes import Classes
from fnq_wire.column.kind import Sink, Source, Unfit
from fnq_wire.column.schema import kind_of
from tests.unit.fnq_wire.values import Color, Slotted

CLASSES = Classes([Color, Slotted])


def written(annotation: Any, values: list[Any]) -> Source:
    """Return a column of these values, ready to be read."""
    kind = kind_of(annotation, CLASSES)
    assert kind is not None
    sink = Sink()
    kind.write(values, sink)
    assert len(sink.nodes) == 2 * kind.nodes
    assert len(sink.buffers) == 2 * kind.buffers
    return Source(sink.nodes, sink.buffers, memoryview(b"".join(sink.parts)))


def back(annotation: Any, values: list[Any]) -> list[Any]:
    """Return the values as they are read."""
    kind = kind_of(annotation, CLASSES)
    assert kind is not None
    return kind.read(written(annotation, values))


@given(st.lists(st.one_of(st.none(), st.booleans()), max_size=40))
def test_bits_and_nulls_keep_their_places(values: list[bool | None]) -> None:
    """Also where their number is no multiple of eight."""
    assert back(bool | None, values) == values


@given(st.lists(st.one_of(st.none(), st.text(max_size=5))))
def test_texts_and_nulls_keep_their_places(values: list[str | None]) -> None:
    """Empty ones are not taken for nulls."""
    assert back(str | None, values) == values


def test_a_null_where_a_class_is_expected_makes_no_object() -> None:
    """Members, objects, tuples and dicts stay away."""
    for annotation, value in (
        (Color, Color.RED),
        (Slotted, Slotted(1)),
        (tuple[int, str], (1, "x")),
        (dict[str, int], {"a": 1}),
        (set[int], {1}),
    ):
        values = [None, value, None]
        assert back(annotation | None, values) == values


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (list[int], (1,)),
        (tuple[int, ...], [1]),
        (tuple[int, str], (1, "x", 2)),
        (dict[str, int], [("a", 1)]),
        (dict[str, int], {"a": None}),
        (set[int], frozenset()),
        (Slotted, Slotted(1, 2)),  # type: ignore[arg-type]
        (Slotted, Color.RED),
        (Color, "RED"),
        (str, None),
    ],
)
def test_a_value_that_is_not_exactly_so_does_not_fit(annotation: Any, value: Any) -> None:
    """Nothing is converted on the way."""
    with pytest.raises(Unfit):
        written(annotation, [value])


@pytest.mark.parametrize(
    ("nodes", "buffers", "body"),
    [
        ([2, 0], [0, 0, 0, 12, 16, 2], struct.pack("<3i4x", 0, 2, 1) + b"ab"),
        ([2, 0], [0, 0, 0, 12, 16, 2], struct.pack("<3i4x", 0, 1, 9) + b"ab"),
        ([2, 0], [0, 0, 0, 12, 16, 2], struct.pack("<3i4x", -1, 1, 2) + b"ab"),
        ([2, 0], [0, 0, 0, 8, 16, 2], bytes(18)),
        ([9, 0], [0, 0, 0, 12, 16, 2], bytes(18)),
        ([1, 2], [0, 1, 0, 12, 16, 2], bytes(18)),
        ([2, 1], [0, 0, 0, 12, 16, 2], bytes(18)),
        ([2, 0], [0, 0, 0, 12, 16, 9], bytes(18)),
        ([2, 0], [0, 0, -4, 12, 16, 2], bytes(18)),
        ([2], [0, 0], b""),
    ],
)
def test_a_column_that_contradicts_itself_is_refused(
    nodes: list[int], buffers: list[int], body: bytes
) -> None:
    """Offsets that fall or lead outside, buffers that are missing or too short."""
    kind = kind_of(str | None, CLASSES)
    assert kind is not None
    with pytest.raises(ValueError, match=r"offsets|buffer|nulls"):
        kind.read(Source(nodes, buffers, memoryview(body)))
