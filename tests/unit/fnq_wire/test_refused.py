"""What cannot travel is refused by the name of its argument, wherever it lies."""

from __future__ import annotations

import collections
import enum
import fractions
import functools
import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fnq_wire.arrow import Codec
from fnq_wire.error import SerializationError
from tests.unit.fnq_wire import drawn
from tests.unit.fnq_wire.values import Anyone, Model, Pair, Point, Slotted

#: A value and the way to its culprit.
_Path: TypeAlias = tuple[Any, str]


class MyInt(int):
    """Be more than an int."""


@dataclass
class Stranger:
    """Be in no annotation."""

    x: int


class Unknown(enum.Enum):
    """Be in no annotation."""

    A = 1


def sample(x: Anyone, *rest: Any, word: Any = None, **more: Any) -> Anyone:
    """Take a value in each way."""


CODEC = Codec.of(sample)
#: What cannot travel, and what the error says of it.
REFUSED: tuple[tuple[Callable[[], Any], str], ...] = (
    (object, "a value of type object cannot travel"),
    (lambda: MyInt(1), "MyInt cannot travel, since it would come back as int"),
    (collections.OrderedDict, "collections.OrderedDict cannot travel"),
    (collections.deque, "collections.deque cannot travel"),
    (lambda: fractions.Fraction(1, 3), "fractions.Fraction cannot travel"),
    (lambda: memoryview(b""), "memoryview cannot travel"),
    (lambda: range(3), "range cannot travel"),
    (lambda: iter([1]), "list_iterator cannot travel"),
    (lambda: (each for each in "x"), "generator cannot travel"),
    (io.BytesIO, "_io.BytesIO cannot travel"),
    (lambda: Path("/"), "Path cannot travel"),
    (lambda: lambda: 1, "function cannot travel"),
    (lambda: math, "module cannot travel"),
    (lambda: int, "type cannot travel"),
    (lambda: ValueError("x"), "ValueError cannot travel"),
    (lambda: Stranger(1), "Stranger is in no annotation of the function"),
    (lambda: Unknown.A, "Unknown is in no annotation of the function"),
    (lambda: np.array([object()]), "holds Python objects"),
    (lambda: np.dtype("i4"), "cannot travel"),
    (pa.int64, "pyarrow.lib.DataType cannot travel"),
    (lambda: pa.scalar(1), "pyarrow.lib.Int64Scalar cannot travel"),
    (lambda: pl.DataFrame({"a": [1]}).lazy(), "LazyFrame cannot travel"),
    (lambda: pd.DataFrame({"a": [1]}).groupby("a"), "DataFrameGroupBy cannot travel"),
)
#: Containers for a value that cannot travel, by the step that leads to it.
HOLDERS: tuple[Callable[[_Path, list[Any]], _Path], ...] = (
    lambda path, others: ([*others, path[0]], f"[{len(others)}]{path[1]}"),
    lambda path, others: ([path[0], *others], f"[0]{path[1]}"),
    lambda path, others: ((*others, path[0], *others), f"[{len(others)}]{path[1]}"),
    lambda path, others: ({"a": others, "k": path[0]}, f'["k"]{path[1]}'),
    lambda path, others: ({7: path[0], "a": others}, f"[7]{path[1]}"),
    lambda path, others: (Point(others, path[0]), f".y{path[1]}"),
    lambda path, others: (Pair(path[0], others), f".left{path[1]}"),
    lambda path, others: (Slotted(1, path[0]), f".b{path[1]}"),
    lambda path, others: (Model.model_validate({"x": path[0], "n": 4}), f".x{path[1]}"),
)
#: Ways to pass a value, by what an error calls it.
PASSED: tuple[tuple[str, Callable[[Any], bytes]], ...] = (
    ('argument "x"', lambda value: CODEC.encode_arguments((value,), {})),
    ('argument "x"', lambda value: CODEC.encode_arguments((), {"x": value})),
    ('argument "rest"[1]', lambda value: CODEC.encode_arguments((1, 2, value), {})),
    ('argument "word"', lambda value: CODEC.encode_arguments((1,), {"word": value})),
    ('argument "more"["é"]', lambda value: CODEC.encode_arguments((1,), {"é": value})),
    ("result", CODEC.encode_result),
)
others = st.lists(drawn.anything(wraps=0), max_size=2)
holders = st.lists(st.tuples(st.sampled_from(HOLDERS), others), max_size=5)


def refused(value: Any, passed: Callable[[Any], bytes]) -> str:
    """Return what is said when a value is refused."""
    with pytest.raises(SerializationError) as caught:
        passed(value)
    assert isinstance(caught.value, TypeError)
    return str(caught.value)


@pytest.mark.timeout(180)
@settings(max_examples=5_000, database=None)
@given(st.sampled_from(REFUSED), holders, st.sampled_from(PASSED))
def test_a_value_that_cannot_travel_is_named_with_its_argument(
    culprit: tuple[Callable[[], Any], str],
    held: list[tuple[Callable[[_Path, list[Any]], _Path], list[Any]]],
    way: tuple[str, Callable[[Any], bytes]],
) -> None:
    """Argument, the way from there, the type; in whatever it lies, however it is passed."""
    path: _Path = (culprit[0](), "")
    for holder, beside in held:
        path = holder(path, beside)
    said = refused(path[0], way[1])
    assert said.startswith(f"sample() {way[0]}{path[1]}: ")
    assert culprit[1] in said


@pytest.mark.parametrize("culprit", REFUSED, ids=lambda culprit: culprit[1])
@pytest.mark.parametrize("way", PASSED, ids=lambda way: way[0])
def test_each_type_that_cannot_travel_is_refused_in_each_way(
    culprit: tuple[Callable[[], Any], str], way: tuple[str, Callable[[Any], bytes]]
) -> None:
    """As it is, and in a list."""
    for value, step in ((culprit[0](), ""), ([1, culprit[0]()], "[1]")):
        said = refused(value, way[1])
        assert said.startswith(f"sample() {way[0]}{step}: ")
        assert culprit[1] in said


def test_a_typed_argument_is_named_too() -> None:
    """Where the type is right and a part of the value is not."""

    def points(rows: list[Point]) -> None:
        """Take rows."""

    passed = functools.partial(Codec.of(points).encode_arguments, kwargs={})
    said = refused(([Point(1), Point(2, object())],), passed)
    assert 'points() argument "rows"[1].y: a value of type object' in said
