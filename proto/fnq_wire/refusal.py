"""Why a value cannot travel, and where in the argument it lies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

__all__ = ["Refusal", "index_of", "name_of"]

#: Steps of a path that an error shows.
_MAX_STEPS = 12
#: Characters of a key that an error shows.
_MAX_KEY = 40


class Refusal(Exception):  # noqa: N818 - becomes a SerializationError once the argument is known
    """A value cannot travel; whoever it lies in adds the step that leads to it."""

    #: Which column of a row the value lies in.
    column = 0

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self._steps: list[str] = []

    def at(self, key: object) -> None:
        """Say that the value lies in an item of a container."""
        shown = repr(key) if type(key) in (str, int, bytes, float, bool) else name_of(type(key))
        shown = '"' + shown[1:-1].replace('"', '\\"') + '"' if type(key) is str else shown
        self._steps.append(f"[{shown[:_MAX_KEY]}]")

    def of(self, field: str) -> None:
        """Say that the value lies in a field of an object."""
        self._steps.append(f".{field}")

    @property
    def path(self) -> str:
        """Return the steps from the argument to the value: `[3]["a"].name`."""
        steps = self._steps[::-1]
        if len(steps) > _MAX_STEPS:
            steps = [*steps[: _MAX_STEPS // 2], "...", *steps[-_MAX_STEPS // 2 :]]
        return "".join(steps)


def name_of(cls: type) -> str:
    """Return the name of a type as errors show it."""
    return (
        cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
    )


def index_of(items: Iterable[Any], culprit: object) -> int:
    """Return the index of the very object `culprit` in `items`."""
    return next((index for index, item in enumerate(items) if item is culprit), 0)
