"""The GPUs of a Nomad: who has them, and who waits for one that is there."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from fnq_server.orchestrator.nomad.door import DeniedError, NomadDoor
from fnq_server.orchestrator.nomad.inventory import Held, cards, held
from fnq_server.orchestrator.nomad.placement import Ask, overlooks, waiting
from fnq_server.orchestrator.seam import Gpu

__all__ = ["Rack"]


class Rack:
    """Every method raises StackError."""

    def __init__(self, door: NomadDoor) -> None:
        self._door = door

    async def gpus(self) -> list[Gpu]:
        """Return every GPU that there is for workers, by node and model, and who has it."""
        taken, nodes = await asyncio.gather(self._taken(), self._door.nodes())
        return cards(nodes, taken)

    async def taken(self) -> Held | None:
        """Return who holds which GPU; None where our token may not know."""
        try:
            return await self._taken()
        except DeniedError:
            return None

    async def _taken(self) -> Held:
        placed = await self._door.occupants()
        # Not before: the job of a worker that was placed meanwhile must be among ours.
        return held(await self._door.jobs(), placed)

    async def look_again(self, job: Mapping[str, Any]) -> None:
        """Have Nomad place workers of a job that wait for GPUs which are there.

        By itself it does not look again when a card that was ill is well.
        """
        ask = Ask.of(job)
        if ask.gpus is None:
            return
        evaluation = waiting(await self._door.evaluations(job["ID"]))
        if evaluation is None:
            return
        nodes, taken = await asyncio.gather(self._door.nodes(), self.taken())
        if overlooks(ask, evaluation, nodes, taken or {}):
            await self._door.evaluate(job["ID"])
