"""One item of a batch, or a list of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, NamedTuple, Optional

import pyarrow as pa
import pytest

from fnq_wire.annotation import UNKNOWN
from fnq_wire.items import Items, element_of, table_parameter


class Point(NamedTuple):
    """An item that is a tuple."""

    x: int
    y: int


def texts(texts: list[str], lang: list[str] | str = "en") -> list[int]:
    """Take items that are text."""
    return [len(text + each) for text, each in zip(texts, lang, strict=True)]


def vectors(vectors: list[list[float]]) -> list[float]:
    """Take items that are lists."""
    return [sum(each) for each in vectors]


def points(points: Sequence[Point]) -> list[int]:
    """Take items that are tuples."""
    return [each.x for each in points]


def anything(things: list[Any]) -> list[Any]:
    """Take items of any kind."""
    return things


def bare(things):  # type: ignore[no-untyped-def]
    """Say nothing of the items."""
    return things


def table(rows: pa.Table) -> list[int]:
    """Take rows."""
    return [0] * rows.num_rows


def unresolved(rows: pyarrow.Table):  # type: ignore[no-untyped-def, name-defined] # noqa: F821
    """Take rows, where pyarrow is not imported."""
    return rows


@pytest.mark.parametrize(
    ("annotation", "element"),
    [
        (list[int], int),
        (Sequence[list[int]], list[int]),
        (tuple[str, ...], str),
        (Optional[list[str]], str),  # noqa: UP045 - as people write it
        (Annotated[list[bytes], "x"], bytes),
        (list, UNKNOWN),
        (tuple[int, str], UNKNOWN),
        (dict[str, int], UNKNOWN),
        (UNKNOWN, UNKNOWN),
    ],
)
def test_an_item_is_what_the_list_is_of(annotation: Any, element: Any) -> None:
    """What says nothing of its elements leaves them open."""
    assert element_of(annotation) == element


@pytest.mark.parametrize(
    ("function", "value", "count"),
    [
        (texts, "abc", None),
        (texts, ["a", "b"], 2),
        (texts, ("a",), 1),
        (texts, [], 0),
        (vectors, [1.0, 2.0], None),
        (vectors, [], None),
        (vectors, [[1.0], [2.0]], 2),
        (vectors, [[]], 1),
        (points, Point(1, 2), None),
        (points, [Point(1, 2)], 1),
        (anything, {"a": 1}, None),
        (anything, [[1], [2]], 2),
        (bare, [1, 2], 2),
        (bare, 1, None),
    ],
)
def test_a_list_of_items_is_told_from_an_item_that_is_a_list(
    function: Callable[..., Any], value: Any, count: int | None
) -> None:
    """By the annotation; without one a list is a list of items."""
    found = Items.of(function).split((value,), {})
    assert (len(found) if isinstance(found, list) else None) == count
    if count is None:
        assert found == ((value,), {})
    else:
        assert found == [((each,), {}) for each in value]


def test_several_parameters_are_lists_of_one_length_or_items_all() -> None:
    """What is left out is left to the function, for each item."""
    items = Items.of(texts)
    assert items.split((["a", "b"],), {"lang": ["x", "y"]}) == [
        (("a",), {"lang": "x"}),
        (("b",), {"lang": "y"}),
    ]
    for lang in ("x", ["x"]):
        with pytest.raises(ValueError, match="'texts' is a list of 2, 'lang' is "):
            items.split((["a", "b"],), {"lang": lang})
    with pytest.raises(TypeError, match="unexpected keyword argument 'more'"):
        items.split(("a",), {"more": 1})


def test_items_have_the_types_of_the_elements() -> None:
    """So does what is returned for each."""
    codec = Items.of(vectors).codec
    assert (codec.parameters[0].type, codec.returns) == ("list<double>", "double")
    with pytest.raises(TypeError, match="expected str, got int"):
        Items.of(texts).codec.encode_arguments((3,), {})


@pytest.mark.parametrize(
    ("function", "name"), [(table, "rows"), (unresolved, "rows"), (texts, None)]
)
def test_a_table_is_known_by_its_annotation(function: Callable[..., Any], name: str | None) -> None:
    """Also where that is text and pyarrow is not imported."""
    assert table_parameter(function) == name


def test_rows_of_a_table_are_items() -> None:
    """A table or a batch is rows; columns by name are one row, or rows where they are lists."""
    items = Items.of(table)
    row = pa.table({"x": pa.array([1, 2], pa.int8())})
    found = items.split((row,), {})
    assert isinstance(found, list)
    assert [args[0].to_pylist() for args, _ in found] == [[{"x": 1}], [{"x": 2}]]
    assert found[0][0][0].schema == row.schema
    assert items.split((), {"rows": row.to_batches()[0]}) == items.split((row,), {})
    assert items.split((), {"x": 1, "y": "a"}) == (({"x": 1, "y": "a"},), {})
    assert items.split((), {"x": [1, 2]}) == [(({"x": 1},), {}), (({"x": 2},), {})]
    assert items.split(([{"x": 1}, {"x": 2}],), {}) == items.split((), {"x": [1, 2]})
    assert items.split((7,), {}) == (({"rows": 7},), {})
    with pytest.raises(TypeError, match="takes rows of a table"):
        items.split((1, 2), {})


@pytest.mark.parametrize("function", [texts, vectors, table])
def test_items_are_known_from_a_spec_as_from_the_annotations(function: Callable[..., Any]) -> None:
    """Its parameters, and the types of their items, are enough."""
    own = Items.of(function)
    parameters = [(it.name, it.kind, it.required) for it in own.codec.parameters]
    types = [it.type for it in own.codec.parameters]
    named = Items.of_parameters(parameters, types, "f")
    values = ["a", [1.0, 2.0], [[1.0], [2.0]], pa.table({"x": [1, 2]})]
    for value in values:
        assert named.split((value,), {}) == own.split((value,), {})


def test_a_function_whose_parameters_are_no_columns_takes_no_batches() -> None:
    """Each parameter must be one list."""

    def varied(*things: int) -> None: ...

    def nothing() -> None: ...

    def beside(rows: pa.Table, more: int) -> None: ...

    for function in (varied, nothing, beside):
        with pytest.raises(TypeError, match="cannot take batches"):
            Items.of(function)
