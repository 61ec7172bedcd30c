"""References to secrets: a name and where its value is kept, never the value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from chalkcompute.runtime import refuse
from fnq_wire.variable import RESERVED, is_group, is_reserved, is_variable

__all__ = ["Secret"]


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret that a function finds in its environment.

    `Secret("X")` is `Secret.from_env("X")`: kept on the server under the name of
    the variable. Where a function's `env=` has the same name the secret takes its
    place, and where two of its secrets have, the later one in `secrets=`.
    """

    name: str
    source: Literal["env", "integration", "local_env"] = "env"

    def __post_init__(self) -> None:
        if self.source == "integration":
            expected, fits = "an integration", is_group
        else:
            expected, fits = "an environment variable", is_variable
        if not isinstance(self.name, str):
            refuse(
                TypeError(
                    f"Secret: expected the name of {expected}, not {type(self.name).__name__}"
                )
            )
        elif not fits(self.name):
            # The text may be a value that was passed by mistake: it is not shown.
            refuse(ValueError(f"Secret: expected the name of {expected}, not its value"))
        elif self.source != "integration" and is_reserved(self.name):
            refuse(ValueError(f"Secret: {RESERVED}"))

    @classmethod
    def from_env(cls, name: str) -> Secret:
        """Return a secret kept on the server (`fnq secret set NAME`)."""
        return cls(name, "env")

    @classmethod
    def from_integration(cls, name: str) -> Secret:
        """Return a named group of variables kept on the server (`fnq integration set NAME`)."""
        return cls(name, "integration")

    @classmethod
    def from_local_env(cls, name: str) -> Secret:
        """Return a secret whose value is read from the deployer's environment at deploy."""
        return cls(name, "local_env")
