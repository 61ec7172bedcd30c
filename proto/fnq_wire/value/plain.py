"""Values without their classes: objects are dicts of their fields, members of an Enum names."""

from __future__ import annotations

from typing import Any

from fnq_wire.classes import Classes, Family
from fnq_wire.value.reader import Reader
from fnq_wire.value.shape import fields_in
from fnq_wire.value.writer import MAX_DEPTH

__all__ = ["read_plain"]

_NO_CLASSES = Classes(known=False)


def read_plain(data: bytes | memoryview) -> Any:
    """Return the value in tagged bytes, whatever classes its objects have.

    Raises any exception when the bytes hold none.
    """
    reader = _PlainReader(data, _NO_CLASSES)
    value = reader.read()
    reader.finish()
    return value


class _Names(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return name


class _Member:
    """Stand for any Enum; what has no name in it is its value."""

    __members__ = _Names()

    def __new__(cls, value: Any) -> Any:
        return value


class _PlainReader(Reader):
    __slots__ = ()

    def class_of(self, key: str) -> tuple[type, Family]:
        return _Member, Family.ENUM

    def shape(self) -> int:
        self.name()
        names = tuple([self.name() for _ in self.items(0)])
        self._shapes.append((dict, Family.DATACLASS, names))
        return len(self._shapes) - 1

    def made(self, number: int, depth: int) -> Any:
        if depth >= MAX_DEPTH:
            raise ValueError(f"values are nested deeper than {MAX_DEPTH} levels")
        names = self._shapes[number][2]
        return fields_in(names, [self.read(depth + 1) for _ in names])
