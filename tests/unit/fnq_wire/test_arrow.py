"""Payloads: any reader of Arrow opens them, and they come back as they were sent."""

from __future__ import annotations

import datetime
import decimal
import functools
import inspect
import random
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
import pytest

from fnq_wire.arrow import Codec
from fnq_wire.error import SerializationError
from tests.unit.fnq_wire import values
from tests.unit.fnq_wire.canon import canon
from tests.unit.fnq_wire.values import Color, Pair, Point, Slotted

if TYPE_CHECKING:
    Unknown = int


def add(x: int, y: int) -> int:
    """Be the function of the documentation."""
    return x + y


def opened(payload: bytes) -> Any:
    """Return the payload as pyarrow reads it, checked."""
    table = pa.ipc.open_stream(payload).read_all()
    table.validate(full=True)
    return table


@functools.cache
def codec_for(annotation: Any) -> Codec:
    """Return the codec of a function with one parameter and a return so annotated."""

    def function(x: Any) -> Any:
        return x

    function.__annotations__ = {"x": annotation, "return": annotation}
    return Codec.of(function)


@pytest.mark.parametrize(
    ("annotation", "value", "arrow"),
    [
        (int, 2**63 - 1, pa.int64()),
        (float, 0.5, pa.float64()),
        (str | None, None, pa.string()),
        (list[str], ["a"], pa.list_(pa.field("item", pa.string(), nullable=False))),
        (datetime.timedelta, datetime.timedelta(1), pa.duration("us")),
        (uuid.UUID, uuid.UUID(int=1), pa.uuid()),
        (int, 2**63, pa.large_binary()),
        (int, True, pa.large_binary()),
        (float, 1, pa.large_binary()),
        (str, "\ud800", pa.large_binary()),
        (list[int], [True], pa.large_binary()),
        (datetime.datetime, datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC), pa.large_binary()),
        (datetime.timedelta, datetime.timedelta.max, pa.large_binary()),
        (Point, Point(1), pa.large_binary()),
        (int | str, 1, pa.large_binary()),
    ],
)
def test_a_column_is_typed_where_the_value_is_exactly_so(
    annotation: Any, value: Any, arrow: Any
) -> None:
    """Anything else is tagged, and comes back as it was."""
    payload = codec_for(annotation).encode_arguments((value,), {})
    assert opened(payload).schema.field("x").type == arrow
    assert canon(codec_for(annotation).decode_arguments(payload)[0]) == canon((value,))


def test_an_attribute_of_a_dataclass_is_not_lost_in_a_typed_column() -> None:
    """An object with more than its fields travels tagged."""

    class Loose(Slotted):
        pass

    codec = codec_for(list[Loose])
    one = Loose(1)
    one.note = "x"  # type: ignore[attr-defined]
    got = codec.decode_result(codec.encode_result([one]))
    assert (got, got[0].note) == ([one], "x")


