"""Sees to it that a version with calls has a worker."""

from __future__ import annotations

import asyncio

import structlog
from redis.exceptions import ResponseError

from fnq_core.backlog import Backlog
from fnq_core.connection import UNREACHABLE
from fnq_core.registry import RecordError, Registry, Version
from fnq_server.orchestrator.seam import Explanation, Orchestrator, Outlook
from fnq_wire.error import StackError, UnschedulableError

__all__ = ["Demand"]

#: Seconds for which a version that was seen to is not looked at again.
_FRESH_S = 2.0
_log = structlog.get_logger()


class Demand:
    """Asks the orchestrator for workers: at once on a call, and by a look at all queues."""

    def __init__(
        self, registry: Registry, backlog: Backlog, orchestrator: Orchestrator | None
    ) -> None:
        self._registry = registry
        self._backlog = backlog
        self._orchestrator = orchestrator
        self._fresh: set[tuple[str, str]] = set()
        #: Versions that had calls at the last look, or were wanted since.
        self.busy: set[tuple[str, str]] = set()
        #: Replicas that each version asks for without calls.
        self._least: dict[tuple[str, str], int] = {}
        #: What was last logged of them.
        self._complaint = ""
        #: Why a worker could not be asked for last.
        self._refused: dict[tuple[str, str], Explanation] = {}
        #: What is to be asked for, each once, the first wanted first.
        self._wanted: dict[tuple[str, str], None] = {}
        self._news = asyncio.Event()

    def want(self, namespace: str, version_id: str) -> None:
        """Say that the version has calls; cheap, for every call."""
        key = (namespace, version_id)
        if key not in self._fresh:
            self._fresh.add(key)
            self.busy.add(key)
            self._wanted[key] = None
            self._news.set()

    async def supply_forever(self) -> None:
        """Ask for what is wanted, until cancelled."""
        while True:
            while not self._wanted:
                self._news.clear()
                await self._news.wait()
            namespace, version_id = next(iter(self._wanted))
            del self._wanted[namespace, version_id]
            try:
                version = await self._registry.version(namespace, version_id)
                if version is not None:
                    await self._ensure(namespace, version)
            except UNREACHABLE as problem:
                _log.warning("cannot start a worker", version=version_id, problem=str(problem))
                self._fresh.discard((namespace, version_id))
            except RecordError as problem:
                self._refuse(namespace, version_id, Outlook.BLOCKED, problem)

    def refused(self, namespace: str, version_id: str) -> Explanation | None:
        """Return why a worker could not be asked for last; None where it could be."""
        return self._refused.get((namespace, version_id))

    async def begin_again(self, namespace: str, version_id: str) -> bool:
        """Have the workers of a version end; the next that it needs are new.

        Return whether they were told to.
        """
        if self._orchestrator is None:
            return False
        try:
            await self._orchestrator.stop(namespace, version_id)
        except RuntimeError as problem:
            _log.warning("cannot stop a worker", version=version_id, problem=str(problem))
            return False
        self._fresh.discard((namespace, version_id))
        return True

    async def _ensure(self, namespace: str, version: Version) -> None:
        if self._orchestrator is not None:
            replicas = max(1, version.spec.min_replicas)
            try:
                await self._orchestrator.ensure(namespace, version.id, version.spec, replicas)
            except UnschedulableError as problem:
                self._refuse(namespace, version.id, Outlook.IMPOSSIBLE, problem)
            except StackError as problem:
                self._refuse(namespace, version.id, Outlook.BLOCKED, problem)
            else:
                self._refused.pop((namespace, version.id), None)

    def _refuse(
        self, namespace: str, version_id: str, outlook: Outlook, problem: Exception
    ) -> None:
        """Note why no worker can be asked for; it is tried again at the next look."""
        known, key = Explanation(outlook, str(problem)), (namespace, version_id)
        if self._refused.get(key) != known:
            _log.warning("cannot start a worker", version=version_id, problem=known.reason)
        self._refused[key] = known

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
            except ResponseError as problem:
                self._complain(str(problem))
            await asyncio.sleep(_FRESH_S)

    def _complain(self, problem: str) -> None:
        """Log what Redis refuses to tell, once for as long as it is the same."""
        if problem != self._complaint:
            self._complaint = problem
            _log.error("queues cannot be looked at", problem=problem)

    async def _look(self) -> None:
        """Want what has calls, and what asks for replicas; five round trips for any number."""
        functions = await self._registry.functions(await self._registry.namespaces())
        current = [(each.namespace, each.current) for each in functions]
        await self._learn([each for each in current if each not in self._least])
        known = [(each.namespace, version) for each in functions for version in each.versions]
        self.busy = {
            each
            for each, counts in zip(known, await self._backlog.count(known), strict=True)
            if counts.waiting or counts.held
        }
        for key in self.busy.union(each for each in current if self._least.get(each)):
            self.want(*key)

    async def _learn(self, unknown: list[tuple[str, str]]) -> None:
        """Remember the replicas that versions ask for: a version never changes."""
        for version_key, found in zip(unknown, await self._registry.versions(unknown), strict=True):
            if found is not None:
                self._least[version_key] = found.spec.min_replicas
