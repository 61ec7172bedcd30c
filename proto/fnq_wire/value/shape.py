"""Objects as names and values, and back, without running the user's code.

As in a copy, neither `__init__` nor `__post_init__` runs again: fields that they
derived or checked travel as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fnq_wire.classes import Family, fields_of
from fnq_wire.refusal import Refusal, name_of

__all__ = ["fields_in", "put_together", "take_apart"]

#: What a pydantic model holds besides the values of its fields.
_STATE = ("__pydantic_extra__", "__pydantic_fields_set__", "__pydantic_private__")


def take_apart(value: Any, family: Family) -> tuple[tuple[str, ...], Sequence[Any]]:
    """Return the names and values of all that an object holds, its fields first.

    Raises Refusal when a field has no value, or a NamedTuple more than its fields.
    """
    cls = type(value)
    names = fields_of(cls, family)
    held = getattr(value, "__dict__", {})
    if family is Family.PYDANTIC:
        return _take_model_apart(value, names)
    if family is Family.NAMEDTUPLE:
        if held:
            raise Refusal(f"{name_of(cls)} has attributes beside its fields: {sorted(held)}")
        return names, value
    if tuple(held) == names:
        return names, tuple(held.values())
    try:
        values = [getattr(value, name) for name in names]
    except AttributeError as problem:
        raise Refusal(f"{name_of(cls)} has a field without a value: {problem}") from problem
    more = tuple(name for name in held if name not in names)
    return names + more, values + [held[name] for name in more]


def fields_in(names: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    """Return what was taken apart as a dict, without what a pydantic model knows of itself.

    What it holds beside its fields, where it allows that, counts as such.
    """
    held = dict(zip(names, values, strict=True))
    if tuple(names[-len(_STATE) :]) != _STATE:
        return held
    extra, *_ = [held.pop(name) for name in _STATE]
    return held | (extra or {})


def put_together(cls: Any, family: Family, names: Sequence[str], values: Sequence[Any]) -> Any:
    """Return the object that was taken apart.

    Raises ValueError when the class here has other fields than it had there.
    """
    fields = fields_of(cls, family)
    if tuple(names[: len(fields)]) != fields or len(names) != len(values):
        raise ValueError(f"{name_of(cls)} came with fields {list(names)}, and has {list(fields)}")
    if family is Family.NAMEDTUPLE:
        return tuple.__new__(cls, values)
    if family is Family.PYDANTIC:
        return _put_model_together(cls, names, values)
    made = object.__new__(cls)
    for name, value in zip(names, values, strict=True):
        object.__setattr__(made, name, value)
    return made


def _take_model_apart(value: Any, fields: tuple[str, ...]) -> tuple[tuple[str, ...], Sequence[Any]]:
    """Return the names and values of a pydantic model, and of what it knows of itself."""
    state = value.__getstate__()
    held = state["__dict__"]
    missing = [name for name in fields if name not in held]
    if missing:
        raise Refusal(f"{name_of(type(value))} has fields without a value: {missing}")
    names = fields + tuple(name for name in held if name not in fields)
    return names + _STATE, [held[name] for name in names] + [state[name] for name in _STATE]


def _put_model_together(cls: Any, names: Sequence[str], values: Sequence[Any]) -> Any:
    """Return the pydantic model; raises ValueError when what it knows of itself is missing."""
    kept = len(names) - len(_STATE)
    if tuple(names[kept:]) != _STATE:
        raise ValueError(f"{name_of(cls)} came without {_STATE}")
    made = cls.__new__(cls)
    state = dict(zip(_STATE, values[kept:], strict=True))
    made.__setstate__({"__dict__": dict(zip(names[:kept], values[:kept], strict=True)), **state})
    return made
