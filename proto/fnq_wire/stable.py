"""One value as bytes that are the same in every process, and back.

The tagged form, except that sets, which iterate in another order in every process, are
written as sorted tuples. For what is hashed; calls have no need of it.
"""

from __future__ import annotations

import uuid
from typing import Any

from fnq_wire import tagged
from fnq_wire.error import SerializationError

__all__ = ["decode", "encode"]

#: First byte: whether tuples that begin with a mark stand for sets.
_PLAIN, _LOWERED = b"\0", b"\1"
_MARKS: dict[type, uuid.UUID] = {
    set: uuid.UUID("5f0f3ef6-3d0c-4a3e-9d6b-7c2f0b6f8a11"),
    frozenset: uuid.UUID("0c8e4b52-98a7-4f0e-8a55-0d4a3f9a7e22"),
}
_SETS = {mark: kind for kind, mark in _MARKS.items()}


def encode(value: object) -> bytes:
    """Return the value as bytes; raises SerializationError when it cannot travel."""
    data = tagged.encode(value)
    if not _holds_set(value):
        return _PLAIN + data
    return _LOWERED + tagged.encode(_lower(value))


def decode(data: bytes) -> Any:
    """Return the value in the bytes; raises SerializationError when they hold none."""
    if data[:1] == _PLAIN:
        return tagged.decode(memoryview(data)[1:])
    if data[:1] == _LOWERED:
        return _raise(tagged.decode(memoryview(data)[1:]))
    raise SerializationError("the bytes do not hold a value: deploy again")


def _holds_set(value: Any) -> bool:
    kind = type(value)
    if kind is dict:
        return any(_holds_set(key) or _holds_set(item) for key, item in value.items())
    return kind in _MARKS or (kind in (list, tuple) and any(map(_holds_set, value)))


def _lower(value: Any) -> Any:
    kind = type(value)
    if kind in _MARKS:
        items = sorted((_lower(item) for item in value), key=tagged.encode)
        return (_MARKS[kind], *items)
    if kind is dict:
        return {_lower(key): _lower(item) for key, item in value.items()}
    return kind(map(_lower, value)) if kind in (list, tuple) else value


def _raise(value: Any) -> Any:
    kind = type(value)
    if kind is dict:
        return {_raise(key): _raise(item) for key, item in value.items()}
    if kind is tuple and value and type(value[0]) is uuid.UUID and value[0] in _SETS:
        return _SETS[value[0]](map(_raise, value[1:]))
    return kind(map(_raise, value)) if kind in (list, tuple) else value
