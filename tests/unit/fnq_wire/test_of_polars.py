"""Frames and series of polars come back as they were."""

from __future__ import annotations

import datetime
import random
from typing import Any

import polars as pl
import pytest

from fnq_wire import tagged
from fnq_wire.error import SerializationError

MOMENT = datetime.datetime(2020, 1, 1)  # noqa: DTZ001 - the dtype has the zone

FRAME = pl.DataFrame(
    {
        "numbers": pl.Series([1, None, 3], dtype=pl.Int8),
        "floats": [1.5, float("nan"), None],
        "text": ["a", None, "ü"],
        "category": pl.Series(["a", "b", None], dtype=pl.Categorical),
        "enum": pl.Series(["x", "y", "x"], dtype=pl.Enum(["x", "y", "z"])),
        "decimal": pl.Series(["1.10", None, "3"]).cast(pl.Decimal(10, 2)),
        "nothing": [None, None, None],
        "time": [datetime.time(1, 2, 3, 4)] * 3,
        "moment": pl.Series([MOMENT] * 3, dtype=pl.Datetime("ns", "Europe/Berlin")),
        "span": [datetime.timedelta(1)] * 3,
        "struct": [{"a": 1, "b": [1, 2]}, None, {"a": None, "b": []}],
        "array": pl.Series([[1, 2], [3, 4], None], dtype=pl.Array(pl.Int8, 2)),
        "bytes": [b"x", b"", None],
    }
)


def back(value: Any) -> Any:
    """Return the value as it arrives."""
    return tagged.decode(tagged.encode(value))


@pytest.mark.parametrize(
    "frame",
    [FRAME, FRAME.head(0), FRAME[::2], pl.concat([FRAME, FRAME], rechunk=False), pl.DataFrame()],
    ids=lambda frame: str(frame.shape),
)
def test_a_frame_keeps_its_schema_and_values(frame: pl.DataFrame) -> None:
    """Every dtype of polars' own, empty, sliced and in chunks."""
    got = back(frame)
    assert type(got) is pl.DataFrame
    assert got.schema == frame.schema
    assert got.equals(frame)


@pytest.mark.parametrize("name", FRAME.columns)
def test_a_series_keeps_name_dtype_and_values(name: str) -> None:
    """Alone, as in a frame."""
    got = back(FRAME[name])
    assert type(got) is pl.Series
    assert (got.name, got.dtype) == (name, FRAME[name].dtype)
    assert got.equals(FRAME[name])


@pytest.mark.parametrize(
    "value",
    [
        pl.DataFrame({"a": [object()]}),
        pl.Series("a", [[1]], dtype=pl.List(pl.Int128)),
        pl.Series("a", [{"b": 1}], dtype=pl.Struct({"b": pl.Int128})),
    ],
    ids=["object", "list", "struct"],
)
def test_a_dtype_that_cannot_travel_is_named(value: Any) -> None:
    """With its column, also where it is nested in another one."""
    with pytest.raises(
        SerializationError, match=r"column 'a' has dtype .*, which cannot travel; cast it"
    ):
        tagged.encode(value)


def test_a_lazy_frame_is_refused() -> None:
    """The error says to collect it."""
    with pytest.raises(SerializationError, match=r"pass x\.collect\(\)"):
        tagged.encode(FRAME.lazy())


@pytest.mark.parametrize("seed", range(10))
def test_a_corrupt_frame_never_does_harm(seed: int) -> None:
    """Whatever is flipped, there is a value or a SerializationError."""
    rng = random.Random(seed)
    whole = tagged.encode(FRAME)
    for _ in range(60):
        data = bytearray(whole)
        for _ in range(rng.choice((1, 2, 8))):
            data[rng.randrange(len(data))] = rng.choice((0, 0x7F, 0xFF, rng.randrange(256)))
        try:
            tagged.decode(bytes(data))
        except SerializationError:
            continue
