"""Texts of a command line, read as what a parameter's annotation says. Pure.

int, float, bool, str       the text; bool is true or false
list, dict, tuple, set      JSON, with their items read alike
Optional, unions            null for None, else the first that fits, text last
Literal, Enum               one of the choices, by its text or name
dates, UUID, Decimal, Path  their usual text; bytes are text as UTF-8
dataclasses, pydantic       a JSON object
nothing, or another         JSON where it is JSON, otherwise text
"""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime
import decimal
import enum
import json
import pathlib
import types
import typing
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from fnq_wire.annotation import UNKNOWN, members_of

__all__ = ["is_truth", "read", "word"]

_TRUTHS: Mapping[str, bool] = {
    "true": True, "yes": True, "1": True, "false": False, "no": False, "0": False,
}  # fmt: skip
_BY_TEXT: Mapping[type, Callable[[str], Any]] = {
    int: int,
    float: float,
    str: str,
    bytes: str.encode,
    datetime.datetime: datetime.datetime.fromisoformat,
    datetime.date: datetime.date.fromisoformat,
    datetime.time: datetime.time.fromisoformat,
    decimal.Decimal: decimal.Decimal,
    uuid.UUID: uuid.UUID,
    pathlib.Path: pathlib.Path,
}
#: What is raised where a text does not fit.
_MISFITS = (ValueError, TypeError, LookupError, decimal.InvalidOperation)
_LISTS = (
    *(list, collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection),
    collections.abc.MutableSequence,
)
_SETS = (set, collections.abc.Set, collections.abc.MutableSet)
_DICTS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)


def word(annotation: Any) -> str:
    """Return how people call what is expected."""
    if annotation is UNKNOWN:
        return "any"
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


def read(text: str, annotation: Any) -> Any:
    """Return what a text stands for. Raises ValueError that says what was expected."""
    try:
        return _read(text, annotation)
    except _MISFITS:
        raise ValueError(f"expected {word(annotation)}, not {text!r}") from None


def _read(text: str, annotation: Any) -> Any:
    members = members_of(annotation)
    if len(members) > 1:
        return _first_that_fits(text, members)
    [annotation] = members
    origin = typing.get_origin(annotation) or annotation
    if annotation is types.NoneType:
        return _none(text)
    if annotation is bool:
        return _truth(text)
    if origin is typing.Literal:
        return {str(each): each for each in typing.get_args(annotation)}[text]
    if isinstance(origin, type):
        if issubclass(origin, enum.Enum):
            return _choice(origin, text)
        if origin in _BY_TEXT:
            return _BY_TEXT[origin](text)
        if _is_structure(origin):
            return _fit(json.loads(text), annotation)
    try:
        return json.loads(text)
    except ValueError:
        return text


def _first_that_fits(text: str, members: tuple[Any, ...]) -> Any:
    # Every text is a str, so that comes last.
    for each in sorted(members, key=lambda member: member in (str, bytes)):
        try:
            return _read(text, each)
        except _MISFITS:
            continue
    raise ValueError


def _none(text: str) -> None:
    if text not in ("null", "None"):
        raise ValueError


def is_truth(text: str) -> bool:
    """Tell whether a text is true or false."""
    return text.lower() in _TRUTHS


def _truth(text: str) -> bool:
    found = _TRUTHS.get(text.lower())
    if found is None:
        raise ValueError
    return found


def _choice(kind: type[enum.Enum], text: str) -> enum.Enum:
    if text in kind.__members__:
        return kind[text]
    return {str(each.value): each for each in kind}[text]


def _is_structure(kind: type) -> bool:
    known = (*_LISTS, *_SETS, *_DICTS, tuple, frozenset)
    return kind in known or dataclasses.is_dataclass(kind) or hasattr(kind, "model_validate")


def _fit(value: Any, annotation: Any) -> Any:
    """Return what JSON stands for where an annotation is known; it is checked when it is sent."""
    origin, inner = typing.get_origin(annotation) or annotation, typing.get_args(annotation)
    if hasattr(origin, "model_validate"):
        return origin.model_validate(value)
    if isinstance(value, list):
        return _fit_list(value, origin, inner)
    if isinstance(value, dict):
        if dataclasses.is_dataclass(origin) and isinstance(origin, type):
            hints = typing.get_type_hints(origin)
            return origin(**{key: _fit(each, hints.get(key)) for key, each in value.items()})
        if origin in _DICTS:
            item = inner[1] if len(inner) == 2 else None
            return {key: _fit(each, item) for key, each in value.items()}
    if isinstance(origin, type) and _is_structure(origin):
        raise ValueError
    if isinstance(value, str) and origin in _BY_TEXT and origin is not str:
        return _BY_TEXT[origin](value)
    return float(value) if origin is float and type(value) is int else value


def _fit_list(value: list[Any], origin: Any, inner: tuple[Any, ...]) -> Any:
    if origin is tuple and inner and Ellipsis not in inner:
        return tuple(_fit(each, kind) for each, kind in zip(value, inner, strict=True))
    items = [_fit(each, inner[0] if inner else None) for each in value]
    if origin is tuple:
        return tuple(items)
    if origin in _SETS:
        return set(items)
    if origin is frozenset:
        return frozenset(items)
    if isinstance(origin, type) and _is_structure(origin) and origin not in _LISTS:
        raise ValueError
    return items
