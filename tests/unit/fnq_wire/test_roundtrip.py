"""Whatever travels comes back equal and of the same types, however it is encoded."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fnq_wire import tagged
from fnq_wire.arrow import Codec
from fnq_wire.classes import Classes
from tests.unit.fnq_wire import drawn, typed, values
from tests.unit.fnq_wire.canon import canon
from tests.unit.fnq_wire.census import INSIDE, KEYS, SHAPES, Census

KNOWN = Classes(values.CLASSES)
#: Examples of each form; where there is a run for each type, they share them.
EXAMPLES = 5_000
#: What strategies make is large on purpose, and nothing is kept between runs.
MANY = functools.partial(settings, database=None, suppress_health_check=list(HealthCheck))


def back(value: Any) -> Any:
    """Return the value as it arrives in the tagged form."""
    return tagged.decode(tagged.encode(value, KNOWN), KNOWN)


def function_of(annotations: dict[str, Any]) -> Callable[..., Any]:
    """Return a function with these parameters, by name."""

    def function(**given: Any) -> Any:
        return given

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    function.__annotations__ = annotations | {"return": annotations["alone"]}
    function.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(name, kind) for name in annotations]
    )
    return function


def whole(
    a: values.Anyone, b: Any = 1, /, c: Any = 2, *rest: Any, d: Any = 3, **more: Any
) -> values.Anyone:
    """Have a parameter of each kind."""
    return a, b, c, rest, d, more


@pytest.mark.timeout(180)
def test_every_value_comes_back_as_it_was() -> None:
    """Tagged, in arguments however they are passed, and as a result; all types are met."""
    codec, census = Codec.of(whole), Census()
    others = st.lists(drawn.anything(wraps=0), max_size=3)
    names = st.sampled_from(["", "c", "d", "a", "b", "else", "\u00e9"])

    @MANY(max_examples=EXAMPLES)
    @given(drawn.anything(), others, names)
    def comes_back(value: Any, others: list[Any], name: str) -> None:
        census.note(value)
        assert canon(back(value)) == canon(value)
        assert canon(codec.decode_result(codec.encode_result(value))) == canon(value)
        args = (*others, value)
        kwargs = {name: value} if name and (name != "c" or len(args) < 3) else {}
        got_args, got_kwargs = codec.decode_arguments(codec.encode_arguments(args, kwargs))
        assert canon(whole(*got_args, **got_kwargs)) == canon(whole(*args, **kwargs))

    comes_back()
    assert drawn.KINDS.keys() <= census.kinds
    assert census.places() >= {*INSIDE, *KEYS}
    assert census.shapes == set(SHAPES)


@pytest.mark.parametrize("kind", drawn.KINDS)
def test_a_value_of_each_type_comes_back_from_every_place(kind: str) -> None:
    """Alone, in each container, as an attribute, and as a key where it can be one."""
    census = Census()

    @MANY(max_examples=25)
    @given(drawn.KINDS[kind])
    def comes_back(value: Any) -> None:
        for one in (value, *drawn.placed(value)):
            census.note(one)
            assert canon(back(one)) == canon(one)

    comes_back()
    keys = KEYS if kind in drawn.HASHABLE else ()
    assert census.places(kind) >= {*INSIDE, *keys}


@pytest.mark.parametrize("one", typed.EXACT, ids=str)
def test_a_value_of_its_annotation_has_a_typed_column(one: Any) -> None:
    """In each place it comes back as it was, and no column of it is a tagged one."""
    can_be_key = one not in (values.Slotted, values.Reading)
    codec = Codec.of(function_of(typed.hints(one, key=can_be_key)))
    assert all(parameter.type != "any" for parameter in codec.parameters)

    @MANY(max_examples=EXAMPLES // len(typed.EXACT) + 1)
    @given(st.lists(typed.EXACT[one], min_size=1, max_size=3), st.booleans())
    def comes_back(ones: list[Any], void: bool) -> None:
        arguments = typed.forms(ones, void=void)
        payload = codec.encode_arguments((), arguments)
        assert canon(codec.decode_arguments(payload)[0]) == canon(tuple(arguments.values()))
        table = pa.ipc.open_stream(payload).read_all()
        table.validate(full=True)
        assert table.schema.names == [*arguments]
        assert b"fnq.value" not in payload
        assert canon(codec.decode_result(codec.encode_result(ones[0]))) == canon(ones[0])

    comes_back()


@pytest.mark.parametrize("one", typed.NEARLY, ids=str)
def test_a_value_that_its_column_would_change_comes_back_too(one: Any) -> None:
    """A larger int, a bool for an int, a time in a zone: its column is tagged then."""
    can_be_key = one is not values.Slotted
    codec = Codec.of(function_of(typed.hints(one, key=can_be_key)))

    @MANY(max_examples=100)
    @given(st.lists(typed.NEARLY[one], min_size=1, max_size=3), st.booleans())
    def comes_back(ones: list[Any], void: bool) -> None:
        arguments = typed.forms(ones, void=void)
        payload = codec.encode_arguments((), arguments)
        assert canon(codec.decode_arguments(payload)[0]) == canon(tuple(arguments.values()))
        assert canon(codec.decode_result(codec.encode_result(ones[0]))) == canon(ones[0])

    comes_back()
