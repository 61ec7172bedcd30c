"""The tagged form: every value comes back, and nothing else is read."""

from __future__ import annotations

import collections
import datetime
import enum
import io
import math
import random
import struct
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pytest

from fnq_wire import tagged
from fnq_wire.classes import Classes
from fnq_wire.error import SerializationError
from tests.unit.fnq_wire import values

KNOWN = Classes(values.CLASSES)


class MyInt(int):
    """Be more than an int."""


class Extra(NamedTuple("Extra", [("a", int)])):  # noqa: SLOT002 - its values are to have a dict
    """Be a NamedTuple whose values can have attributes."""


def back(value: Any) -> Any:
    """Return the value as it arrives."""
    return tagged.decode(tagged.encode(value, KNOWN), KNOWN)


def refused(value: Any) -> str:
    """Return what is said when the value is refused."""
    with pytest.raises(SerializationError) as caught:
        tagged.encode(value, KNOWN)
    return str(caught.value)


def test_ragged_structures_keep_their_shape() -> None:
    """No key is added, no list is squared, no None is put in."""
    value = [{"a": 1}, {"b": 2}, {}, [[1], [], [2, [3]]], [1, "x", None, 2.0]]
    assert back(value) == value
    assert [list(each) for each in back(value)[:3]] == [["a"], ["b"], []]


@pytest.mark.parametrize("bits", [0x7FF0000000000001, 0xFFF8000000000123, 0x8000000000000000])
def test_every_bit_of_a_float_is_kept(bits: int) -> None:
    """Signalling and negative NaNs and -0.0 arrive as they are, alone and in lists."""
    value = struct.unpack("<d", struct.pack("<Q", bits))[0]
    for got in (back(value), back([value] * 9)[8]):
        assert struct.pack("<d", got) == struct.pack("<Q", bits)


def test_a_list_of_numbers_takes_their_own_size() -> None:
    """Eight bytes a number, and no list of bools is taken for one."""
    assert len(tagged.encode([0.5] * 1_000)) < 8_020
    assert back([True, False] * 8) == [True, False] * 8
    assert {type(each) for each in back([True, 1] * 8)} == {bool, int}
    assert back([2**63] * 8 + [1]) == [2**63] * 8 + [1]


def test_keys_and_fields_are_written_once() -> None:
    """A thousand dicts of the same keys hardly take more than their values."""
    rows = [{"a_long_name_of_a_key": at % 50} for at in range(1_000)]
    assert len(tagged.encode(rows)) < 6_000
    points = [values.Point(at % 50) for at in range(1_000)]
    assert len(tagged.encode(points, KNOWN)) < 6_000
    assert back(points) == points


def test_attributes_beside_the_fields_travel_too() -> None:
    """What a method has set on a dataclass is not lost."""
    point = values.Point(1)
    point.noted = "later"  # type: ignore[attr-defined]
    assert back(point).noted == "later"


def test_post_init_does_not_run_again() -> None:
    """A field that the class has made arrives as it was, not made anew."""
    point = values.Point(1)
    point.made = 99
    assert back(point) == point


def test_a_model_knows_which_fields_were_set() -> None:
    """Extra and private attributes, and what was set, come back."""
    model = values.Model.model_validate({"x": [1], "n": 4, "more": {"k": 1}})
    model._secret = 8
    got = back(model)
    assert got == model
    assert (got._secret, got.model_fields_set, got.model_extra) == (
        8,
        {"x", "number", "more"},
        {"more": {"k": 1}},
    )


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (MyInt(1), "MyInt cannot travel, since it would come back as int; pass int(x)"),
        (
            collections.OrderedDict(),
            "collections.OrderedDict cannot travel, since it would come back as dict",
        ),
        (collections.deque(), "pass list(x)"),
        (memoryview(b""), "pass bytes(x)"),
        (io.BytesIO(), "pass x.getvalue()"),
        (Path("/"), "pass str(x)"),
        (range(3), "pass a list"),
        ((each for each in "x"), "pass a list"),
        (len, "builtin_function_or_method cannot travel"),
        (object(), "a value of type object cannot travel; pass builtin values"),
        (math, "a value of type module cannot travel"),
        (int, "a value of type type cannot travel"),
        (ValueError("x"), "a value of type ValueError cannot travel"),
        (pa.int64(), "pyarrow.lib.DataType cannot travel"),
        (np.dtype("i4"), "cannot travel"),
        (np.ma.masked_array([1], [True]), "pass x.data and x.mask, or x.filled(value)"),
        (np.zeros(1, [("a", int)]).view(np.recarray), "pass a plain numpy.ndarray"),
    ],
)
def test_a_value_that_cannot_travel_is_refused_by_type(value: Any, said: str) -> None:
    """The error names the type and what to pass instead."""
    assert said in refused(value)


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"x": [1, {2}, {"a": object()}]}, 'value["x"][2]["a"]: '),
        ([0, (1, [object()])], "value[1][1][0]: "),
        ({(1, 2): object()}, "value[tuple]: "),
        ({1: {True: {None: object()}}}, "value[1][True][NoneType]: "),
        ({'a "quoted" key': object()}, 'value["a \\"quoted\\" key"]: '),
        (values.Point([object()]), "value.x[0]: "),
        (values.Pair(1, object()), "value.right: "),
        (values.Model(x={"k": object()}), 'value.x["k"]: '),
        ({object(): 1}, "value[object]: "),
    ],
)
def test_a_refusal_says_where_the_value_lies(value: Any, path: str) -> None:
    """The way from the whole value to its culprit stands before the reason."""
    assert refused(value).startswith(path)


