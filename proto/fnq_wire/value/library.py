"""The libraries whose values travel, and what such values are made of on the way.

A library is imported by the encoder never (its value is there, so it is loaded), by
the decoder when a value of it comes.
"""

from __future__ import annotations

import importlib
from typing import Any

from fnq_wire.error import SerializationError
from fnq_wire.value import tag

__all__ = ["HOUSES", "Blob", "Named", "Parts", "put_together", "take_apart"]

#: By the root of a type's module: its tag, and the module that knows its values.
HOUSES: dict[str, tuple[int, str]] = {
    "numpy": (tag.NUMPY, "fnq_wire.value.of_numpy"),
    "pandas": (tag.PANDAS, "fnq_wire.value.of_pandas"),
    "polars": (tag.POLARS, "fnq_wire.value.of_polars"),
    "pyarrow": (tag.ARROW, "fnq_wire.value.of_pyarrow"),
}


class Blob:
    """Hold bytes that are written without a copy, at a multiple of 8 from the start.

    They are those of all `parts`, one after the other.
    """

    __slots__ = ("views",)

    def __init__(self, *parts: Any) -> None:
        self.views = [memoryview(part).cast("B") for part in parts]


class Parts(tuple[Any, ...]):
    """Hold what a value is made of: a tuple that is no step on the way to a culprit."""

    __slots__ = ()

    @classmethod
    def of(cls, *parts: Any) -> Parts:
        """Return these parts."""
        return cls(parts)


class Named:
    """Hold a part under the name by which errors speak of it."""

    __slots__ = ("name", "value")

    def __init__(self, name: object, value: Any) -> None:
        self.name = name
        self.value = value


def take_apart(value: object) -> tuple[int, Parts] | None:
    """Return the tag of a library and the parts of a value; None for other values.

    Raises Refusal when the library is one of ours and this value of it cannot travel.
    """
    house = HOUSES.get(type(value).__module__.partition(".")[0])
    if house is None:
        return None
    parts = importlib.import_module(house[1]).take_apart(value)
    return None if parts is None else (house[0], parts)


def put_together(name: str, parts: Any) -> Any:
    """Return the value of a library that the parts were taken from.

    Raises SerializationError when the library is not installed, and whatever the
    library raises when the parts do not fit together.
    """
    try:
        return importlib.import_module(HOUSES[name][1]).put_together(parts)
    except ModuleNotFoundError as problem:
        raise SerializationError(
            f"a value of {name} came, and {problem.name} is not installed here;"
            " add it to the image or the environment"
        ) from problem
