"""Workers on Nomad: each function version is one service job, each worker an allocation."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fnq_server.orchestrator.nomad import own
from fnq_server.orchestrator.nomad.census import workers
from fnq_server.orchestrator.nomad.door import Access, NomadDoor, RefusedError
from fnq_server.orchestrator.nomad.draft import files, take_over
from fnq_server.orchestrator.nomad.forecast import changes, outcome
from fnq_server.orchestrator.nomad.handover import Handover
from fnq_server.orchestrator.nomad.hcl import hcl
from fnq_server.orchestrator.nomad.hostvolumes import HostVolumes
from fnq_server.orchestrator.nomad.injection import has_secrets
from fnq_server.orchestrator.nomad.job import GROUP, NAMESPACE, Job, render
from fnq_server.orchestrator.nomad.lack import Lack
from fnq_server.orchestrator.nomad.overlay import Overlay
from fnq_server.orchestrator.nomad.placement import Ask, Node, judge, unplaced
from fnq_server.orchestrator.nomad.rack import Rack
from fnq_server.orchestrator.nomad.refusal import Refusal
from fnq_server.orchestrator.nomad.step import Register, is_alive, next_step
from fnq_server.orchestrator.nomad.story import TERMINAL, last_words, newest, tell
from fnq_server.orchestrator.nomad.survey.survey import Survey
from fnq_server.orchestrator.nomad.terms import Terms
from fnq_server.orchestrator.nomad.variables import Variables
from fnq_server.orchestrator.nomad.volumes import Source
from fnq_server.orchestrator.seam import (
    Caveats,
    Draft,
    Explanation,
    Gpu,
    Outlook,
    Placed,
    Provision,
)
from fnq_wire.error import StackError, UnschedulableError
from fnq_wire.finding import Finding

if TYPE_CHECKING:
    from fnq.v1 import spec_pb2

__all__ = ["NomadOrchestrator"]

#: Allocations of one job, unless the operator of Nomad has changed that.
_MOST_REPLICAS = 50_000
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
    """Runs the workers as `terms` say, on the Nomad behind `access`.

    `builds` is whether this server has the images of functions built. Raises ValueError
    where workers could not run in them.
    """

    active = frozenset({"cpu", "memory", "gpu", "options", "secrets", "volumes"})

    def __init__(self, access: Access, terms: Terms, *, builds: bool = False) -> None:
        if builds and terms.driver != "docker":
            raise ValueError(f"with the driver {terms.driver} no function runs in an image")
        self._door = NomadDoor(access)
        self.variables = Variables(self._door)
        self._handover = Handover(self.variables)
        self.volumes = HostVolumes(self._door, terms)
        self._rack = Rack(self._door)
        self._refusal = Refusal(self._door)
        self._survey = Survey(self._door, terms)
        self._terms, self._builds = terms, builds
        self._overlay = Overlay(terms, _read_key)
        self._since_ms = time.time_ns() // 1_000_000
        self._ids: dict[tuple[str, str], str] = {}

    @property
    def most_replicas(self) -> int:
        """Workers of one version: as many as Nomad has of one job, unless an operator bounds it."""
        bound = self._overlay.replicas
        return _MOST_REPLICAS if bound is None else min(bound, _MOST_REPLICAS)

    async def caveats(self, specs: Sequence[spec_pb2.FunctionSpec]) -> Caveats:
        """Return nothing: what no node has is found out when a worker is placed."""
        return Caveats()

    async def admit(self, specs: Sequence[spec_pb2.FunctionSpec]) -> None:
        """Raise UnschedulableError for the first function that is beyond the operator's bounds.

        The error quotes the bound; so for options that do not fit, and for a job that Nomad
        refuses.
        """
        await self._overlay.insist(specs)
        jobs: dict[tuple[tuple[str, str], ...], Job] = {}
        for spec in specs:
            # What else they ask for Nomad refuses to none.
            job = self._draft("default", "0", spec, 0, ())
            jobs.setdefault(tuple(sorted(spec.options.items())), job)
        await self._refusal.insist(jobs.values())

    async def ensure(
        self,
        namespace: str,
        version: str,
        spec: spec_pb2.FunctionSpec,
        provision: Provision,
        replicas: int,
    ) -> None:
        """See to it that at least `replicas` workers of the version are started, and stay."""
        await self._place(namespace, version, spec, provision, replicas, exact=False)

    async def scale(
        self,
        namespace: str,
        version: str,
        spec: spec_pb2.FunctionSpec,
        provision: Provision,
        replicas: int,
    ) -> None:
        """See to it that exactly `replicas` workers run; those with the highest indexes go."""
        await self._place(namespace, version, spec, provision, replicas, exact=True)

    async def plan(
        self,
        namespace: str,
        version: str,
        spec: spec_pb2.FunctionSpec,
        image: str,
        replicas: int,
    ) -> Draft:
        """Return the job as `nomad job run` takes it, and what Nomad says would come of it.

        It runs on the volumes that there are or would be made. Where Nomad cannot be asked
        now it is said why.
        """
        await self._overlay.insist([spec])
        sources = self.volumes.assumed(namespace, spec)
        job = self._draft(namespace, version, spec, replicas, sources, image)
        try:
            sources = await self.volumes.find(namespace, spec)
            job = self._draft(namespace, version, spec, replicas, sources, image)
            job = take_over(await self._door.job(job["ID"]), job)
            forecast = await self._forecast(job, sources)
        except RefusedError as problem:
            forecast = [f"the deploy will fail: {await self._refusal.explained(problem)}"]
        except StackError as problem:
            forecast = [str(problem)]
        return Draft(hcl(job), files(job), forecast)

    def _draft(
        self,
        namespace: str,
        version: str,
        spec: spec_pb2.FunctionSpec,
        replicas: int,
        sources: Sequence[Source],
        image: str = "",
    ) -> Job:
        """Return a job to be told of, the same whichever server renders it and when.

        Raises UnschedulableError for what can never be one.
        """
        if spec.image and not self._builds:
            raise UnschedulableError(own.refusal(self._terms), function=spec.name)
        try:
            return render(self._terms, namespace, version, spec, replicas, 0, sources, image)
        except UnschedulableError as problem:
            raise UnschedulableError(str(problem), function=spec.name) from problem
        except ValueError as problem:
            raise UnschedulableError(f"options: {problem}", function=spec.name) from problem

    async def _forecast(self, job: Job, sources: Sequence[Source]) -> list[str]:
        """Return what registering a job would change, and why there is no place for it."""
        reply = await self._door.plan(job)
        lines = [*changes(reply["Diff"]), *outcome(reply)]
        metric = (reply.get("FailedTGAllocs") or {}).get(GROUP)
        if metric is None:
            return lines
        lack = await self._judge(Ask.of(job), metric)
        if lack.permanent:
            return [*lines, f"the deploy will fail: {lack.sentence}"]
        if not all(each.exists for each in sources):
            return [*lines, "whether there is a place is known once its volumes are made"]
        return [*lines, f"no place now: {lack.sentence}"]

    async def _place(
        self,
        namespace: str,
        version: str,
        spec: spec_pb2.FunctionSpec,
        provision: Provision,
        replicas: int,
        *,
        exact: bool,
    ) -> None:
        await self._overlay.look()
        replicas = min(replicas, self.most_replicas)
        sources: list[Source] = []
        if replicas:
            if spec.image and not self._builds:
                # Not for ever: an operator may mend that.
                raise StackError(own.refusal(self._terms))
            # Not patient: others wait for their workers meanwhile.
            sources = await self.volumes.provide(namespace, spec, patient=False)
        try:
            job = render(
                *(self._terms, namespace, version, spec, replicas),
                *(self._since_ms, sources, provision.image),
            )
            await self._bring_about(job, provision.secrets, exact=exact)
        except ValueError as problem:
            raise StackError(str(problem)) from problem
        self._ids[namespace, version] = job["ID"]

    async def _bring_about(self, job: Job, secrets: Mapping[str, str], *, exact: bool) -> None:
        """Change what Nomad has until it is as wanted; others may change it meanwhile."""
        for _ in range(_TRIES):
            found = await self._door.job(job["ID"])
            step = next_step(found, job, exact=exact)
            if secrets and (step is not None or is_alive(found)):
                # Before the job: without them its workers wait.
                await self._handover.give(job["ID"], secrets)
            if step is None:
                if found is not None and is_alive(found):
                    await self._rack.look_again(found)
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
        job = await self._door.job(identity)
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
        if job is not None and has_secrets(job):
            await self._handover.take_back(identity)

    async def status(self) -> list[Placed]:
        """Return every worker that is run or to be run, whatever its state."""
        return workers(*await asyncio.gather(self._door.jobs(), self._door.all_allocations()))

    async def gpus(self) -> list[Gpu]:
        """Return every GPU that there is for workers, by node and model, and who has it."""
        return await self._rack.gpus()

    async def check(self, token: str | None) -> list[Finding]:
        """Return what was found out of each thing that workers need; raises nothing."""
        return await self._survey.findings(token)

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
            lack = await self._judge(ask, metric)
            outlook = Outlook.IMPOSSIBLE if lack.permanent else Outlook.BLOCKED
            return Explanation(outlook, lack.sentence)
        if story is None:
            return _awaited(job)
        words = await self._last_words(story.ended) if story.ended else ""
        return Explanation(story.outlook, f"{story.sentence}: {words}" if words else story.sentence)

    async def _judge(self, ask: Ask, metric: Mapping[str, Any]) -> Lack:
        """Return why Nomad found no place for what is asked."""
        taken = await self._rack.taken() if ask.gpus is not None else {}
        return judge(ask, metric, [Node.of(each) for each in await self._door.nodes()], taken)

    async def logs(self, namespace: str, version: str, tail: int) -> list[str]:
        """Return the last `tail` lines that each worker of the version itself wrote.

        Of one whose node cannot be asked, a line that says so.
        """
        identity = await self._find(namespace, version)
        allocations = await self._door.allocations(identity) if identity else []
        alive = [each for each in allocations if each["ClientStatus"] not in TERMINAL]
        lines: list[str] = []
        for each in newest(alive or allocations):
            try:
                for stream in ("stdout", "stderr"):
                    lines += await self._tail(each["ID"], stream, tail)
            except StackError as problem:
                lines.append(str(problem))
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


def _read_key(at: str, key: str) -> str | None:
    # Not where there is no key to be read: the library takes long to load.
    from fnq_wire.consul import read_key

    return read_key(at, key)


def _stays(allocation: Mapping[str, Any], stopped_at: int) -> bool:
    """Whether an allocation that was there when its job was stopped is still meant to run."""
    over = allocation["DesiredStatus"] != "run" or allocation["ClientStatus"] in TERMINAL
    return not over and int(allocation["CreateIndex"]) < stopped_at


def _awaited(job: Mapping[str, Any]) -> Explanation:
    """Return what a job without workers waits for."""
    if job["TaskGroups"][0]["Count"]:
        return Explanation(Outlook.STARTING, "Nomad looks for a node")
    return Explanation(Outlook.ABSENT, "no worker was started")
