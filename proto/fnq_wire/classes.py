"""The user's classes whose values travel: as fields, built again at the other end.

A class is never looked up by a name that comes over the wire: both ends know it
because the annotations of the function reach it. A module has another name in a
script than in a worker, so a class goes by its qualified name alone.
"""

from __future__ import annotations

import dataclasses
import enum
import sys
import typing
from collections.abc import Iterable, Iterator
from typing import Any

from fnq_wire.annotation import hints_of, members_of
from fnq_wire.error import SerializationError

__all__ = ["Classes", "Family", "family_of", "fields_of", "hints_of_fields"]

#: Bit of `type.__flags__`: made by a class statement.
_HEAP = 1 << 9


class Family(enum.Enum):
    """How the values of a class are taken apart and put together."""

    ENUM = "enum"
    DATACLASS = "dataclass"
    NAMEDTUPLE = "NamedTuple"
    PYDANTIC = "pydantic model"


def family_of(cls: type) -> Family | None:
    """Return how a class travels; None when it does not.

    A class with a builtin among its bases (besides Enum and NamedTuple) does not: its
    fields are not all there is to it.
    """
    if isinstance(cls, enum.EnumMeta):
        return Family.ENUM
    if issubclass(cls, tuple):
        return Family.NAMEDTUPLE if hasattr(cls, "_fields") and hasattr(cls, "_make") else None
    if any(base is not object and not base.__flags__ & _HEAP for base in cls.__mro__):
        return None
    model = getattr(sys.modules.get("pydantic"), "BaseModel", None)
    if model is not None and issubclass(cls, model) and hasattr(cls, "model_fields"):
        return Family.PYDANTIC
    return Family.DATACLASS if dataclasses.is_dataclass(cls) else None


def fields_of(cls: Any, family: Family) -> tuple[str, ...]:
    """Return the names of the fields, in order; an Enum has none."""
    if family is Family.DATACLASS:
        return tuple(field.name for field in dataclasses.fields(cls))
    if family is Family.NAMEDTUPLE:
        return tuple(cls._fields)
    return tuple(cls.model_fields) if family is Family.PYDANTIC else ()


def hints_of_fields(cls: Any, family: Family) -> dict[str, Any]:
    """Return the annotations of the fields, where there are any that can be resolved."""
    if family is Family.PYDANTIC:
        return {name: field.annotation for name, field in cls.model_fields.items()}
    return {} if family is Family.ENUM else hints_of(cls)


class Classes:
    """Hold the classes that annotations reach, each under a key that both ends make alike.

    Without annotations (`known` is false) any class may be sent, and none read: the
    other end decides.
    """

    def __init__(self, annotations: Iterable[Any] = (), *, known: bool = True) -> None:
        self.known = known
        self._keys: dict[type, str] = {}
        self._classes: dict[str, type] = {}
        for annotation in annotations:
            for cls in _reach(annotation, set(self._keys)):
                self._add(cls)

    def key_of(self, cls: type) -> str | None:
        """Return the key under which the other end finds the class; None when it does not."""
        key = self._keys.get(cls)
        if key is None and not self.known:
            return f"{cls.__module__}:{cls.__qualname__}"
        return key

    def find(self, key: str) -> type | None:
        """Return the class of that key; None when no annotation reaches it."""
        module, colon, name = key.rpartition(":")
        if not colon:
            return self._classes.get(key)
        alike = [cls for cls in self._keys if cls.__qualname__ == name]
        exact = [cls for cls in alike if cls.__module__ == module]
        found = exact or alike
        return found[0] if len(found) == 1 else None

    def get(self, key: str) -> type:
        """Return the class of that key; raises SerializationError, with a remedy."""
        cls = self.find(key)
        if cls is not None:
            return cls
        if self.known:
            raise SerializationError(
                f"a value of class {key} came, which no annotation of the function reaches here;"
                " annotate the parameter or the return with it"
            )
        raise SerializationError(
            f"a value of class {key} came, and a function that is called by name has no"
            " annotations here; call it through its decorated definition, or return builtin values"
        )

    def _add(self, cls: type) -> None:
        key, twin = cls.__qualname__, 1
        while key in self._classes:
            twin += 1
            key = f"{cls.__qualname__}#{twin}"
        self._keys[cls] = key
        self._classes[key] = cls


def _reach(annotation: Any, seen: set[Any]) -> Iterator[type]:
    """Yield the classes that an annotation reaches, in an order that both ends share."""
    waiting = [annotation]
    # By identity, and kept: an alias may lie in itself.
    done: dict[int, Any] = {}
    while waiting:
        nested: list[Any] = []
        one = waiting.pop()
        members = () if id(one) in done else members_of(one)
        done[id(one)] = one
        for member in members:
            origin = typing.get_origin(member) or member
            arguments = typing.get_args(member)
            if origin is typing.Literal:
                arguments = tuple(type(argument) for argument in arguments)
            nested += [each for argument in arguments for each in _flat(argument)]
            if not isinstance(origin, type) or origin in seen:
                continue
            seen.add(origin)
            if typing.is_typeddict(origin):
                nested += hints_of(origin).values()
            family = family_of(origin)
            if family is not None:
                yield origin
                nested += hints_of_fields(origin, family).values()
        waiting += reversed(nested)


def _flat(argument: Any) -> list[Any]:
    """Return an argument of a generic; those of Callable come in a list."""
    return list(argument) if isinstance(argument, list) else [argument]
