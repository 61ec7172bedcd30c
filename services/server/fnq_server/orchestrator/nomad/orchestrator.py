"""Workers on Nomad: each function version is one service job, each worker an allocation."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fnq_server.orchestrator.nomad.census import workers
from fnq_server.orchestrator.nomad.door import Access, NomadDoor
from fnq_server.orchestrator.nomad.job import NAMESPACE, Job, render
from fnq_server.orchestrator.nomad.placement import Ask, Node, judge, unplaced
from fnq_server.orchestrator.nomad.step import Register, next_step
from fnq_server.orchestrator.nomad.story import TERMINAL, last_words, newest, tell
from fnq_server.orchestrator.nomad.terms import Terms
from fnq_server.orchestrator.seam import Explanation, Outlook, Placed
from fnq_wire.error import StackError

if TYPE_CHECKING:
    from fnq.v1 import spec_pb2

__all__ = ["NomadOrchestrator"]

#: Looks at a job that others change at the same time.
_TRIES = 8
#: Seconds in which Nomad must have told the workers of a stopped job to end.
_TOLD_S = 5.0
#: Seconds between two reports that we are in use: Nomad does not go away.
_IDLE_S = 600.0
#: Bytes of a log that are read for each line asked for, and at most.
_LINE, _LOG = 1_000, 1 << 20
_HEX = re.compile(r"[0-9a-f]+")


class NomadOrchestrator:
    """Runs the workers as `terms` say, on the Nomad behind `access`."""

    active = frozenset({"cpu", "memory"})

    def __init__(self, access: Access, terms: Terms) -> None:
        self._door = NomadDoor(access)
        self._terms = terms
        self._since_ms = time.time_ns() // 1_000_000
        self._ids: dict[tuple[str, str], str] = {}

    async def ensure(
        self, namespace: str, version: str, spec: spec_pb2.FunctionSpec, replicas: int
    ) -> None:
        """See to it that at least `replicas` workers of the version are started, and stay."""
        await self._place(namespace, version, spec, replicas, exact=False)

    async def scale(
        self, namespace: str, version: str, spec: spec_pb2.FunctionSpec, replicas: int
    ) -> None:
        """See to it that exactly `replicas` workers run; those with the highest indexes go."""
        await self._place(namespace, version, spec, replicas, exact=True)

    async def _place(
        self,
        namespace: str,
        version: str,
        spec: spec_pb2.FunctionSpec,
        replicas: int,
        *,
        exact: bool,
    ) -> None:
        try:
            job = render(self._terms, namespace, version, spec, replicas, self._since_ms)
            await self._bring_about(job, exact=exact)
        except ValueError as problem:
            raise StackError(str(problem)) from problem
        self._ids[namespace, version] = job["ID"]

    async def _bring_about(self, job: Job, *, exact: bool) -> None:
        """Change what Nomad has until it is as wanted; others may change it meanwhile."""
        for _ in range(_TRIES):
            step = next_step(await self._door.job(job["ID"]), job, exact=exact)
            if step is None:
                return
            if isinstance(step, Register):
                await self._door.register(step.job, step.index)
            else:
                await self._door.scale(job["ID"], step.count, step.index)
        raise StackError(f"the job {job['ID']} is changed by others all the time")

    async def stop(self, namespace: str, version: str) -> None:
        """Have all workers of the version end; those that are ensured afterwards are new.

        A job that is registered again before its workers are told to end keeps them.
        """
        identity = await self._find(namespace, version)
        if not identity:
            return
        stopped_at = await self._door.deregister(identity)
        left, index = True, 0
        try:
            async with asyncio.timeout(_TOLD_S):
                while left:
                    found, index = await self._door.changed_allocations(identity, index, _TOLD_S)
                    left = any(_stays(each, stopped_at) for each in found)
        except TimeoutError as problem:
            raise StackError(
                f"Nomad has not told the workers of {identity} to end in {_TOLD_S:g} s"
            ) from problem

    async def status(self) -> list[Placed]:
        """Return every worker that is run or to be run, whatever its state."""
        return workers(*await asyncio.gather(self._door.jobs(), self._door.all_allocations()))

    async def explain(self, namespace: str, version: str) -> Explanation:
        """Return what is known of the version's workers: of the best of them."""
        identity = await self._find(namespace, version)
        job = await self._door.job(identity) if identity else None
        if job is None:
            return Explanation(Outlook.ABSENT, "no worker was started")
        if job["Stop"]:
            return Explanation(Outlook.ABSENT, "its workers were stopped")
        allocations, evaluations = await asyncio.gather(
            self._door.allocations(identity), self._door.evaluations(identity)
        )
        ask = Ask.of(job)
        story = tell(allocations, ask.memory_mb, time.time())
        if story is not None and story.outlook in (Outlook.RUNNING, Outlook.STARTING):
            return Explanation(story.outlook, story.sentence)
        metric = unplaced(evaluations)
        if metric is not None:
            lack = judge(ask, metric, [Node.of(each) for each in await self._door.nodes()])
            outlook = Outlook.IMPOSSIBLE if lack.permanent else Outlook.BLOCKED
            return Explanation(outlook, lack.sentence)
        if story is None:
            return _awaited(job)
        words = await self._last_words(story.ended) if story.ended else ""
        return Explanation(story.outlook, f"{story.sentence}: {words}" if words else story.sentence)

    async def logs(self, namespace: str, version: str, tail: int) -> list[str]:
        """Return the last `tail` lines that each worker of the version itself wrote."""
        identity = await self._find(namespace, version)
        allocations = await self._door.allocations(identity) if identity else []
        alive = [each for each in allocations if each["ClientStatus"] not in TERMINAL]
        lines: list[str] = []
        for each in newest(alive or allocations):
            for stream in ("stdout", "stderr"):
                lines += await self._tail(each["ID"], stream, tail)
        return lines

    async def touch(self) -> float:
        """Return the seconds after which to say again that we are in use: it changes nothing."""
        return _IDLE_S

    async def _find(self, namespace: str, version: str) -> str:
        """Return the id of the job of a version; empty when there is none."""
        key = (namespace, version)
        if key not in self._ids and _HEX.fullmatch(version):
            # Another server has made it, or this one did before it was started anew.
            for job in await self._door.jobs(version):
                if job["Meta"].get(NAMESPACE) == namespace:
                    self._ids[key] = job["ID"]
        return self._ids.get(key, "")

    async def _last_words(self, allocation: str) -> str:
        """Return what an allocation said last; empty where its node cannot be asked."""
        try:
            lines = await self._tail(allocation, "stderr", 1)
        except StackError:
            return ""
        return last_words(lines[-1]) if lines else ""

    async def _tail(self, allocation: str, stream: str, tail: int) -> list[str]:
        size = min(_LOG, tail * _LINE)
        found = await self._door.log(allocation, stream, size) or b""
        lines = found.decode(errors="replace").splitlines()
        if len(found) == size and len(lines) > 1:
            del lines[0]  # It began before what was read.
        return lines[-tail:] if tail else []


def _stays(allocation: Mapping[str, Any], stopped_at: int) -> bool:
    """Whether an allocation that was there when its job was stopped is still meant to run."""
    over = allocation["DesiredStatus"] != "run" or allocation["ClientStatus"] in TERMINAL
    return not over and int(allocation["CreateIndex"]) < stopped_at


def _awaited(job: Mapping[str, Any]) -> Explanation:
    """Return what a job without workers waits for."""
    if job["TaskGroups"][0]["Count"]:
        return Explanation(Outlook.STARTING, "Nomad looks for a node")
    return Explanation(Outlook.ABSENT, "no worker was started")
