"""Who waits for the worker of a version that is to go live."""

from __future__ import annotations

import asyncio

import pytest

from fnq.v1 import spec_pb2
from fnq_core.presence import PresenceBoard
from fnq_core.removal import Removal
from fnq_server.lookout import Lookout
from fnq_server.orchestrator.seam import Outlook
from fnq_server.trial import Trial, UnfitError
from tests.loop import eventually
from tests.redis import RedisServer
from tests.toy import service
from tests.toy.house import House
from tests.unit.fnq_core.streams import connected


async def test_a_version_that_is_deleted_is_waited_for_no_longer(server: RedisServer) -> None:
    """Its workers end, and none is started any more: its deploy would never."""
    await service.deploy(server, "a1")
    async with connected(server) as client:
        house, board = House(Outlook.STARTING), PresenceBoard(client)
        demand = service.demand(client, house)
        trial = Trial(board, demand, Lookout(board, demand, house), starts=True)
        supply = asyncio.create_task(demand.supply_forever())
        candidates = [("a1", spec_pb2.FunctionSpec(name="f"))]
        run = asyncio.create_task(trial.run("default", candidates, lambda *_: None, ()))
        await eventually(lambda: house.asked)
        await Removal(client).delete("default", "f")
        # As at the next look.
        demand.forget("default", "a1")
        with pytest.raises(UnfitError, match="was deleted while it was deployed: deploy again"):
            async with asyncio.timeout(10.0):
                await run
        supply.cancel()
        await asyncio.gather(supply, return_exceptions=True)
