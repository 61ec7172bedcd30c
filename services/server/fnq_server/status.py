"""What a server can say of its stack."""

from __future__ import annotations

import os
from collections.abc import Collection

from redis.asyncio import Redis

from fnq.v1 import control_pb2
from fnq_core.backlog import Backlog, Counts
from fnq_core.connection import measure
from fnq_core.presence import Presence, PresenceBoard
from fnq_core.registry import Registry, Version
from fnq_wire.inactive import inactive

__all__ = ["Reporter"]


class Reporter:
    """Gathers status from Redis.

    `active` are the arguments of the decorator that have an effect only on some stacks,
    and on this one.
    """

    def __init__(
        self,
        redis: Redis,
        address: str,
        registry: Registry,
        backlog: Backlog,
        board: PresenceBoard,
        active: Collection[str],
    ) -> None:
        self._redis = redis
        self._address = address
        self._registry = registry
        self._backlog = backlog
        self._board = board
        self.active = active

    async def report(self, namespace: str) -> control_pb2.StatusReply:
        """Return the processes this server knows of, and the functions of a namespace."""
        reply = control_pb2.StatusReply()
        reply.processes.add(role="server", pid=os.getpid(), address=self._address, state="ready")
        for presence in await self._board.of(namespace):
            _add_worker(reply, presence)
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
