"""Sees to it that a version with calls has a worker."""

from __future__ import annotations

import asyncio

import structlog

from fnq_core.calls import CallStreams
from fnq_core.connection import UNREACHABLE
from fnq_core.registry import Registry, Version
from fnq_server.orchestrator.seam import Orchestrator

__all__ = ["Demand"]

#: Seconds for which a version that was seen to is not looked at again.
_FRESH_S = 2.0
_log = structlog.get_logger()


class Demand:
    """Asks the orchestrator for workers: at once on a call, and by a look at all queues."""

    def __init__(
        self, registry: Registry, calls: CallStreams, orchestrator: Orchestrator | None
    ) -> None:
        self._registry = registry
        self._calls = calls
        self._orchestrator = orchestrator
        self._fresh: set[tuple[str, str]] = set()
        self._wanted: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    def want(self, namespace: str, version_id: str) -> None:
        """Say that the version has calls; cheap, for every call."""
        key = (namespace, version_id)
        if key not in self._fresh:
            self._fresh.add(key)
            self._wanted.put_nowait(key)

    async def supply_forever(self) -> None:
        """Ask for what is wanted, until cancelled."""
        while True:
            namespace, version_id = await self._wanted.get()
            try:
                version = await self._registry.version(namespace, version_id)
                if version is not None:
                    await self._ensure(namespace, version)
            except (*UNREACHABLE, RuntimeError) as problem:
                _log.warning("cannot start a worker", version=version_id, problem=str(problem))
                self._fresh.discard((namespace, version_id))

    async def begin_again(self, namespace: str, version_id: str) -> None:
        """End the workers of a version; the next that it needs are new."""
        if self._orchestrator is None:
            return
        try:
            await self._orchestrator.stop(namespace, version_id)
        except RuntimeError as problem:
            _log.warning("cannot stop a worker", version=version_id, problem=str(problem))
        self._fresh.discard((namespace, version_id))

    async def _ensure(self, namespace: str, version: Version) -> None:
        if self._orchestrator is not None:
            replicas = max(1, version.spec.min_replicas)
            await self._orchestrator.ensure(namespace, version.id, version.spec, replicas)

    async def look_forever(self) -> None:
        """Look at all queues now and then, until cancelled.

        Calls whose acceptance was seen by a server that died, and functions that
        ask for replicas without calls, are found here.
        """
        while True:
            self._fresh.clear()
            try:
                await self._look()
            except UNREACHABLE:
                pass  # Looked at again in a moment, as every round.
            await asyncio.sleep(_FRESH_S)

    async def _look(self) -> None:
        for namespace in await self._registry.namespaces():
            for name in await self._registry.names(namespace):
                current = await self._registry.find(namespace, name)
                if current is not None and current.spec.min_replicas:
                    self.want(namespace, current.id)
                for version_id in await self._registry.version_ids(namespace, name):
                    waiting, held = await self._calls.queued(namespace, version_id)
                    if waiting or held:
                        self.want(namespace, version_id)
