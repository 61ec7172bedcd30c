"""Values over the inline threshold: each comes back exactly, and is its receiver's to change."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

import chalkcompute

#: Elements of the arrays: over the threshold in every dtype but the narrowest.
COUNT = 400_000


@chalkcompute.function
def same(value: Any) -> Any:
    """Return the value."""
    return value


@chalkcompute.function
def wipe(values: np.ndarray) -> np.ndarray:
    """Write into what came, and return it."""
    values[...] = 0
    return values


@chalkcompute.function
def relay(value: Any) -> Any:
    """Have another function return the value, and change what came back before passing it on."""
    got = same(value)
    got[0] += 1
    return got


@chalkcompute.function
def portions(values: np.ndarray, count: int) -> Iterator[np.ndarray]:
    """Yield the array so many times."""
    for number in range(count):
        yield values + number


def arrays() -> Iterator[np.ndarray]:
    """Yield an array of each dtype, and of each way to lie in memory."""
    numbers = np.random.default_rng(7).integers(0, 100, COUNT)
    for code in "?bBhHiIlLqQefdgFDG":
        yield numbers.astype(code)
    for name in ("S5", "U3", "M8[us]", "m8[s]", ">f8", "V3"):
        yield numbers.astype("S3").astype("V3") if name == "V3" else numbers.astype(name)
    yield np.array([(1, 2.5)] * COUNT, dtype=[("a", "i4"), ("b", "f8")])
    square = numbers[: 600 * 600].reshape(600, 600).astype(np.float64)
    yield from (square, square.T, square[::2], square[:, ::3], np.asfortranarray(square))


def check_arrays() -> None:
    """Send each alone, and all that are no array of their own size beside a large one."""
    for array in arrays():
        got = same(array)
        assert (got.dtype, got.shape) == (array.dtype, array.shape), array.dtype
        assert got.tobytes() == array.tobytes(), array.dtype
        assert got.flags.writeable, array.dtype
        assert got.flags.aligned, array.dtype
    large = np.arange(COUNT)
    got = same([large, np.array(3.5), np.empty((0, 4)), np.float32(1.5), {"n": large[:5]}])
    assert [each.shape for each in got[:3]] == [(COUNT,), (), (0, 4)]
    assert (got[1], got[3], got[4]["n"].tolist()) == (3.5, 1.5, [0, 1, 2, 3, 4])


def check_others() -> None:
    """Send large values that are no arrays."""
    table = pa.table({"x": np.random.default_rng(1).random(COUNT), "y": ["text"] * COUNT})
    for value in (
        table,
        table.to_batches()[0],
        os.urandom(1 << 20),
        bytearray(os.urandom(1 << 20)),
        [number / 7 for number in range(COUNT)],
        "ü" * (1 << 20),
        list(range(COUNT)),
    ):
        got = same(value)
        assert type(got) is type(value)
        assert got == value
    frame = table.to_pandas()
    pd.testing.assert_frame_equal(same(frame), frame)


check_arrays()
print("arrays")
check_others()
print("others")
mine = np.arange(COUNT)
assert not wipe(mine).any()
assert (mine == np.arange(COUNT)).all()
theirs = relay(mine)
assert theirs[0] == 1
theirs[1] = -1
assert (mine == np.arange(COUNT)).all()
print("writable")
chunks = list(portions(mine, 5))
assert [int(chunk[0]) for chunk in chunks] == [0, 1, 2, 3, 4]
print("chunks")
