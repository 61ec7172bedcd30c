"""References to secrets: a name and where its value is kept, never the value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from chalkcompute.runtime import refuse

__all__ = ["Secret"]

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_GROUP = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret that a function finds in its environment.

    `Secret("X")` is `Secret.from_env("X")`: kept on the server under the name of
    the variable.
    """

    name: str
    source: Literal["env", "integration", "local_env"] = "env"

    def __post_init__(self) -> None:
        pattern = _GROUP if self.source == "integration" else _VARIABLE
        expected = "an integration" if self.source == "integration" else "an environment variable"
        if not isinstance(self.name, str):
            refuse(
                TypeError(
                    f"Secret: expected the name of {expected}, not {type(self.name).__name__}"
                )
            )
        elif not pattern.fullmatch(self.name):
            # The text may be a value that was passed by mistake: it is not shown.
            refuse(ValueError(f"Secret: expected the name of {expected}, not its value"))

    @classmethod
    def from_env(cls, name: str) -> Secret:
        """Return a secret kept on the server (`fnq secret set NAME`)."""
        return cls(name, "env")

    @classmethod
    def from_integration(cls, name: str) -> Secret:
        """Return a named group of variables kept on the server."""
        return cls(name, "integration")

    @classmethod
    def from_local_env(cls, name: str) -> Secret:
        """Return a secret whose value is read from the deployer's environment at deploy."""
        return cls(name, "local_env")
