"""What an annotation says, however it is written down.

Annotations may be strings that name things which are not there: what cannot be
resolved counts as not annotated.
"""

from __future__ import annotations

import inspect
import sys
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["UNKNOWN", "chunk_of", "hints_of", "members_of", "plain"]

#: Stands for an annotation that says nothing that could be checked.
UNKNOWN: Any = typing.Any

#: Generic forms that wrap a type and do not change it.
_WRAPPERS = frozenset(
    {typing.Annotated, typing.ClassVar, typing.Final, typing.Required, typing.NotRequired}
)
#: What a generator is annotated with; the chunk is the first argument.
_STREAMS = ("Generator", "AsyncGenerator", "Iterator", "AsyncIterator", "Iterable", "AsyncIterable")


def hints_of(owner: Callable[..., Any] | type) -> dict[str, Any]:
    """Return the annotations of a function or class that can be resolved, by name."""
    scope = _closure_of(owner)
    try:
        return typing.get_type_hints(owner, localns=scope or None)
    except Exception:  # noqa: BLE001 - resolving a string runs whatever stands in it
        return _hints_one_by_one(owner, scope)


def plain(annotation: Any) -> Any:
    """Return the annotation without what does not change the type.

    NewType, Annotated and type aliases give what they stand for, a type variable its
    bound; None gives NoneType.
    """
    for _ in range(64):
        origin = typing.get_origin(annotation)
        if annotation is None:
            return types.NoneType
        if origin in _WRAPPERS:
            annotation = typing.get_args(annotation)[0]
        elif isinstance(annotation, typing.NewType):
            annotation = annotation.__supertype__
        elif isinstance(annotation, typing.TypeVar):
            annotation = annotation.__bound__ or UNKNOWN
        elif type(annotation).__name__ == "TypeAliasType" and origin is None:
            annotation = annotation.__value__
        else:
            return annotation
    return UNKNOWN


def members_of(annotation: Any) -> tuple[Any, ...]:
    """Return the members of a union, plain, each once; an annotation alone is its only one."""
    annotation = plain(annotation)
    if typing.get_origin(annotation) not in (typing.Union, types.UnionType):
        return (annotation,)
    members: list[Any] = []
    for member in typing.get_args(annotation):
        members += [each for each in members_of(member) if each not in members]
    return tuple(members)


def chunk_of(annotation: Any) -> Any:
    """Return what a generator with this return annotation yields."""
    annotation = plain(annotation)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if getattr(origin, "__name__", "") in _STREAMS and arguments:
        return arguments[0]
    return UNKNOWN


def _closure_of(owner: Callable[..., Any] | type) -> dict[str, Any]:
    """Return the variables of the enclosing functions that a function holds."""
    code, cells = getattr(owner, "__code__", None), getattr(owner, "__closure__", None)
    scope: dict[str, Any] = {}
    for name, cell in zip(getattr(code, "co_freevars", ()), cells or (), strict=False):
        try:
            scope[name] = cell.cell_contents
        except ValueError:  # The variable has no value yet.
            continue
    return scope


def _hints_one_by_one(owner: Any, scope: Mapping[str, Any]) -> dict[str, Any]:
    hints: dict[str, Any] = {}
    for base in reversed(getattr(owner, "__mro__", (owner,))):
        names = getattr(owner, "__globals__", None) or _module_of(base)
        for name, annotation in _written(base).items():
            one = types.SimpleNamespace(__annotations__={name: annotation})
            try:
                hints.update(typing.get_type_hints(one, {**names, **scope}))
            except Exception:  # noqa: BLE001 - resolving a string runs whatever stands in it
                hints.pop(name, None)
    return hints


def _written(owner: Any) -> dict[str, Any]:
    """Return the annotations of a function, or a class' own, as they are written down."""
    try:
        return inspect.get_annotations(owner)
    except Exception:  # noqa: BLE001 - from Python 3.14 on reading them runs them
        return {}


def _module_of(owner: Any) -> dict[str, Any]:
    return dict(vars(sys.modules.get(owner.__module__, types)))