def many(a: int, b: str = "b", /, c: float = 1.0, *rest: int, d: bool = True, **more: str) -> None:
    """Have a parameter of each kind."""


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        ((1,), {}),
        ((1, "x", 2.5), {}),
        ((1, "x", 2.5, 4, 5), {"d": False, "e": "f", "a": "more"}),
        ((1,), {"c": 2.0, "z": "z"}),
        ((1,), {"d": False}),
    ],
)
def test_arguments_arrive_as_they_were_passed(
    args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """By position where they can be, and defaults are left to the function."""
    codec = Codec.of(many)
    payload = codec.encode_arguments(args, kwargs)
    assert len(opened(payload)) == 1
    got_args, got_kwargs = codec.decode_arguments(payload)
    whole = {"a": 1, "b": "b", "c": 1.0, "d": True}
    assert whole | _named(got_args, got_kwargs) == whole | _named(args, kwargs)


def _named(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    return dict(inspect.signature(many).bind(*args, **kwargs).arguments)


def test_a_call_without_arguments_is_a_payload_too() -> None:
    """It has no column, and nothing is passed on."""

    def nothing() -> None:
        return None

    codec = Codec.of(nothing)
    payload = codec.encode_arguments((), {})
    assert opened(payload).num_columns == 0
    assert codec.decode_arguments(payload) == ((), {})
    assert codec.decode_result(codec.encode_result(None)) is None


def test_parameters_and_return_are_shown_as_arrow() -> None:
    """Types are Arrow's own words, "any" where there is none."""

    def function(a: int, b: list[str], c, *d: float, e: Unknown = 1, **f: bool) -> dict[str, int]:  # type: ignore[no-untyped-def]
        return {}

    codec = Codec.of(function)
    assert [(it.name, it.kind, it.required, it.type) for it in codec.parameters] == [
        ("a", "either", True, "int64"),
        ("b", "either", True, "list<string>"),
        ("c", "either", True, "any"),
        ("d", "var_positional", False, "list<double>"),
        ("e", "keyword", False, "any"),
        ("f", "var_keyword", False, "map<string, bool>"),
    ]
    assert codec.returns == "map<string, int64>"


def test_the_return_of_a_generator_is_its_chunk() -> None:
    """Sync, async and without arguments."""

    def sync() -> Iterator[int]:
        yield 1

    async def asynchronous() -> AsyncIterator[list[str]]:
        yield []

    def bare():  # type: ignore[no-untyped-def]
        yield 1

    functions: list[Callable[..., Any]] = [sync, asynchronous, bare]
    assert [Codec.of(each).returns for each in functions] == ["int64", "list<string>", "any"]


@pytest.mark.parametrize(
    ("annotation", "value", "said"),
    [
        (int, "3", 'function() argument "x": expected int, got str'),
        (list[int], [1, "2"], 'argument "x"[1]: expected int, got str'),
        (dict[str, list[int]], {"a": [1.5]}, 'argument "x"["a"][0]: expected int, got float'),
        (dict[str, Any], [], 'argument "x": expected dict[str, Any], got list'),
        (int | None, "x", 'argument "x": expected int | None, got str'),
        (Literal["a", "b"], "c", "argument \"x\": expected 'a' or 'b', got 'c'"),
        (Color, 1, "expected tests.unit.fnq_wire.values.Color, got int"),
        (tuple[int, str], (1,), "expected a tuple of 2, got one of 1"),
    ],
)
def test_a_wrong_argument_is_a_type_error_that_names_it(
    annotation: Any, value: Any, said: str
) -> None:
    """It says the argument, the place in it, what was expected and what came."""
    with pytest.raises(TypeError) as caught:
        codec_for(annotation).encode_arguments((value,), {})
    assert said in str(caught.value)
    assert not isinstance(caught.value, SerializationError)


def test_a_result_is_not_held_against_its_annotation() -> None:
    """What the function returned is what the caller gets."""
    codec = codec_for(int)
    assert codec.decode_result(codec.encode_result("text")) == "text"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (
            [{"a": [object()]}],
            'function() argument "x"[0]["a"][0]: a value of type object cannot travel',
        ),
        (values.Pair(1), "values.Pair is in no annotation of the function"),
        (np.array([object()]), "holds Python objects; pass a list"),
    ],
)
def test_an_unsendable_argument_is_named(value: Any, said: str) -> None:
    """The error is a TypeError, says where the value lies and what to do."""
    with pytest.raises(SerializationError) as caught:
        codec_for(Any).encode_arguments((value,), {})
    assert said in str(caught.value)
    assert isinstance(caught.value, TypeError)
    assert caught.value.function == "codec_for.<locals>.function"


def test_an_unsendable_result_is_a_runtime_error_too() -> None:
    """A caller may catch whatever a call ends with by one name."""
    with pytest.raises(RuntimeError, match=r"result\[1\]: a value of type object cannot travel"):
        codec_for(Any).encode_result([1, object()])


