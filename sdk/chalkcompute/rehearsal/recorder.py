"""The session of a rehearsal: it takes what would be deployed, and lets no call through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from chalkcompute.port import Deployed
from chalkcompute.settings import ARGUMENTS
from fnq_wire.version import version_id

if TYPE_CHECKING:
    from fnq.v1 import spec_pb2

__all__ = ["Deploy", "Held", "Recorder"]


class Held(BaseException):
    """End a statement that came to a call; nothing that catches errors may go on after it."""


@dataclass(frozen=True, slots=True)
class Deploy:
    """One deploy that the script would make: the specs of a set, and all that goes with them."""

    specs: Sequence[spec_pb2.FunctionSpec]
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]


class Recorder:
    """Stands where the process' session does: see `chalkcompute.port`.

    Versions have their ids, and no number yet. Nothing is said to be without effect: a
    server knows that.
    """

    def __init__(self) -> None:
        self.deploys: list[Deploy] = []

    def deploy(
        self, specs: Sequence[spec_pb2.FunctionSpec], *arguments: Any, **keywords: Any
    ) -> Deployed:
        """Take a set."""
        self.deploys.append(Deploy(specs, arguments, keywords))
        return Deployed([(version_id(spec), 0) for spec in specs], frozenset(ARGUMENTS))

    def __getattr__(self, name: str) -> NoReturn:
        """Hold back whatever else is asked of a session."""
        if name.startswith("__"):
            raise AttributeError(name)
        raise Held
