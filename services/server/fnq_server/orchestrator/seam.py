"""The seam between the server and the place where workers run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from fnq.v1 import spec_pb2

__all__ = ["GRACE_S", "Explanation", "Orchestrator", "Outlook", "Placed"]

#: Seconds that a worker which is told to end gets to finish what it runs.
GRACE_S = 30


@dataclass(frozen=True, slots=True)
class Placed:
    """One worker that an orchestrator runs or is to run, as it sees it from outside.

    `replica` counts from 0. `state` is "starting", "running", "waiting" (for its
    place, or its next start) or "stopping". `pid` is 0 while there is none, or where
    it is not known; `address` is its node, "" while it has none, and for this machine.
    """

    namespace: str
    function: str
    version: str
    replica: int
    state: str
    pid: int = 0
    address: str = ""


class Outlook(Enum):
    """What is to be expected of the workers of a version."""

    #: None was asked for, or all were stopped.
    ABSENT = "absent"
    #: One has its place and comes up.
    STARTING = "starting"
    #: The process of one runs; how it is its agent says.
    RUNNING = "running"
    #: They have their places, and end again and again.
    CRASHING = "crashing"
    #: There is no place for one now, and may be later.
    BLOCKED = "blocked"
    #: There is no place for one, and waiting will not help.
    IMPOSSIBLE = "impossible"

    @property
    def placed(self) -> bool:
        """Whether a worker has its place."""
        return self in (Outlook.STARTING, Outlook.RUNNING, Outlook.CRASHING)


@dataclass(frozen=True, slots=True)
class Explanation:
    """What an orchestrator knows of a version's workers.

    `reason` is one sentence for the caller of the function, without capital and full
    stop, that stays the same while nothing changes; empty only where one runs.
    """

    outlook: Outlook
    reason: str = ""


class Orchestrator(Protocol):
    """Starts and stops workers. Every method raises StackError when it cannot be done now.

    Each may be repeated: what is asked for a second time is there already. What it
    knows it says within seconds; it waits for no worker, neither to begin nor to end.
    """

    @property
    def active(self) -> frozenset[str]:
        """The arguments of the decorator that have an effect here, and not everywhere."""
        ...

    async def ensure(
        self, namespace: str, version: str, spec: spec_pb2.FunctionSpec, replicas: int
    ) -> None:
        """See to it that at least `replicas` workers of the version are started, and stay.

        Returns when that is asked for; `explain` tells what came of it. Raises
        UnschedulableError, with the reason, when it is known that there is never a
        place for them.
        """
        ...

    async def scale(
        self, namespace: str, version: str, spec: spec_pb2.FunctionSpec, replicas: int
    ) -> None:
        """See to it that exactly `replicas` workers run; those with the highest indexes go.

        Those that go finish what they run, within GRACE_S. Raises as `ensure` does.
        """
        ...

    async def stop(self, namespace: str, version: str) -> None:
        """Have all workers of the version end; those that are ensured afterwards are new.

        They finish what they run, within GRACE_S. None is fine.
        """
        ...

    async def status(self) -> list[Placed]:
        """Return every worker that is run or to be run, whatever its state."""
        ...

    async def explain(self, namespace: str, version: str) -> Explanation:
        """Return what is known of the version's workers: of the best of them."""
        ...

    async def logs(self, namespace: str, version: str, tail: int) -> list[str]:
        """Return the last `tail` lines that each worker of the version itself wrote.

        By replica, then oldest first, also of workers that have ended since; nothing
        where none was started.
        """
        ...

    async def touch(self) -> float:
        """Say that the stack is in use; return the seconds after which to say so again."""
        ...
