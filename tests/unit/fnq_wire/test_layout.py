"""One row of one schema as a payload."""

from __future__ import annotations

import struct
from typing import Any

import pyarrow as pa
import pytest

from fnq_wire.classes import Classes
from fnq_wire.column.kind import Kind, Unfit
from fnq_wire.column.layout import Layout
from fnq_wire.column.message import END, head_length
from fnq_wire.column.schema import kind_of
from fnq_wire.pieces import whole

NONE = Classes()


def layout_of(**columns: Any) -> Layout:
    """Return the layout with columns of these annotations."""
    kinds: list[Kind] = []
    for annotation in columns.values():
        kind = kind_of(annotation, NONE)
        assert kind is not None
        kinds.append(kind)
    return Layout(tuple(columns), tuple(kinds))


def encoded(layout: Layout, values: Any) -> bytes:
    """Return the payload of one row in one piece."""
    return whole(layout.encode(values))


def decoded(layout: Layout, payload: bytes) -> list[Any]:
    """Return the values in a payload."""
    view = memoryview(payload)
    return list(layout.decode(view, head_length(view, 0)))


NUMBERS = layout_of(x=int, y=float)
MIXED = layout_of(x=int, text=str, flag=bool | None)


def test_numbers_take_the_short_way_to_the_same_bytes() -> None:
    """The constant before them is what the long way writes."""
    short = encoded(NUMBERS, (3, 0.5))
    slow = layout_of(x=int | None, y=float | None)
    slow._quick = None
    assert pa.ipc.open_stream(short).read_all().to_pylist() == [{"x": 3, "y": 0.5}]
    assert encoded(slow, (3, 0.5))[-24:] == short[-24:]
    assert decoded(NUMBERS, short) == [3, 0.5]


@pytest.mark.parametrize(("values", "column"), [((2**63, 0.5), 0), ((True, 0.5), 0), ((1, 2), 1)])
def test_what_does_not_fit_says_which_column(values: Any, column: int) -> None:
    """The short way and the long way find the same."""
    with pytest.raises(Unfit) as caught:
        encoded(NUMBERS, values)
    assert caught.value.column == column


def test_a_column_can_be_given_up_for_a_tagged_one() -> None:
    """The layout for that is made once."""
    other = NUMBERS.untyped(0, NONE)
    assert other is NUMBERS.untyped(0, NONE)
    assert decoded(other, encoded(other, (2**70, 0.5))) == [2**70, 0.5]


@pytest.mark.parametrize("values", [(1, "", None), (1, "ü" * 99, True), (-1, "x", False)])
def test_a_row_comes_back(values: Any) -> None:
    """Texts of any length, nulls, bits."""
    assert decoded(MIXED, encoded(MIXED, values)) == list(values)


def test_a_payload_has_exactly_one_row_and_an_end() -> None:
    """More rows, another batch and no end are errors."""
    table = pa.ipc.open_stream(encoded(MIXED, (1, "x", True))).read_all()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(pa.concat_tables([table, table]).combine_chunks())
    for layout, payload in (
        (MIXED, sink.getvalue().to_pybytes()),
        (MIXED, encoded(MIXED, (1, "x", True))[: -len(END)]),
        (MIXED, encoded(MIXED, (1, "x", True)) + b"more"),
        (NUMBERS, encoded(NUMBERS, (1, 0.5))[: -len(END)]),
        (NUMBERS, encoded(NUMBERS, (1, 0.5)) + b"more"),
    ):
        with pytest.raises(ValueError, match=r"expected one row|end of the stream"):
            decoded(layout, payload)


@pytest.mark.parametrize("place", range(8, 200, 8))
@pytest.mark.parametrize("number", [-1, 1 << 40, (1 << 63) - 1])
def test_a_number_that_lies_is_found_out(place: int, number: int) -> None:
    """Lengths and offsets are held against the body before anything is read by them."""
    payload = bytearray(encoded(MIXED, (1, "x", True)))
    start = head_length(memoryview(bytes(payload)), 0)
    struct.pack_into("<q", payload, start + place, number)
    try:
        values = decoded(MIXED, bytes(payload))
    except (ValueError, struct.error, OverflowError):
        return
    assert len(values) == 3


def test_the_sizes_of_columns_add_up() -> None:
    """Offsets and bitmaps are counted with their column."""
    payload = memoryview(encoded(MIXED, (1, "x" * 100, None)))
    assert MIXED.sizes(payload, head_length(payload, 0)) == [8, 108, 2]
