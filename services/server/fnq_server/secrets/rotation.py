"""What is set anew comes to workers that start from then on, however they come to start."""

from __future__ import annotations

from fnq_server.demand import Demand
from fnq_server.orchestrator.seam import Orchestrator
from fnq_wire.error import StackError

__all__ = ["Rotation"]


class Rotation:
    """Tells the orchestrator, which starts a worker that crashes again by itself."""

    def __init__(self, demand: Demand, orchestrator: Orchestrator | None) -> None:
        self._demand = demand
        self._orchestrator = orchestrator

    async def tell(self, namespace: str) -> frozenset[str]:
        """Have all workers of a namespace that start from now on given what is set now.

        Return the functions that have workers already. Where the orchestrator is away it is
        told with the next wish for a worker.
        """
        if self._orchestrator is None:
            return frozenset()
        try:
            placed = await self._orchestrator.status()
        except StackError:
            return frozenset()
        there = [each for each in placed if each.namespace == namespace]
        for version in dict.fromkeys(each.version for each in there if each.state != "stopping"):
            await self._demand.renew(namespace, version)
        return frozenset(each.function for each in there if each.state == "running")
