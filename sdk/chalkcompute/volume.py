"""Storage that outlives a function's containers."""

from __future__ import annotations

from dataclasses import dataclass

from chalkcompute.runtime import refuse
from fnq_wire.volume import NAME

__all__ = ["Volume"]


@dataclass(frozen=True, slots=True)
class Volume:
    """A named volume; functions that mount the same name share the files."""

    name: str

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            refuse(
                TypeError(
                    f"Volume: expected a name, not {self.name!r} ({type(self.name).__name__})"
                )
            )
        elif not NAME.fullmatch(self.name):
            refuse(
                ValueError(
                    "Volume: expected a name of at most 128 letters, digits, '.', '_' and '-', "
                    f"not {self.name!r}"
                )
            )
