"""Whether Nomad takes jobs at all, asked before they are submitted."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable

from fnq_server.orchestrator.nomad.door import NomadDoor, RefusedError
from fnq_server.orchestrator.nomad.job import FUNCTION, Job
from fnq_server.orchestrator.nomad.right import NODES
from fnq_wire.error import StackError, UnschedulableError

__all__ = ["Refusal"]

#: How Nomad says that it has no such node pool.
_NO_POOL = re.compile(r'is in nonexistent node pool "([^"]*)"')


class Refusal:
    """Has one Nomad, through `door`, look at jobs without submitting them."""

    def __init__(self, door: NomadDoor) -> None:
        self._door = door

    async def insist(self, jobs: Iterable[Job]) -> None:
        """Raise UnschedulableError for the first job that Nomad refuses.

        Where it cannot be asked, nothing is known of them, and that is no refusal.
        """
        for job in jobs:
            try:
                await self._door.plan(job)
            except RefusedError as problem:
                why = await self.explained(problem)
                raise UnschedulableError(why, function=job["Meta"][FUNCTION]) from problem
            except StackError:
                return

    async def explained(self, problem: RefusedError) -> str:
        """Return why Nomad refuses a job; where it is the node pool, with those that there are."""
        found = _NO_POOL.search(str(problem))
        if found is None:
            return str(problem)
        return (
            f"Nomad has no node pool {found[1]!r}: there are {', '.join(await self._pools())}; "
            "name one of these as nomad.node_pool, or have an operator make it "
            "(nomad node pool apply)"
        )

    async def _pools(self) -> list[str]:
        """Return the node pools that may be seen: those of nodes, and those without any."""
        pools = {"all", "default"}
        with contextlib.suppress(StackError):
            pools.update(each["NodePool"] for each in await self._door.nodes())
            listed = await self._door.ask("list node pools", "get", "node/pools", right=NODES)
            pools.update(each["Name"] for each in listed or ())
        return sorted(pools)
