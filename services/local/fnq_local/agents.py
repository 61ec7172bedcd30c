"""The workers' agents: as many per function version as the server asked for."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field

from fnq_local import container, logfile, volumes
from fnq_local import image as images
from fnq_local.cgroups import Cgroups
from fnq_local.child import Child, Facts
from fnq_local.forged import ForgedLauncher, Order
from fnq_local.gpus import Gpus
from fnq_local.logfile import LogFile
from fnq_local.place import Place
from fnq_local.process import Process
from fnq_local.program import worker_argv
from fnq_local.zygotes import Room, Zygotes
from fnq_wire.error import StackError, UnschedulableError
from fnq_wire.limits import MOST_REPLICAS
from fnq_wire.variable import SECRET_PREFIX

__all__ = ["Agents", "Wanted"]

#: Seconds between two starts of an agent that dies at each, after a while.
_MOST_PAUSE_S = 10.0
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
    #: Variables for the user's code; kept out of the text.
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    #: What the builder of its image calls that; "" for the stack's own Python.
    image: str = ""
    #: Names of volumes and the absolute paths at which the user's code finds them.
    volumes: tuple[tuple[str, str], ...] = ()
    #: Thousandths of a core, and bytes; 0: not asked.
    cpu_millis: int = 0
    memory_bytes: int = 0
    #: What GPUs are asked for ("nvidia-l4") and how many; one of these, first choice first.
    gpus: tuple[tuple[str, int], ...] = ()

    def check(self) -> None:
        """Raise StackError for a wish without sense, UnschedulableError for too large a one."""
        if not _VERSION.fullmatch(self.version):
            raise StackError(f"not a version id: {self.version!r}")
        if not self.namespace or "\0" in self.namespace + self.function:
            raise StackError(f"not a namespace and function: {self.namespace!r}, {self.function!r}")
        volumes.check(self.volumes)
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
        self,
        place: Place,
        forge: ForgedLauncher,
        zygotes: Zygotes,
        module: str,
        changed: Callable[[], None],
        cgroups: Cgroups,
        models: Callable[[], Awaitable[Sequence[str]]],
    ) -> None:
        self._place = place
        self._cgroups = cgroups
        self._models = models
        self._gpus = Gpus()
        #: Control groups of each agent that has some.
        self._groups: dict[Child, list[str]] = {}
        self._forge = forge
        self._zygotes = zygotes
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
        `grace_s` seconds, in the background. New secrets count for agents that start
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
        if not fleet.children:
            del self._fleets[wanted.namespace, wanted.version]
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
        await asyncio.gather(*(self._end(child, grace_s) for child in going))

    def tidy(self) -> None:
        """Remove the oldest logs of agents that are no more, where there are too many."""
        used = {child.log.path for child in self}
        logfile.prune(self._place.logs, "worker-", _KEPT_LOGS, _MOST_LOGS, used)

    def _dismiss(self, child: Child, grace_s: float) -> asyncio.Task[None]:
        """End an agent in the background; until it is gone it is still in the table."""
        task = asyncio.get_running_loop().create_task(self._end(child, grace_s))
        self._going[task] = child
        task.add_done_callback(self._going.pop)
        return task

    async def _end(self, child: Child, grace_s: float) -> None:
        """End an agent, and what its runners have left."""
        await child.stop(grace_s)
        self._gpus.give_back(child)
        await self._cgroups.remove(self._groups.pop(child, []))

    def _child(self, fleet: _Fleet, replica: int) -> Child:
        identity = fleet.wanted
        log = LogFile(self._place.log(f"worker-{identity.version[:16]}-{replica}"))

        async def launch() -> Process:
            wanted = fleet.wanted
            mounts = volumes.folders(self._place.volumes, wanted.namespace, wanted.volumes)
            # In a container they are there for all of its runners.
            own = [] if container.holds(wanted.image) else volumes.mount_argv(mounts)
            room = Room(mounts, wanted.cpu_millis, wanted.memory_bytes)
            zygote = await self._zygotes.ready(wanted.image, child, room)
            groups = self._groups_of(child, wanted, replica)
            variables = {**await self._gpus_of(child, wanted), **wanted.secrets}
            order = Order(
                module=self._module,
                argv=[
                    *worker_argv(self._place, wanted.namespace, wanted.version, replica, zygote),
                    *(word for name in sorted(variables) for word in ("--secret", name)),
                    *own,
                    *images.worker_argv(wanted.image),
                    *(word for path in groups for word in ("--cgroup", path)),
                ],
                title=f"fnq-worker {wanted.function} {replica}",
                log=log,
                env={SECRET_PREFIX + name: value for name, value in variables.items()},
            )
            return await self._forge.launch(order)

        facts = Facts(
            "worker",
            namespace=identity.namespace,
            function=identity.function,
            version=identity.version,
            replica=replica,
        )
        child = Child(facts, launch, log, changed=self._changed, most_pause_s=_MOST_PAUSE_S)
        return child

    async def _gpus_of(self, child: Child, wanted: Wanted) -> dict[str, str]:
        """Return the variables that show an agent's runners their GPUs."""
        models = await self._models() if wanted.gpus else ()
        return self._gpus.take(child, models, wanted.gpus)

    def gpus(self, child: Child) -> Sequence[int]:
        """Return the numbers of the GPUs that an agent's runners have."""
        return self._gpus.held(child)

    def _groups_of(self, child: Child, wanted: Wanted, replica: int) -> list[str]:
        """Return the control groups of an agent, made at its first start."""
        if container.holds(wanted.image):
            return []  # Its engine has made some.
        if child not in self._groups:
            name = f"{wanted.version[:16]}-{replica}"
            groups = self._cgroups.make(name, wanted.cpu_millis, wanted.memory_bytes)
            self._groups[child] = groups
        return self._groups[child]
