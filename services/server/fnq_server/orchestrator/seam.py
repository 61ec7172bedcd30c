"""The seam between the server and the place where workers run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from fnq.v1 import spec_pb2

__all__ = ["Orchestrator", "Placed"]


@dataclass(frozen=True, slots=True)
class Placed:
    """One process that an orchestrator runs, as it sees it from outside.

    `pid` is 0 while there is none, and `replica` counts from 0. `reason` says why
    it does not run; `log` is where it writes, empty where that is not a file.
    """

    role: str
    pid: int
    address: str
    function: str
    version: str
    replica: int
    state: str
    reason: str
    log: str


class Orchestrator(Protocol):
    """Starts and stops workers. Every method raises StackError when it cannot be done.

    Each may be repeated: what is asked for a second time is there already.
    """

    @property
    def active(self) -> frozenset[str]:
        """The arguments of the decorator that have an effect here, and not everywhere."""
        ...

    async def ensure(
        self, namespace: str, version: str, spec: spec_pb2.FunctionSpec, replicas: int
    ) -> None:
        """See to it that at least `replicas` workers of the version are started, and stay."""
        ...

    async def scale(
        self, namespace: str, version: str, spec: spec_pb2.FunctionSpec, replicas: int
    ) -> None:
        """See to it that exactly `replicas` workers run; those with the highest indexes go."""
        ...

    async def stop(self, namespace: str, version: str) -> None:
        """End all workers of the version; return when they are gone."""
        ...

    async def status(self) -> list[Placed]:
        """Return every process that is run, whatever its state."""
        ...

    async def explain(self, namespace: str, version: str) -> str:
        """Return in one sentence why the version has no worker; empty when one runs."""
        ...

    async def logs(self, namespace: str, version: str, tail: int) -> list[str]:
        """Return the last `tail` lines that each worker of the version itself wrote."""
        ...

    async def touch(self) -> float:
        """Say that the stack is in use; return the seconds after which to say so again."""
        ...
