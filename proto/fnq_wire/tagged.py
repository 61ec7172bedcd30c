"""One value of any supported type as bytes, and back; see `fnq_wire.value.tag`."""

from __future__ import annotations

from typing import Any

from fnq_wire.classes import Classes
from fnq_wire.error import SerializationError
from fnq_wire.refusal import Refusal
from fnq_wire.value.reader import Reader
from fnq_wire.value.writer import TOO_DEEP, Writer

__all__ = ["NO_CLASSES", "decode", "encode", "encode_parts"]

#: For values without classes of the user's.
NO_CLASSES = Classes()


def encode(value: object, classes: Classes = NO_CLASSES) -> bytes:
    """Return the value as bytes; raises SerializationError when it cannot travel."""
    try:
        return b"".join(encode_parts(value, classes))
    except Refusal as refusal:
        raise SerializationError(f"value{refusal.path}: {refusal.reason}") from refusal.__cause__


def encode_parts(value: object, classes: Classes) -> list[bytes | bytearray | memoryview]:
    """Return the bytes in pieces, large ones not copied.

    Raises Refusal, with the way from the value to its culprit.
    """
    writer = Writer(classes)
    try:
        writer.write(value)
    except RecursionError:
        raise Refusal(TOO_DEEP) from None
    except Refusal as refusal:
        if refusal.reason == TOO_DEEP and _holds_itself(value):
            raise Refusal("it contains itself, and would never end; break the cycle") from None
        raise
    return writer.finish()


def decode(data: bytes | memoryview, classes: Classes = NO_CLASSES) -> Any:
    """Return the value in the bytes; raises SerializationError when they hold none."""
    try:
        reader = Reader(data, classes)
        value = reader.read()
        reader.finish()
    except SerializationError:
        raise
    except Exception as problem:  # A corrupt value fails wherever it is put together.
        raise SerializationError(f"the bytes do not hold a value: {problem!r}") from problem
    return value


def _holds_itself(value: object) -> bool:
    """Tell whether a container is reached from itself."""
    open_ids: set[int] = set()
    done: set[int] = set()
    waiting: list[tuple[object, bool]] = [(value, False)]
    while waiting:
        one, leaving = waiting.pop()
        if leaving:
            open_ids.discard(id(one))
            done.add(id(one))
            continue
        if id(one) in open_ids:
            return True
        inner = _inside(one)
        if inner and id(one) not in done:
            open_ids.add(id(one))
            waiting.append((one, True))
            waiting += [(each, False) for each in inner]
    return False


def _inside(value: object) -> list[object]:
    """Return what a container or an object holds."""
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    if isinstance(value, list | tuple | set | frozenset):
        return list(value)
    return list(getattr(value, "__dict__", {}).values())
