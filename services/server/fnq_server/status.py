"""What a server can say of its stack."""

from __future__ import annotations

import asyncio
import os

from fnq.v1 import control_pb2, scaling_pb2
from fnq_core.backlog import Counts
from fnq_core.connection import measure
from fnq_core.presence import Presence
from fnq_core.registry import Version
from fnq_server.doors import Doors
from fnq_server.limits import summary
from fnq_server.muster import Muster
from fnq_server.orchestrator.seam import Placed
from fnq_server.secrets.vault import ACTIVE
from fnq_server.supply import Supply
from fnq_wire.error import StackError
from fnq_wire.inactive import inactive

__all__ = ["Reporter"]

#: Seconds in which an orchestrator must answer: who asks for a status has less than one.
_PLACED_S = 0.4


class Reporter:
    """Gathers status from Redis, and from where workers run."""

    def __init__(
        self,
        doors: Doors,
        address: str,
        supply: Supply,
    ) -> None:
        self._redis = doors.redis
        self._address = address
        self._registry = doors.registry
        self._backlog = doors.backlog
        self._board = doors.board
        self._book = doors.limits
        self._orchestrator = supply.orchestrator
        self._vault = supply.vault
        self._builder = supply.builder
        self._muster = Muster(doors.redis)

    @property
    def active(self) -> frozenset[str]:
        """The arguments of the decorator that have an effect on this stack, and not on every."""
        placed = self._orchestrator.active if self._orchestrator else frozenset[str]()
        built = self._builder.active if self._builder else frozenset[str]()
        return placed - {ACTIVE} | built | self._vault.active

    async def report(self, namespace: str) -> control_pb2.StatusReply:
        """Return the processes this server knows of, and the functions of a namespace."""
        reply = control_pb2.StatusReply()
        reply.processes.add(role="server", pid=os.getpid(), address=self._address, state="ready")
        presences, placed = await self._workers(namespace)
        for presence in presences:
            _add_worker(reply, presence)
        there = {(each.version, each.replica) for each in presences}
        for each in placed:
            if each.namespace == namespace and (each.version, each.replica) not in there:
                _add_placed(reply, each)
        functions = await self._registry.functions([namespace])
        current = [(namespace, each.current) for each in functions if each.current]
        found = await self._registry.versions(current)
        versions = [version for version in found if version is not None]
        counts = await self._backlog.count([(namespace, version.id) for version in versions])
        scalings = await self._muster.of(namespace, versions, presences, placed)
        for version, counted, scaling in zip(versions, counts, scalings, strict=True):
            status = _add_function(reply, version, counted)
            status.scaling.CopyFrom(scaling)
            status.inactive.extend(inactive(version.spec, self.active))
            if limit := version.spec.rate_limit_key:
                status.limit = summary(await self._book.look(namespace, limit))
        reply.redis_version, reply.redis_bytes = await measure(self._redis)
        return reply

    async def scaling(self, namespace: str, version: Version) -> scaling_pb2.ScalingState:
        """Return how many workers a version has, and may have."""
        presences, placed = await self._workers(namespace)
        [found] = await self._muster.of(namespace, [version], presences, placed)
        return found

    async def _workers(self, namespace: str) -> tuple[list[Presence], list[Placed]]:
        return await asyncio.gather(self._board.of(namespace), self._placed())

    async def _placed(self) -> list[Placed]:
        """Return the workers that the orchestrator has; none where it does not say so in time."""
        if self._orchestrator is None:
            return []
        try:
            async with asyncio.timeout(_PLACED_S):
                return await self._orchestrator.status()
        except (StackError, TimeoutError):
            return []


def _add_function(
    reply: control_pb2.StatusReply, version: Version, counts: Counts
) -> control_pb2.FunctionStatus:
    status = reply.functions.add(queued=counts.waiting, running=counts.held)
    status.version.id, status.version.number = version.id, version.number
    status.version.created_ms = version.created_ms
    status.version.spec.CopyFrom(version.spec)
    return status


def _add_worker(reply: control_pb2.StatusReply, presence: Presence) -> None:
    workers = [("worker", presence.pid, presence.busy)]
    runners = [("runner", pid, busy) for pid, busy in presence.processes()]
    for role, pid, busy in workers + runners:
        reply.processes.add(
            role=role,
            pid=pid,
            function=presence.function,
            version=presence.version,
            replica=presence.replica,
            busy=busy,
            state=presence.state,
        )


def _add_placed(reply: control_pb2.StatusReply, placed: Placed) -> None:
    """Add a worker that has not said yet how it is."""
    reply.processes.add(
        role="worker",
        pid=placed.pid,
        address=placed.address,
        function=placed.function,
        version=placed.version,
        replica=placed.replica,
        state=placed.state,
    )
