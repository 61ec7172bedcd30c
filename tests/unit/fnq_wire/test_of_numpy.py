"""Arrays and scalars of numpy come back as they were, writable."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fnq_wire import tagged
from fnq_wire.error import SerializationError
from fnq_wire.value import of_numpy

GRID = np.arange(24.0).reshape(2, 3, 4)
RECORD = np.dtype(
    [("n", "U5"), ("i", ">i4"), ("f", "f8", (2,)), ("in", [("a", "i1"), ("b", "i8")])]
)
ARRAYS = [
    GRID,
    np.asfortranarray(GRID),
    GRID[:, ::2, ::-1],
    GRID.transpose(1, 0, 2),
    np.array(3),
    np.zeros((0, 3)),
    np.zeros((2, 0, 3), order="F"),
    np.array(["a", "bcd", ""]),
    np.array([b"a\0b", b""]),
    np.array(["2020-01-01", "NaT"], "M8[D]"),
    np.array([1, 2], "m8[ns]"),
    np.arange(3, dtype=">u2"),
    np.array([np.nan, -0.0, np.inf], "f2"),
    np.array([1 + 2j], "c8"),
    np.array([True, False]),
    np.zeros(3, RECORD),
    np.zeros(3, np.dtype([("a", "i1"), ("b", "i8")], align=True)),
    np.empty(3, "V0"),
    np.array([b"abc"], "V3"),
    np.ones(2, np.longdouble),
]
SCALARS = [
    np.float64(1.5),
    np.float32("nan"),
    np.int8(-3),
    np.uint64(2**64 - 1),
    np.bool_(True),
    np.complex64(1j),
    np.datetime64("2020-01-01T00:00:00.000001"),
    np.timedelta64("NaT", "s"),
    np.longdouble(1) / 3,
    np.void(b"abc"),
    np.zeros(1, RECORD)[0],
]


def back(value: Any) -> Any:
    """Return the value as it arrives."""
    return tagged.decode(tagged.encode(value))


@pytest.mark.parametrize("value", ARRAYS, ids=str)
def test_an_array_keeps_dtype_shape_order_and_bits(value: np.ndarray[Any, Any]) -> None:
    """And it belongs to whoever gets it: it can be written to."""
    got = back(value)
    assert type(got) is np.ndarray
    assert (got.dtype, got.shape) == (value.dtype, value.shape)
    assert got.tobytes() == value.tobytes()
    assert got.flags.writeable
    assert got.flags.owndata
    assert got.flags.fnc == value.flags.fnc


@pytest.mark.parametrize("value", SCALARS, ids=str)
def test_a_scalar_keeps_type_and_bits(value: Any) -> None:
    """It is no Python number, and no array."""
    got = back(value)
    assert (type(got), got.dtype) == (type(value), value.dtype)
    assert got.tobytes() == value.tobytes()


@pytest.mark.parametrize("value", [np.str_("a\0"), np.str_(""), np.bytes_(b"\0"), np.bytes_(b"")])
def test_text_of_numpy_keeps_what_an_array_would_cut_off(value: Any) -> None:
    """Zeros at the end, and nothing at all."""
    assert (type(back(value)), back(value)) == (type(value), value)


def test_text_of_any_length_comes_back() -> None:
    """StringDType holds no memory of its own; one with a missing value is refused."""
    value = np.array([["x", "y" * 99]], np.dtypes.StringDType())
    got = back(value)
    assert (got.dtype, got.tolist()) == (value.dtype, value.tolist())
    with pytest.raises(SerializationError, match="pass a list"):
        tagged.encode(np.array(["x", None], np.dtypes.StringDType(na_object=None)))


@pytest.mark.parametrize(
    "value", [np.array([object()]), np.zeros(1, [("a", "O")])], ids=["objects", "fields"]
)
def test_objects_in_an_array_are_refused(value: Any) -> None:
    """The error names the dtype and the remedy."""
    with pytest.raises(SerializationError, match="holds Python objects; pass a list"):
        tagged.encode({"x": value})


def test_an_array_arrives_with_one_copy() -> None:
    """Its bytes lie in the message as they lie in memory, at a multiple of eight."""
    data = tagged.encode(["x", np.arange(1_000)])
    assert data.find(np.arange(1_000).tobytes()) % 8 == 0


@pytest.mark.parametrize(
    "parts",
    [
        ("array", "<i8", "C", (3,), memoryview(bytes(8))),
        ("array", "<i8", "C", (-1,), memoryview(bytes(8))),
        ("array", "<i8", "C", (2**40, 2**40), memoryview(b"")),
        ("array", "<i8", "Z", (1,), memoryview(bytes(8))),
        ("array", "|O", "C", (1,), memoryview(bytes(8))),
        ("array", [("a", "O")], "C", (1,), memoryview(bytes(8))),
        ("array", "<U1", "C", (1,), memoryview(b"\xff\xff\xff\xff")),
        ("array", "<q1", "C", (1,), memoryview(bytes(8))),
        ("array", 3, "C", (1,), memoryview(bytes(8))),
        ("scalar", "<i8", memoryview(bytes(3))),
        ("text", (3,), ["a"]),
        ("none", "x"),
        (),
    ],
    ids=range(13),
)
def test_parts_that_do_not_fit_are_refused(parts: Any) -> None:
    """Before anything is allocated for them."""
    with pytest.raises((ValueError, TypeError, KeyError, AttributeError)):
        of_numpy.put_together(parts)