def test_a_codec_by_name_sends_objects_and_says_why_it_cannot_read_them() -> None:
    """Without annotations the other end decides what is known."""
    named = Codec.of_parameters([("x", "either", True)], "scale")
    typed = codec_for(list[Pair] | Pair | Color)
    for value in (Pair(1, [2]), Color.RED, [Pair(3)]):
        payload = named.encode_arguments((value,), {})
        assert canon(typed.decode_arguments(payload)[0]) == canon((value,))
    with pytest.raises(SerializationError, match="called by name has no annotations here"):
        named.decode_result(typed.encode_result(Pair(1)))


def test_the_size_of_each_argument_can_be_told() -> None:
    """So that an error can name the one that is too large."""
    codec = Codec.of(many)
    sizes = codec.sizes(codec.encode_arguments((1, "x" * 1_000), {"k": "y"}))
    assert sizes["a"] == 8
    assert 1_000 <= sizes["b"] < 1_020
    assert 1 < sizes["more"] < 100


@pytest.mark.parametrize("size", [4_095, 4_096, 1_000_000])
def test_large_values_come_back_whole(size: int) -> None:
    """Bytes, text and arrays that are not copied on their way into the payload."""
    value: list[Any] = [
        bytes(size),
        "é" * size,
        bytearray(size),
        np.arange(size),
        {"k": b"x" * size},
    ]
    codec = codec_for(Any)
    got = codec.decode_result(codec.encode_result(value))
    assert canon(got) == canon(value)
    got[4][0] = 7


def test_a_payload_of_another_writer_is_read() -> None:
    """What pyarrow itself writes of the same columns."""
    codec = Codec.of(add)
    sink = pa.BufferOutputStream()
    table = opened(codec.encode_arguments((3, 5), {}))
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    assert codec.decode_arguments(sink.getvalue().to_pybytes()) == ((3, 5), {})


def test_a_payload_for_another_function_is_refused() -> None:
    """Unknown and missing arguments, and a result in place of arguments."""

    def other(x: int, z: int) -> int:
        return x

    codec = Codec.of(add)
    for payload in (Codec.of(other).encode_arguments((1, 2), {}), codec.encode_result(1)):
        with pytest.raises(SerializationError, match=r"the arguments of add\(\) cannot be read"):
            codec.decode_arguments(payload)
    with pytest.raises(SerializationError, match=r"the result of add\(\) cannot be read"):
        codec.decode_result(codec.encode_arguments((1, 2), {}))


@pytest.mark.parametrize("seed", range(30))
def test_a_corrupt_payload_never_does_harm(seed: int) -> None:
    """Whatever is flipped or cut off, there are arguments or a SerializationError."""
    rng = random.Random(seed)
    codec = codec_for(dict[str, tuple[Color | None, list[Slotted]] | None])
    value: dict[str, Any] = {"a": (Color.RED, [Slotted(1, "x")] * 3), "b": None, "c": (None, [])}
    whole = rng.choice((codec.encode_result(value), codec.encode_result([value, 2, "x"])))
    for _ in range(100):
        data = bytearray(whole)
        for _ in range(rng.choice((1, 1, 2, 8))):
            data[rng.randrange(len(data))] = rng.choice(
                (0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256))
            )
        if rng.random() < 0.2:
            del data[rng.randrange(len(data)) :]
        try:
            codec.decode_result(bytes(data))
        except SerializationError:
            continue


def test_layouts_are_not_remembered_without_end() -> None:
    """A peer that sends a thousand schemas does not fill the memory."""
    codec = Codec.of_parameters([(f"p{at}", "keyword", False) for at in range(600)])
    for at in range(600):
        payload = codec.encode_arguments((), {f"p{at}": decimal.Decimal(at)})
        assert codec.decode_arguments(payload) == ((), {f"p{at}": decimal.Decimal(at)})
    assert len(codec._layouts) <= 256
    assert len(codec._plans) <= 256
