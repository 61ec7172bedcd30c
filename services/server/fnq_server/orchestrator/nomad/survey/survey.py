"""What workers need of a Nomad and of Consul, and what is there of it; nothing is changed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from fnq_core import primary
from fnq_server.orchestrator.nomad.door import DeniedError, NomadDoor
from fnq_server.orchestrator.nomad.injection import SHARED
from fnq_server.orchestrator.nomad.job import PREFIX
from fnq_server.orchestrator.nomad.placement import Ask, Node, is_meant
from fnq_server.orchestrator.nomad.right import NODES, capability
from fnq_server.orchestrator.nomad.survey import bounds, credentials, jobs, nodes, place
from fnq_server.orchestrator.nomad.survey.rights import Rights, judge
from fnq_server.orchestrator.nomad.terms import Terms
from fnq_server.orchestrator.nomad.variables import Variables
from fnq_wire.address import ConsulAddress
from fnq_wire.enrolment import PARTS
from fnq_wire.enrolment import judge as of_enrolment
from fnq_wire.error import FnqError, StackError
from fnq_wire.finder import CONSUMER, REDIS, SERVER
from fnq_wire.finding import Finding, missing, note

__all__ = ["Survey"]

#: Nodes that are asked for all that they say of themselves.
_MOST_DETAILS = 32
#: What Nomad calls the token of everybody, while it asks nobody for one.
_NO_ACL = "acls-disabled"


class Survey:
    """Asks one Nomad, through `door`, for what workers as in `terms` need."""

    def __init__(self, door: NomadDoor, terms: Terms) -> None:
        self._door = door
        self._terms = terms

    async def findings(self, token: str | None) -> list[Finding]:
        """Return a finding for each thing; `token` is what workers must show. Raises nothing."""
        try:
            await self._door.ask("say who leads it", "get", "status/leader")
        except StackError as problem:
            return [missing("nomad", str(problem)), *await self._of_consul()]
        parts = await asyncio.gather(
            _guarded("nomad", self._of_nodes),
            _guarded("rights", self._of_rights),
            _guarded("place", self._of_place),
            _guarded("workers", self._of_workers),
            _guarded(SHARED, lambda: self._of_credentials(token)),
            _guarded("jobs", self._of_jobs),
            self._of_consul(),
            self._of_bounds(),
        )
        return [each for part in parts for each in part]

    async def _of_nodes(self) -> list[Finding]:
        listed = await self._door.nodes()
        found = [nodes.nomad(listed, self._door.address)]
        ask = Ask.of(place.trial(self._terms))
        meant = [each for each in listed if is_meant(ask, Node.of(each))]
        if not meant:
            return found
        details = await asyncio.gather(*(self._detail(each) for each in meant[:_MOST_DETAILS]))
        return [
            *found,
            nodes.driver(meant, self._terms),
            nodes.cpu(meant, self._terms.core_mhz),
            nodes.volumes(details),
            nodes.consul(details, self._terms.consul),
            nodes.gpus(details, self._terms),
        ]

    async def _detail(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        what, path = f"show the node {node['ID']}", f"node/{node['ID']}"
        found = await self._door.ask(what, "get", path, right=NODES)
        return found or {**node, "Attributes": {}}

    async def _of_rights(self) -> list[Finding]:
        if await self._is_open():
            return [_OPEN]
        there = await self._allocations()
        allocation = next((each["ID"] for each in there), "")
        trials = place.trial(self._terms), place.trial(self._terms, mounting=True)
        lines = await Rights(self._door).lacking(*trials, allocation)
        return judge(lines, self._terms.nomad_namespace)

    async def _is_open(self) -> bool:
        """Whether Nomad asks nobody for a token."""
        try:
            found = await self._door.ask("show its own token", "get", "acl/token/self") or {}
        except StackError:
            # It looks at tokens, and ours is one that it does not show, or none.
            return False
        return bool(found.get("AccessorID") == _NO_ACL)

    async def _allocations(self) -> list[dict[str, Any]]:
        """Return what is placed of our jobs, as far as that may be seen."""
        try:
            return await self._door.all_allocations()
        except DeniedError:
            return []

    async def _of_place(self) -> list[Finding]:
        job = place.trial(self._terms)
        reply, listed = await asyncio.gather(self._door.plan(job), self._door.nodes())
        return place.findings(job, reply, listed)

    async def _of_workers(self) -> list[Finding]:
        return [jobs.of_workers(await self._door.all_allocations(), self._terms, time.time())]

    async def _of_credentials(self, token: str | None) -> list[Finding]:
        found = await Variables(self._door).get(SHARED)
        return credentials.findings(None if found is None else found.items, token)

    async def _of_jobs(self) -> list[Finding]:
        right = capability("list-jobs")
        listed = await self._door.ask("list jobs", "get", "jobs", right=right, prefix=PREFIX) or []
        return [jobs.of_part(each, listed, self._terms.nomad_namespace) for each in PARTS]

    async def _of_consul(self) -> list[Finding]:
        """Return how the parts are registered that workers look for in Consul."""
        # Its library loads requests: too much for those who never ask.
        from fnq_wire.consul import enrolment

        async def of(part: str, at: ConsulAddress) -> Finding:
            try:
                found = await asyncio.to_thread(enrolment, at)
            except FnqError as problem:
                return missing(
                    f"service {part}", str(problem), "start Consul, or correct -var consul="
                )
            return of_enrolment(part, at.service, at.consul, found)

        return list(await asyncio.gather(*(of(*each) for each in self._sought())))

    def _sought(self) -> Iterator[tuple[str, ConsulAddress]]:
        """Yield the parts that Consul is to find, and as what."""
        redis = primary.parse(self._terms.redis)
        found = {
            REDIS: redis and redis[1],
            SERVER: ConsulAddress.parse(self._terms.server, SERVER),
            CONSUMER: ConsulAddress.parse(self._terms.consumer, CONSUMER),
        }
        yield from ((part, at) for part, at in found.items() if at is not None)

    async def _of_bounds(self) -> list[Finding]:
        """Return whether the bounds in Consul are known, where there are any."""
        key = self._terms.bounds_key
        if not key:
            return []
        from fnq_wire.consul import read_key

        try:
            found = await asyncio.to_thread(read_key, self._terms.consul, key)
        except FnqError as problem:
            return [
                missing(
                    "bounds",
                    str(problem),
                    f"give the servers a CONSUL_HTTP_TOKEN with key:read of {key}",
                )
            ]
        return [bounds.finding(key, found)]


#: Without it nothing is kept from anybody.
_OPEN = note(
    "rights",
    "Nomad's ACLs are off: whoever reaches it can read tokens and secrets, and run anything",
    "set acl { enabled = true } on its agents",
)


async def _guarded(subject: str, look: Callable[[], Awaitable[list[Finding]]]) -> list[Finding]:
    """Return what `look` does; what was in its way, where something was."""
    try:
        return await look()
    except DeniedError as problem:
        return [note(subject, f"not known: {problem}")]
    except StackError as problem:
        return [missing(subject, str(problem))]
