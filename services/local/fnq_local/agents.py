"""The workers' agents: as many per function version as the server asked for."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from fnq_local import logfile
from fnq_local.child import Child, Facts
from fnq_local.forged import ForgedLauncher, Order
from fnq_local.logfile import LogFile
from fnq_local.place import Place
from fnq_local.process import Process
from fnq_local.program import worker_argv
from fnq_wire.error import StackError, UnschedulableError

__all__ = ["MOST_REPLICAS", "Agents", "Wanted"]

#: Agents of one version on one machine; more is a mistake, not a wish.
MOST_REPLICAS = 256
#: Log files of agents that are kept, and bytes of all of them together.
_KEPT_LOGS, _MOST_LOGS = 50, 256 << 20
#: A version is part of a path.
_VERSION = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the server wants to run of one version."""

    namespace: str
    version: str
    function: str
    replicas: int
    #: Whether to stop what is too many.
    exact: bool = True
    #: May hold secrets, so it is kept out of the text.
    env: dict[str, str] = field(default_factory=dict, repr=False)

    def check(self) -> None:
        """Raise StackError for a wish without sense, UnschedulableError for too large a one."""
        if not _VERSION.fullmatch(self.version):
            raise StackError(f"not a version id: {self.version!r}")
        if not self.namespace or "\0" in self.namespace + self.function:
            raise StackError(f"not a namespace and function: {self.namespace!r}, {self.function!r}")
        if self.replicas < 0:
            raise StackError(f"not a number of workers: {self.replicas}")
        if self.replicas > MOST_REPLICAS:
            raise UnschedulableError(
                f"{self.replicas} workers are asked for, one machine runs {MOST_REPLICAS} at most: "
                "lower min_replicas"
            )


@dataclass(slots=True)
class _Fleet:
    wanted: Wanted
    children: list[Child] = field(default_factory=list)


class Agents:
    """The table of agents; replica indexes are 0 up to the number wanted."""

    def __init__(
        self, place: Place, forge: ForgedLauncher, module: str, changed: Callable[[], None]
    ) -> None:
        self._place = place
        self._forge = forge
        self._module = module
        self._changed = changed
        self._fleets: dict[tuple[str, str], _Fleet] = {}
        #: Those that are told to end and still run, and what waits for their end.
        self._going: dict[asyncio.Task[None], Child] = {}
        self.tidy()

    def __iter__(self) -> Iterator[Child]:
        staying = [child for fleet in self._fleets.values() for child in fleet.children]
        return iter([*staying, *self._going.values()])

    def ensure(self, wanted: Wanted, grace_s: float) -> list[Child]:
        """Start agents until as many run as are wanted; return those that stay.

        With `exact` the surplus is stopped: those with the highest indexes, within
        `grace_s` seconds, in the background. A new `env` counts for agents that start
        from now on. Raises as `Wanted.check` does.
        """
        wanted.check()
        fleet = self._fleets.setdefault((wanted.namespace, wanted.version), _Fleet(wanted))
        fleet.wanted = wanted
        most = wanted.replicas if wanted.exact else max(wanted.replicas, len(fleet.children))
        for replica in range(len(fleet.children), wanted.replicas):
            child = self._child(fleet, replica)
            fleet.children.append(child)
            child.start()
        surplus = fleet.children[most:]
        del fleet.children[most:]
        for child in surplus:
            self._dismiss(child, grace_s)
        return fleet.children

    def of(self, namespace: str, version: str) -> list[Child]:
        """Return the agents of a version that are to stay."""
        fleet = self._fleets.get((namespace, version))
        return [] if fleet is None else list(fleet.children)

    def stop(self, namespace: str, version: str, grace_s: float) -> int:
        """End all agents of a version, in the background; return how many there were."""
        fleet = self._fleets.pop((namespace, version), None)
        going = [] if fleet is None else fleet.children
        for child in going:
            self._dismiss(child, grace_s)
        return len(going)

    async def stop_all(self, grace_s: float) -> None:
        """End every agent."""
        going = list(self)
        self._fleets.clear()
        # Those that were given longer before are cut short as well.
        await asyncio.gather(*(child.stop(grace_s) for child in going))

    def tidy(self) -> None:
        """Remove the oldest logs of agents that are no more, where there are too many."""
        used = {child.log.path for child in self}
        logfile.prune(self._place.logs, "worker-", _KEPT_LOGS, _MOST_LOGS, used)

    def _dismiss(self, child: Child, grace_s: float) -> asyncio.Task[None]:
        """End an agent in the background; until it is gone it is still in the table."""
        task = asyncio.get_running_loop().create_task(child.stop(grace_s))
        self._going[task] = child
        task.add_done_callback(self._going.pop)
        return task

    def _child(self, fleet: _Fleet, replica: int) -> Child:
        wanted = fleet.wanted
        log = LogFile(self._place.log(f"worker-{wanted.version[:16]}-{replica}"))

        async def launch() -> Process:
            order = Order(
                module=self._module,
                argv=worker_argv(self._place, wanted.namespace, wanted.version, replica),
                title=f"fnq-worker {wanted.function} {replica}",
                log=log,
                env=fleet.wanted.env,
            )
            return await self._forge.launch(order)

        facts = Facts(
            "worker",
            namespace=wanted.namespace,
            function=wanted.function,
            version=wanted.version,
            replica=replica,
        )
        return Child(facts, launch, log, changed=self._changed)
