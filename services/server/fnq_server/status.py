"""What a server can say of its stack."""

from __future__ import annotations

import asyncio
import os

from redis.asyncio import Redis

from fnq.v1 import control_pb2
from fnq_core.backlog import Backlog, Counts
from fnq_core.connection import measure
from fnq_core.presence import Presence, PresenceBoard
from fnq_core.registry import Registry, Version
from fnq_server.orchestrator.seam import Orchestrator, Placed
from fnq_wire.error import StackError
from fnq_wire.inactive import inactive

__all__ = ["Reporter"]

#: Seconds in which an orchestrator must answer: who asks for a status has less than one.
_PLACED_S = 0.4


class Reporter:
    """Gathers status from Redis, and from where workers run."""

    def __init__(
        self,
        redis: Redis,
        address: str,
        registry: Registry,
        backlog: Backlog,
        board: PresenceBoard,
        orchestrator: Orchestrator | None,
    ) -> None:
        self._redis = redis
        self._address = address
        self._registry = registry
        self._backlog = backlog
        self._board = board
        self._orchestrator = orchestrator

    @property
    def active(self) -> frozenset[str]:
        """The arguments of the decorator that have an effect on this stack, and not on every."""
        return self._orchestrator.active if self._orchestrator else frozenset()

    async def report(self, namespace: str) -> control_pb2.StatusReply:
        """Return the processes this server knows of, and the functions of a namespace."""
        reply = control_pb2.StatusReply()
        reply.processes.add(role="server", pid=os.getpid(), address=self._address, state="ready")
        presences, placed = await asyncio.gather(self._board.of(namespace), self._placed())
        for presence in presences:
            _add_worker(reply, presence)
        there = {(each.version, each.replica) for each in presences}
        for each in placed:
            if each.namespace == namespace and (each.version, each.replica) not in there:
                _add_placed(reply, each)
        functions = await self._registry.functions([namespace])
        current = [(namespace, each.current) for each in functions]
        for version, counts in zip(
            await self._registry.versions(current),
            await self._backlog.count(current),
            strict=True,
        ):
            if version is not None:
                _add_function(reply, version, counts, inactive(version.spec, self.active))
        reply.redis_version, reply.redis_bytes = await measure(self._redis)
        return reply

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
    reply: control_pb2.StatusReply, version: Version, counts: Counts, names: list[str]
) -> None:
    status = reply.functions.add(queued=counts.waiting, running=counts.held)
    status.version.id, status.version.number = version.id, version.number
    status.version.created_ms = version.created_ms
    status.version.spec.CopyFrom(version.spec)
    status.inactive.extend(names)


def _add_worker(reply: control_pb2.StatusReply, presence: Presence) -> None:
    for role, pid in (("worker", presence.pid), ("runner", presence.runner)):
        if pid:
            reply.processes.add(
                role=role,
                pid=pid,
                function=presence.function,
                version=presence.version,
                replica=presence.replica,
                busy=presence.busy,
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
