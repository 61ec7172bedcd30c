"""Arguments meet parameters as they do in Python, and fail in its words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fnq_wire.signature import ParameterInfo, Signature

_Got = dict[str, Any]


def none() -> _Got:
    """Take nothing."""
    return {}


def one(a: Any) -> _Got:
    """Take one argument."""
    return {"a": a}


def several(a: Any, b: Any, c: Any = 3) -> _Got:
    """Take two and more."""
    return {"a": a, "b": b, "c": c}


def optional(a: Any = 1) -> _Got:
    """Take one or none."""
    return {"a": a}


def places(a: Any, b: Any = 2, /, c: Any = 3) -> _Got:
    """Take two by position only."""
    return {"a": a, "b": b, "c": c}


def words(a: Any, *, b: Any, c: Any = 3, z: Any) -> _Got:
    """Take three by name only."""
    return {"a": a, "b": b, "c": c, "z": z}


def rest(a: Any, *rest: Any, b: Any = 2) -> _Got:
    """Take any number by position."""
    return {"a": a, "rest": rest, "b": b}


def more(a: Any, /, b: Any = 2, **more: Any) -> _Got:
    """Take any by name."""
    return {"a": a, "b": b, "more": more}


def everything(a: Any, /, b: Any = 2, *rest: Any, c: Any, **more: Any) -> _Got:
    """Take whatever comes."""
    return {"a": a, "b": b, "rest": rest, "c": c, "more": more}


FUNCTIONS = [none, one, several, optional, places, words, rest, more, everything]
ARGUMENTS = st.lists(st.integers(0, 9), max_size=5).map(tuple)
NAMES = st.dictionaries(st.sampled_from("abcz"), st.integers(10, 19), max_size=4)


@settings(max_examples=2_000)
@given(st.sampled_from(FUNCTIONS), ARGUMENTS, NAMES)
def test_a_call_is_bound_as_python_binds_it(
    function: Callable[..., _Got], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """The function gets what it would have got, or the same error is raised."""
    signature = Signature.of(function)
    wanted = _outcome(function, args, kwargs)
    if isinstance(wanted, TypeError):
        with pytest.raises(TypeError) as caught:
            signature.bind(args, kwargs)
        # Newer Pythons add a guess at what was meant.
        assert str(wanted).startswith(str(caught.value))
        return
    present, values = signature.bind(args, kwargs)
    names = tuple(signature.parameters[at].name for at in present)
    got_args, got_kwargs = signature.unbind(names, values)
    assert function(*got_args, **got_kwargs) == wanted


def _outcome(
    function: Callable[..., _Got], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> _Got | TypeError:
    """Return what Python makes of the call."""
    try:
        return function(*args, **kwargs)
    except TypeError as problem:
        return problem


def test_a_signature_can_be_made_of_names_alone() -> None:
    """As it comes from the registry, it binds all the same."""
    signature = Signature(
        "f", [ParameterInfo("a", "either", True), ParameterInfo("b", "keyword", True)]
    )
    assert signature.bind((1,), {"b": 2}) == ((0, 1), [1, 2])
    with pytest.raises(TypeError, match=r"f\(\) missing 1 required keyword-only argument: 'b'"):
        signature.bind((1,), {})


def test_a_builtin_without_a_signature_is_refused() -> None:
    """The error is a TypeError that says so."""
    with pytest.raises(TypeError, match="has no signature"):
        Signature.of(max)


@pytest.mark.parametrize("names", [("z",), ("a", "a"), ("b",)])
def test_names_that_do_not_fit_are_refused(names: tuple[str, ...]) -> None:
    """Unknown, doubled and missing ones."""
    with pytest.raises(ValueError, match="for parameters"):
        Signature.of(several).unbind(names, [1] * len(names))
