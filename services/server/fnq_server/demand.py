"""Sees to it that a version with calls has a worker."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

import structlog
from redis.exceptions import ResponseError

from fnq.v1 import spec_pb2
from fnq_core.connection import UNREACHABLE
from fnq_core.registry import RecordError
from fnq_core.scalings import Scaling
from fnq_server.complaint import Complaint
from fnq_server.doors import Doors
from fnq_server.orchestrator.seam import Explanation, Orchestrator, Outlook
from fnq_server.provisions import Provisions
from fnq_wire.error import StackError, UnschedulableError

__all__ = ["Demand"]

#: Seconds for which a version that was seen to is not looked at again.
_FRESH_S = 2.0
#: Seconds for which versions without calls are not looked at, unless functions change: their
#: calls can have come only by a server that died before it wanted a worker for them.
_WHOLE_S = 30.0
#: Seconds for which it is remembered when a version was wanted last.
_RECENT_S = 10.0
_log = structlog.get_logger()


class Demand:
    """Asks the orchestrator for workers: at once on a call, and by a look at all queues."""

    def __init__(
        self,
        doors: Doors,
        orchestrator: Orchestrator | None,
        provisions: Provisions,
    ) -> None:
        self._registry, self._backlog = doors.registry, doors.backlog
        self._cordons, self._book = doors.cordons, doors.scalings
        self._orchestrator, self._provisions = orchestrator, provisions
        self._fresh: set[tuple[str, str]] = set()
        #: Versions that were wanted since the last look and are deleted.
        self._gone: set[tuple[str, str]] = set()
        #: Versions that had calls at the last look, or were wanted since; whether any had.
        self.busy: set[tuple[str, str]] = set()
        self.has_calls = False
        #: Those that may have calls: all were looked at last at that revision and loop time.
        self._heeded: set[tuple[str, str]] = set()
        self._revision, self._whole_at = 0, float("-inf")
        #: Namespaces, current versions, and what operators have set, at the last look.
        self.namespaces: list[str] = []
        self.current: set[tuple[str, str]] = set()
        #: Those of the current versions that have workers without calls.
        self.standing: set[tuple[str, str]] = set()
        self.scalings: dict[tuple[str, str], Scaling] = {}
        #: Loop times at which versions were wanted last, unless that is long ago.
        self.wanted_at: dict[tuple[str, str], float] = {}
        #: How often workers were asked for.
        self.asked = 0
        #: Versions that have never been live, when they were looked up last.
        self.untried: set[tuple[str, str]] = set()
        #: What versions say, of those that were looked up.
        self.specs: dict[tuple[str, str], spec_pb2.FunctionSpec] = {}
        self._complaint = Complaint(_log.error, "queues cannot be looked at")
        #: Why a worker could not be asked for last.
        self._refused: dict[tuple[str, str], Explanation] = {}
        #: What is to be asked for, each once, in this order.
        self._wanted: dict[tuple[str, str], None] = {}
        self._news = asyncio.Event()

    def want(self, namespace: str, version_id: str) -> None:
        """Say that the version has calls; cheap, for every call."""
        key = (namespace, version_id)
        if key not in self._fresh:
            self._fresh.add(key)
            self.busy.add(key)
            self._heeded.add(key)
            self.wanted_at[key] = asyncio.get_running_loop().time()
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
                await self._cordons.open(namespace, version_id)
                await self.supply(namespace, version_id, 1)
            except UNREACHABLE as problem:
                _log.warning("cannot start a worker", version=version_id, problem=str(problem))
                self._fresh.discard((namespace, version_id))
            except ResponseError as problem:
                self._refuse(namespace, version_id, Outlook.BLOCKED, problem)

    async def supply(self, namespace: str, version_id: str, replicas: int) -> bool:
        """Ask for as many workers of a version, or as many as it has at least.

        Return whether they were asked for; `refused` tells why not. Raises one of
        UNREACHABLE.
        """
        try:
            version = await self._registry.version(namespace, version_id)
        except RecordError as problem:
            self._refuse(namespace, version_id, Outlook.BLOCKED, problem)
            return False
        if version is None or version.deleted:
            self._gone.add((namespace, version_id))
            return False
        if self._orchestrator is None:
            return False
        self.asked += 1
        try:
            provision = await self._provisions.of(namespace, version)
            least, _ = self.bounds(namespace, version_id, version.spec)
            await self._orchestrator.ensure(
                namespace, version.id, version.spec, provision, max(replicas, least)
            )
        except UnschedulableError as problem:
            self._refuse(namespace, version.id, Outlook.IMPOSSIBLE, problem)
        except StackError as problem:
            self._refuse(namespace, version.id, Outlook.BLOCKED, problem)
        else:
            self._refused.pop((namespace, version.id), None)
            return True
        return False

    def bounds(
        self, namespace: str, version_id: str, spec: spec_pb2.FunctionSpec
    ) -> tuple[int, int]:
        """Return the least and the most replicas of a version, by what was last seen.

        One that is not current has none without calls.
        """
        scaling = self.scalings.get((namespace, spec.name), Scaling())
        least, most = scaling.bounds(spec.min_replicas, max(1, spec.max_replicas))
        if self._orchestrator is not None:
            room = self._orchestrator.most_replicas
            least, most = min(least, room), min(most, room)
        return (least if (namespace, version_id) in self.current else 0), most

    async def check_room(
        self, _namespace: str, specs: Sequence[spec_pb2.FunctionSpec]
    ) -> Sequence[str]:
        """Raise UnschedulableError for a function that asks for more than it can, or may, have.

        Return nothing to be told.
        """
        if self._orchestrator is None:
            return ()
        await self._orchestrator.admit(specs)
        most = self._orchestrator.most_replicas
        for spec in specs:
            if spec.min_replicas > most:
                raise UnschedulableError(
                    f"{spec.min_replicas} workers are asked for, {most} can run here at most: "
                    "lower min_replicas",
                    function=spec.name,
                )
        return ()

    def is_gone(self, namespace: str, version_id: str) -> bool:
        """Whether a version that is wanted is deleted, by what was last seen."""
        return (namespace, version_id) in self._gone

    def refused(self, namespace: str, version_id: str) -> Explanation | None:
        """Return why a worker could not be asked for last; None where it could be."""
        return self._refused.get((namespace, version_id))

    def forget(self, namespace: str, version_id: str) -> None:
        """Forget what is known of a version: it is asked for anew when it is wanted next."""
        self._fresh.discard((namespace, version_id))
        self._gone.discard((namespace, version_id))
        self._refused.pop((namespace, version_id), None)

    def want_anew(self, namespace: str, version_id: str) -> None:
        """Have a version that is wanted asked for anew at once: something has changed."""
        if (namespace, version_id) in self._refused:
            self._fresh.discard((namespace, version_id))
            self.want(namespace, version_id)

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

    async def see_off(self, namespace: str, version_id: str) -> bool:
        """Have the workers of a version end that needs no others; return whether all is done."""
        return self._orchestrator is None or await self.begin_again(namespace, version_id)

    async def spare(self, namespace: str, version_id: str) -> None:
        """Have the workers of a version end if it has no calls: the first one brings others."""
        try:
            [counts] = await self._backlog.count([(namespace, version_id)])
        except UNREACHABLE:
            return  # One worker more stays.
        if not counts.waiting and not counts.held:
            self._wanted.pop((namespace, version_id), None)
            await self.begin_again(namespace, version_id)

    async def renew(self, namespace: str, version_id: str) -> None:
        """Have workers that start from now on given what secrets are set now.

        Those that run stay as they are.
        """
        try:
            version = await self._registry.version(namespace, version_id)
            if version is not None and version.spec.secrets:
                await self.supply(namespace, version_id, 0)
        except (*UNREACHABLE, RecordError) as problem:
            _log.warning("cannot renew secrets", version=version_id, problem=str(problem))

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
            self._gone.clear()
            try:
                await self._look()
            except UNREACHABLE:
                self._whole_at = float("-inf")  # Looked at again in a moment, as every round.
            except ResponseError as problem:
                self._complaint.make(problem)
            await asyncio.sleep(_FRESH_S)

    async def _look(self) -> None:
        """Want what has calls, and what asks for replicas; seven round trips for any number."""
        now = asyncio.get_running_loop().time()
        revision = await self._registry.revision()
        whole = revision != self._revision or now - self._whole_at >= _WHOLE_S
        looked_at = await self._survey() if whole else list(self._heeded)
        counted = dict(zip(looked_at, await self._backlog.count(looked_at), strict=True))
        self.wanted_at = {key: at for key, at in self.wanted_at.items() if at > now - _RECENT_S}
        if whole:
            self._revision, self._whole_at = revision, now
            self._heeded = {key for key, counts in counted.items() if counts.waiting or counts.held}
            self._heeded |= self.wanted_at.keys()
        # Attempts that are not due need no worker, but the stack must be there for them.
        self.has_calls = any(counts.waiting or counts.held for counts in counted.values())
        self.busy = {each for each, counts in counted.items() if counts.due}
        self.standing = {each for each in self.current if self._least(each)}
        for key in self.busy | self.standing:
            self.want(*key)

    async def _survey(self) -> list[tuple[str, str]]:
        """Learn which functions there are and what is set of them; return all their versions."""
        self.namespaces = await self._registry.namespaces()
        functions = await self._registry.functions(self.namespaces)
        self.scalings = await self._book.all(self.namespaces)
        self.current = {(each.namespace, each.current) for each in functions if each.current}
        await self.learn(self.current)
        return [(each.namespace, version) for each in functions for version in each.versions]

    def _least(self, key: tuple[str, str]) -> int:
        spec = self.specs.get(key)
        return 0 if spec is None else self.bounds(*key, spec)[0]

    async def learn(self, versions: Collection[tuple[str, str]]) -> None:
        """Look up what versions say, where it is not known: they change only by becoming live."""
        unknown = [each for each in versions if each not in self.specs or each in self.untried]
        for version_key, found in zip(unknown, await self._registry.versions(unknown), strict=True):
            self.untried.discard(version_key)
            if found is not None:
                self.specs[version_key] = found.spec
                if not found.live:
                    self.untried.add(version_key)