def test_a_class_outside_of_the_annotations_is_refused() -> None:
    """The error names the class and says to annotate it."""

    class Loose(enum.Enum):
        A = 1

    assert "Loose is in no annotation of the function" in refused([Loose.A])


def test_an_attribute_on_a_named_tuple_is_refused() -> None:
    """It would be lost, since a NamedTuple is its fields."""
    extra = Extra(1)
    extra.note = "x"  # type: ignore[attr-defined]
    with pytest.raises(SerializationError, match=r"attributes beside its fields: \['note'\]"):
        tagged.encode(extra, Classes([Extra]))


def test_a_dataclass_that_is_a_builtin_is_refused() -> None:
    """Its fields are not all there is to it."""
    assert "cannot travel" in refused(type("Sum", (values.Point, list), {})(1))


def test_a_field_without_a_value_is_refused() -> None:
    """A deleted field is named."""
    point = values.Point(1)
    del point.x
    assert "has a field without a value" in refused(point)


def test_a_value_too_deep_is_refused() -> None:
    """Two hundred levels travel, one more is an error that says the limit."""
    value: list[Any] = []
    for _ in range(199):
        value = [value]
    assert back(value) == value
    assert "nested deeper than 200 levels" in refused([value])


def test_a_value_is_refused_where_the_stack_is_used_up() -> None:
    """A hundred thousand levels, or a stack with no room left, give the same error."""
    endless: list[Any] = []
    for _ in range(100_000):
        endless = [endless]
    assert "nested deeper" in refused(endless)
    deep: list[Any] = []
    for _ in range(150):
        deep = [deep]

    def descend() -> str:
        try:
            return descend()
        except RecursionError:
            return refused(deep)

    assert "nested deeper" in descend()


def test_a_value_that_contains_itself_is_refused() -> None:
    """Through lists, dicts and objects alike, and it is not taken for a deep one."""
    chain: list[Any] = [1]
    chain.append({"k": chain})
    point = values.Point(None)
    point.x = [point]
    for value in (chain, point):
        assert "contains itself" in refused(value)


def test_a_value_that_is_shared_is_no_cycle() -> None:
    """The same list twice arrives as two equal ones."""
    shared: list[Any] = [1]
    assert back([shared, shared]) == [[1], [1]]


def test_lone_surrogates_are_kept() -> None:
    """As a value, as a key and as a field."""
    value = {"\ud800": "a\udfff", "plain": values.Point("\udc80")}
    assert back(value) == value


@pytest.mark.parametrize("seed", range(40))
def test_corrupt_bytes_never_do_harm(seed: int) -> None:
    """Whatever is flipped or cut off, there is a value or a SerializationError."""
    rng = random.Random(seed)
    whole = tagged.encode(_a_bit_of_everything(), KNOWN)
    for _ in range(100):
        data = bytearray(whole)
        for _ in range(rng.choice((1, 1, 2, 8))):
            data[rng.randrange(len(data))] = rng.randrange(256)
        if rng.random() < 0.3:
            del data[rng.randrange(len(data)) :]
        try:
            tagged.decode(bytes(data), KNOWN)
        except SerializationError:
            continue


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x7f",
        b"\x0b\xff\xff\xff\xff\x0f",
        b"\x07\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x0b\x01" * 100_000,
        b"\x13\x05",
        b"\x90\x90",
        b"\x0d\x01\x0b\x00",
        b"\x14\xff\xff\xff\xff" + bytes(9),
        b"\x1d\x12\x05Ghost\x00",
    ],
)
def test_bytes_that_hold_no_value_are_refused(data: bytes) -> None:
    """Counts beyond the end, endless nesting, unknown tags, names and classes."""
    with pytest.raises(SerializationError):
        tagged.decode(data, KNOWN)


def test_a_zone_that_is_not_here_says_what_to_install() -> None:
    """The error names the zone and the remedy."""
    data = tagged.encode(datetime.datetime(2026, 1, 1, tzinfo=values.BERLIN))
    with pytest.raises(
        SerializationError, match="'Europe/Nowhere' is not known here; install tzdata"
    ):
        tagged.decode(data.replace(b"\x0dEurope/Berlin", b"\x0eEurope/Nowhere"))


def _a_bit_of_everything() -> list[Any]:
    moment = datetime.datetime(2026, 11, 24, 12, tzinfo=values.BERLIN)
    small = [1, -5, 2**70, 0.5, 1j, "text", b"bytes", bytearray(b"x"), None, True, moment]
    mine = [values.Point(1), values.Pair(2), values.Color.RED, values.Named(name="n")]
    data = {"k": 1, 2: ("k",)}, {1, 2}, frozenset("ab"), [1.5] * 9
    arrays = np.arange(6).reshape(2, 3), np.array(["a", "bc"]), np.float32(1)
    table = pa.table({"a": [1, None]})
    return [*small, *mine, *data, *arrays, table, moment.timetz(), moment.date(), moment - moment]
