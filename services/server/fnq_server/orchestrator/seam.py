"""The seam between the server and the place where workers run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from fnq_wire.finding import Finding

if TYPE_CHECKING:
    from fnq.v1 import spec_pb2

__all__ = [
    "GRACE_S",
    "Caveats",
    "Draft",
    "Explanation",
    "Gpu",
    "Orchestrator",
    "Outlook",
    "Placed",
    "Provision",
]

#: Seconds that a worker which is told to end gets to finish what it runs.
GRACE_S = 30


@dataclass(frozen=True, slots=True)
class Provision:
    """What workers of a version are given that its spec only names.

    `image` is what a builder calls the image of the spec; "" for the Python that the
    stack itself runs. `secrets` are variables for the user's code, by name.
    """

    image: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


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
    #: The place cannot be asked now.
    UNKNOWN = "unknown"
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


@dataclass(frozen=True, slots=True)
class Caveats:
    """What a place says of functions before they are deployed there.

    `lacks`: what it has not that a function asks for, by the function's name, a clause each
    such as "asks for 64 cores, this machine has 2"; the function runs there all the same.
    `notes`: sentences on what is asked for and does nothing here.
    """

    lacks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU, and the workers that have it.

    `address` is its node, "" for this machine; `memory_bytes` is 0 where it is not known;
    `fault` is "" while it works; `others` are what is not ours and holds it.
    """

    identity: str
    model: str
    address: str = ""
    memory_bytes: int = 0
    fault: str = ""
    workers: Sequence[Placed] = ()
    others: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """What would be submitted for a version, before it is; values of secrets left out.

    `text` is for people, and `files` are the same for review, by name; where they are
    submitted by hand, the orchestrator takes what they made for its own. `forecast` is what
    the place says would come of it, a line each.
    """

    text: str
    files: Mapping[str, str] = field(default_factory=dict)
    forecast: Sequence[str] = ()


class Orchestrator(Protocol):
    """Starts and stops workers. Every method raises StackError when it cannot be done now.

    Each may be repeated: what is asked for a second time is there already. What it
    knows it says within seconds; it waits for no worker, neither to begin nor to end.
    """

    @property
    def active(self) -> frozenset[str]:
        """The arguments of the decorator that have an effect here, and not everywhere."""
        ...

    @property
    def most_replicas(self) -> int:
        """Workers of one version that there can be, whatever is free."""
        ...

    async def caveats(self, specs: Sequence[spec_pb2.FunctionSpec]) -> Caveats:
        """Return what whoever deploys these functions should know of the place.

        Nothing where a worker is not started that lacks what its function asks for.
        """
        ...

    async def admit(self, specs: Sequence[spec_pb2.FunctionSpec]) -> None:
        """Raise UnschedulableError for the first function that asks for more than it may.

        By what the operator of the place has decided, and by what the place itself refuses;
        whatever is free there.
        """
        ...

    async def ensure(
        self,
        namespace: str,
        version: str,
        spec: spec_pb2.FunctionSpec,
        provision: Provision,
        replicas: int,
    ) -> None:
        """See to it that at least `replicas` workers of the version are started, and stay.

        Returns when that is asked for; `explain` tells what came of it. Raises
        UnschedulableError, with the reason, when it is known that there is never a
        place for them.
        """
        ...

    async def scale(
        self,
        namespace: str,
        version: str,
        spec: spec_pb2.FunctionSpec,
        provision: Provision,
        replicas: int,
    ) -> None:
        """See to it that exactly `replicas` workers run; those with the highest indexes go.

        Those that go finish what they run, for GRACE_S at least. Raises as `ensure` does.
        """
        ...

    async def plan(
        self,
        namespace: str,
        version: str,
        spec: spec_pb2.FunctionSpec,
        image: str,
        replicas: int,
    ) -> Draft:
        """Return what `ensure` would submit, and what would come of it; nothing is changed.

        Raises UnschedulableError for what it would never submit.
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

    async def gpus(self) -> list[Gpu]:
        """Return every GPU that there is for workers, by node and model, and who has it."""
        ...

    async def check(self, token: str | None) -> list[Finding]:
        """Return what was found out of each thing that workers need here; raises nothing.

        `token` is what they must show to consumers and servers, None for nothing.
        """
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
