"""Whether a value is what an annotation says, and where it is not.

Only what is surely wrong is wrong: what an annotation says beyond the forms below is
not looked at. An int passes for a float, as everywhere in Python; so do numbers of
numpy.
"""

from __future__ import annotations

import numbers
import types
import typing
from collections.abc import Callable, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, TypeAlias

from fnq_wire.annotation import UNKNOWN, hints_of, members_of
from fnq_wire.refusal import Refusal, name_of

__all__ = ["Check", "check_of"]

#: Raises Refusal when the value is wrong.
Check: TypeAlias = Callable[[Any], None]

#: What passes for a number, as type checkers have it.
_TOWER: dict[type, tuple[type, ...]] = {
    int: (int, numbers.Integral),
    float: (float, numbers.Real),
    complex: (complex, numbers.Complex),
}
#: Characters of a value that an error shows.
_MAX_TEXT = 60
#: Bare or with arguments: all items are of the first one.
_COLLECTIONS = (list, set, frozenset, Sequence, AbstractSet, Collection)


def check_of(annotation: Any, outer: tuple[Any, ...] = ()) -> Check | None:
    """Return what checks values against the annotation; None when there is nothing to check.

    `outer` are the annotations that this one lies in; one that holds itself is not
    checked again.
    """
    if any(annotation is each for each in outer):
        return None
    members = members_of(annotation)
    checks = [_check_of_one(member, (*outer, annotation)) for member in members]
    sure = [check for check in checks if check is not None]
    if len(sure) < len(checks) or not sure:
        return None
    return sure[0] if len(sure) == 1 else _either(sure, _text_of(annotation))


def _text_of(annotation: Any) -> str:
    """Return an annotation as errors show it."""
    if isinstance(annotation, type) and not typing.get_args(annotation):
        return "None" if annotation is types.NoneType else name_of(annotation)
    members = members_of(annotation)
    if len(members) > 1:
        return " | ".join(_text_of(member) for member in members)
    return str(annotation).replace("typing.", "")


def _check_of_one(annotation: Any, outer: tuple[Any, ...]) -> Check | None:
    origin = typing.get_origin(annotation) or annotation
    arguments = typing.get_args(annotation)
    if origin is typing.Literal:
        return _one_of(arguments)
    if annotation is UNKNOWN or annotation is object or not isinstance(origin, type):
        return None
    if typing.is_typeddict(origin):
        return _keys(origin, (*outer, origin))
    outside = _instance(_TOWER.get(origin, (origin,)), _text_of(annotation))
    if outside is None:
        return None
    if origin is tuple and (arguments or annotation == tuple[()]):
        return _tuple(outside, arguments, outer)
    if not arguments:
        return outside
    if origin in (dict, Mapping) and len(arguments) == 2:
        return _mapping(outside, check_of(arguments[0], outer), check_of(arguments[1], outer))
    if origin in _COLLECTIONS:
        return _items(outside, check_of(arguments[0], outer))
    return outside


def _wrong(expected: str, value: Any) -> Refusal:
    return Refusal(f"expected {expected}, got {name_of(type(value))}")


def _instance(kinds: tuple[type, ...], expected: str) -> Check | None:
    try:
        isinstance(None, kinds)
    except TypeError:  # A protocol that is not for run time, or a metaclass that objects.
        return None

    def check(value: Any) -> None:
        if not isinstance(value, kinds):
            raise _wrong(expected, value)

    return check


def _one_of(choices: tuple[Any, ...]) -> Check:
    known = {(type(choice), choice) for choice in choices}
    kinds = {type(choice) for choice in choices}
    expected = " or ".join(repr(choice) for choice in choices)

    def check(value: Any) -> None:
        if type(value) not in kinds:
            raise _wrong(expected, value)
        if (type(value), value) not in known:
            raise Refusal(f"expected {expected}, got {repr(value)[:_MAX_TEXT]}")

    return check


def _either(checks: list[Check], expected: str) -> Check:
    def check(value: Any) -> None:
        for one in checks:
            try:
                return one(value)
            except Refusal:
                continue
        raise _wrong(expected, value)

    return check


def _items(outside: Check, inside: Check | None) -> Check:
    if inside is None:
        return outside

    def check(value: Any) -> None:
        outside(value)
        if isinstance(value, (str, bytes, bytearray)):
            return
        for index, item in enumerate(value):
            _within(inside, item, index if isinstance(value, Sequence) else item)

    return check


def _tuple(outside: Check, arguments: tuple[Any, ...], outer: tuple[Any, ...]) -> Check:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return _items(outside, check_of(arguments[0], outer))
    places = [check_of(argument, outer) for argument in arguments]

    def check(value: Any) -> None:
        outside(value)
        if len(value) != len(places):
            raise Refusal(f"expected a tuple of {len(places)}, got one of {len(value)}")
        for index, (inside, item) in enumerate(zip(places, value, strict=True)):
            if inside is not None:
                _within(inside, item, index)

    return check


def _mapping(outside: Check, keys: Check | None, values: Check | None) -> Check:
    def check(value: Any) -> None:
        outside(value)
        for key, item in value.items():
            if keys is not None:
                _within(keys, key, key)
            if values is not None:
                _within(values, item, key)

    return check


def _keys(cls: Any, outer: tuple[Any, ...]) -> Check:
    """Return what checks the values in a dict that a TypedDict describes."""
    inside = {name: check_of(hint, outer) for name, hint in hints_of(cls).items()}

    def check(value: Any) -> None:
        if not isinstance(value, dict):
            raise _wrong(name_of(cls), value)
        for key, one in inside.items():
            if one is not None and key in value:
                _within(one, value[key], key)

    return check


def _within(check: Check, item: Any, key: object) -> None:
    try:
        check(item)
    except Refusal as refusal:
        refusal.at(key)
        raise
