"""The leader has as many workers run as there is work for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from fnq.v1 import spec_pb2
from fnq_core import keys, leader
from fnq_core.cordon import Cordons
from fnq_core.presence import Presence, PresenceBoard
from fnq_core.releases import Releases
from fnq_server import demand as demand_module
from fnq_server import scaler as scaler_module
from fnq_server import watched
from fnq_server.demand import Demand
from fnq_server.doors import Doors
from fnq_server.orchestrator.seam import Placed
from fnq_server.provisions import Provisions
from fnq_server.scaler import Scaler
from tests.loop import eventually
from tests.redis import RedisServer
from tests.toy import service
from tests.toy.house import House
from tests.toy.releases import release
from tests.toy.secrets import NO_SECRETS
from tests.unit.fnq_core.streams import connected

#: Of the function, in seconds.
COOLDOWN_S = 0.1
KEY = ("default", "a1")


class Scene:
    """A version, its agents as they say they are, and those who decide."""

    def __init__(self, client: Any, house: House, server: RedisServer) -> None:
        self.client, self.house, self.server = client, house, server
        self.board, self.cordons = PresenceBoard(client), Cordons(client)
        self.demand: Demand = service.demand(client, house)
        self.scalers = [
            Scaler(Doors.of(client), name, self.demand, house, Provisions(None, NO_SECRETS))
            for name in ("s1", "s2")
        ]

    async def say(self, replica: int, state: str = "ready", **said: Any) -> bool:
        """Post as an agent would; return whether it is cordoned."""
        self.house.placed = [
            *(each for each in self.house.placed if each.replica != replica),
            Placed(*("default", "f", "a1"), replica, "running"),
        ]
        facts = {"idle_s": 60.0, **said}
        agent = Presence("default", "f", "a1", f"x{replica}", replica, 7, state=state, **facts)
        return await self.board.post(agent)

    def call(self, count: int = 1) -> None:
        """Queue calls."""
        for _ in range(count):
            self.server.ask("XADD", keys.call_stream(*KEY, 0), "*", "e", b"")


async def until(ask: Callable[[], Awaitable[bool]], *, is_so: bool = True) -> None:
    """Return as soon as what is asked is so."""
    async with asyncio.timeout(10.0):
        while True:
            if await ask() is is_so:
                return
            await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def _is_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have everything looked at again at once."""
    monkeypatch.setattr(scaler_module, "_DECISION_S", 0.02)
    monkeypatch.setattr(scaler_module, "_FRESH_S", 0.02)
    monkeypatch.setattr(demand_module, "_FRESH_S", 0.05)
    monkeypatch.setattr(demand_module, "_WHOLE_S", 0.05)
    monkeypatch.setattr(leader, "_RENEW_S", 0.02)


@asynccontextmanager
async def scene(server: RedisServer, deciders: int = 1, **spec: Any) -> AsyncIterator[Scene]:
    """Deploy the version, and let some decide."""
    await service.deploy(
        server, "a1", suspend_cooldown_s=COOLDOWN_S, concurrency=1, **{"max_replicas": 8, **spec}
    )
    async with connected(server) as client:
        made = Scene(client, House(), server)
        loops = [made.demand.look_forever(), made.demand.supply_forever()]
        loops += [each.scale_forever() for each in made.scalers[:deciders]]
        tasks = [asyncio.get_running_loop().create_task(each) for each in loops]
        try:
            yield made
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def test_workers_are_added_for_a_backlog(server: RedisServer) -> None:
    """As many as there are calls, and no more than there may be."""
    async with scene(server) as found:
        found.call(5)
        await eventually(lambda: ("a1", 5) in found.house.asked)
        found.call(20)
        await eventually(lambda: ("a1", 8) in found.house.asked)
        assert max(count for _, count in found.house.asked) == 8


async def test_idle_workers_are_cordoned_before_they_are_stopped(server: RedisServer) -> None:
    """The highest first; only once all of them say that they have nothing."""
    async with scene(server, min_replicas=1) as found:
        for replica in range(3):
            await found.say(replica)

        async def cordoned() -> bool:
            return [await found.say(replica) for replica in range(3)] == [False, True, True]

        await until(cordoned)
        # One has got a call meanwhile.
        await found.say(1, "cordoned")
        await found.say(2, "cordoned", idle_s=0.0, busy=1)
        looks = found.house.asked.count(("a1", 1))
        await eventually(lambda: found.house.asked.count(("a1", 1)) > looks + 2)
        assert found.house.scaled == []
        await found.say(2, "cordoned")
        await eventually(lambda: found.house.scaled == [("a1", 1)])


async def test_a_call_lets_cordoned_workers_free(server: RedisServer) -> None:
    """None of them is stopped."""
    async with scene(server) as found:
        await until(lambda: found.say(0))
        found.call()
        await until(lambda: found.say(0), is_so=False)
        assert found.house.scaled == []


async def test_who_does_not_lead_decides_nothing(server: RedisServer) -> None:
    """Until the leader has died: the next one takes over when the lease lapses."""
    async with scene(server, deciders=0) as found:
        loop = asyncio.get_running_loop()
        first = loop.create_task(found.scalers[0].scale_forever())
        await eventually(lambda: server.ask("GET", keys.LEADER) == b"s1")
        second = loop.create_task(found.scalers[1].scale_forever())
        found.call(4)
        await eventually(lambda: ("a1", 4) in found.house.asked)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        server.ask("PEXPIRE", keys.LEADER, 30)
        found.call(4)
        await eventually(lambda: ("a1", 8) in found.house.asked)
        assert server.ask("GET", keys.LEADER) == b"s2"
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)


async def test_a_version_that_is_being_deployed_keeps_its_worker(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While others of its set are imported; once another one is current it goes at once."""
    monkeypatch.setattr(watched, "_OLD_S", 0.0)
    spec = spec_pb2.FunctionSpec(name="g", kind="function", suspend_cooldown_s=60.0)
    async with scene(server) as found:
        await Releases(found.client).record("default", {"b1": spec}, 1)
        found.house.placed = [Placed("default", "g", "b1", 0, "running")]
        agent = Presence("default", "g", "b1", "x0", 0, 7, state="ready", idle_s=60.0)
        assert not await found.board.post(agent)
        await eventually(lambda: ("default", "b1") in found.scalers[0]._watched)
        kept = found.scalers[0]._watched["default", "b1"]
        kept.active_at -= 30.0
        looked_at = kept.looked_at
        await eventually(lambda: kept.looked_at > looked_at)
        assert not await found.board.post(agent)
        await release(found.client, "default", "b1", spec)
        await eventually(lambda: ("default", "b1") in found.demand.current)
        await release(found.client, "default", "b2", spec)
        await until(lambda: found.board.post(agent))


async def test_a_stack_at_rest_costs_a_few_commands_a_decision(server: RedisServer) -> None:
    """However many functions are suspended."""
    for number in range(50):
        await service.deploy(server, f"b{number}", name=f"g{number}")
    async with scene(server, deciders=0) as found:
        # Its first look at all queues is over once that is set.
        await eventually(lambda: found.demand._revision)
        assert len(found.demand.current) == 51
        scaler = found.scalers[0]
        assert await scaler._leadership.leads()
        await scaler._decide()
        server.spent()
        for _ in range(10):
            await scaler._decide()
        assert server.spent() == {"zrange": 10}
