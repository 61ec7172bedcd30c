"""The seam between the server and the place where secrets are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from fnq_core.secrets import Label

__all__ = ["Entry", "SecretStore"]


@dataclass(frozen=True, slots=True)
class Entry:
    """What may be shown of a secret or an integration: names of variables, sorted, and when."""

    name: str
    variables: tuple[str, ...]
    set_ms: int


class SecretStore(Protocol):
    """Keeps variables by label and namespace.

    Every method may be repeated. Each raises StackError, a sentence with the remedy, when
    it cannot be done, and what Redis raises while that is away.
    """

    async def get(self, namespace: str, labels: Sequence[Label]) -> list[Mapping[str, str] | None]:
        """Return the variables of each label, in order; None for each that is not set."""
        ...

    async def set(self, namespace: str, label: Label, values: Mapping[str, str]) -> None:
        """Set the variables of a label, in place of all that it had."""
        ...

    async def entries(self, namespace: str, source: str) -> Sequence[Entry]:
        """Return what is set of a source ("env" or "integration"), by name."""
        ...

    async def delete(self, namespace: str, label: Label) -> bool:
        """Delete what is set of a label; return whether there was anything."""
        ...

    async def forget(self, namespace: str, function: str) -> None:
        """Delete what belongs to a function that is deleted ("local_env")."""
        ...
