"""What a server can say of its stack."""

from __future__ import annotations

import os

from redis.asyncio import Redis

from fnq.v1 import control_pb2
from fnq_core.calls import CallStreams
from fnq_core.connection import measure
from fnq_core.presence import Presence, PresenceBoard
from fnq_core.registry import Registry, Version
from fnq_wire.inactive import inactive

__all__ = ["Reporter"]


class Reporter:
    """Gathers status from Redis."""

    def __init__(
        self,
        redis: Redis,
        address: str,
        registry: Registry,
        calls: CallStreams,
        board: PresenceBoard,
    ) -> None:
        self._redis = redis
        self._address = address
        self._registry = registry
        self._calls = calls
        self._board = board

    async def report(self, namespace: str) -> control_pb2.StatusReply:
        """Return the processes this server knows of, and the functions of a namespace."""
        reply = control_pb2.StatusReply()
        reply.processes.add(role="server", pid=os.getpid(), address=self._address, state="ready")
        for presence in await self._board.of(namespace):
            _add_worker(reply, presence)
        for name in await self._registry.names(namespace):
            version = await self._registry.find(namespace, name)
            if version is not None:
                await self._add_function(reply, namespace, version)
        reply.redis_version, reply.redis_bytes = await measure(self._redis)
        return reply

    async def _add_function(
        self, reply: control_pb2.StatusReply, namespace: str, version: Version
    ) -> None:
        waiting, held = await self._calls.queued(namespace, version.id)
        status = reply.functions.add(queued=waiting, running=held)
        status.version.id, status.version.number = version.id, version.number
        status.version.created_ms = version.created_ms
        status.version.spec.CopyFrom(version.spec)
        status.inactive.extend(inactive(version.spec))


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
