"""A version with calls gets a worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from fnq.v1 import spec_pb2
from fnq_core import keys
from fnq_core.releases import Releases
from fnq_core.removal import Removal
from fnq_core.scalings import Scaling, ScalingBook
from fnq_server import demand as demand_module
from fnq_server.demand import Demand
from fnq_server.orchestrator.seam import Explanation, Outlook
from fnq_wire.error import StackError, UnschedulableError
from tests.loop import eventually
from tests.redis import RedisServer
from tests.toy import service
from tests.toy.house import House
from tests.unit.fnq_core.streams import connected


@asynccontextmanager
async def demanding(server: RedisServer) -> AsyncIterator[tuple[Demand, House]]:
    """Run the loops of a demand."""
    house = House()
    async with connected(server) as client:
        demand = service.demand(client, house)
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(demand.supply_forever())]
        tasks.append(loop.create_task(demand.look_forever()))
        try:
            yield demand, house
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_version_with_calls_is_asked_for_once(server: RedisServer) -> None:
    """However many calls it gets; one that nobody knows is not asked for."""
    await service.deploy(server, "a1")
    async with demanding(server) as (demand, house):
        for _ in range(100):
            demand.want("default", "unknown")
            demand.want("default", "a1")
        await eventually(lambda: house.asked)
        assert house.asked == [("a1", 1)]


async def test_only_a_version_without_calls_spares_its_workers(server: RedisServer) -> None:
    """What was wanted for it before is not asked for any more."""
    for version in ("a1", "a2"):
        await service.deploy(server, version)
    async with connected(server) as client:
        house = House()
        demand = service.demand(client, house)
        server.ask("XADD", keys.call_stream("default", "a2", 0), "*", "e", b"")
        for version in ("a1", "a2"):
            demand.want("default", version)
            await demand.spare("default", version)
        assert house.stopped == ["a1"]
        supply = asyncio.create_task(demand.supply_forever())
        await eventually(lambda: house.asked)
        supply.cancel()
        assert house.asked == [("a2", 1)]


async def test_what_is_wanted_again_and_again_is_asked_for_in_turn(server: RedisServer) -> None:
    """While the orchestrator takes long: each version once, the first wanted first."""
    for version in ("a1", "a2", "a3"):
        await service.deploy(server, version)
    async with connected(server) as client:
        house = House()
        demand = service.demand(client, house)
        for version in ("a2", "a1", "a3"):
            for _ in range(3):
                demand._fresh.clear()
                demand.want("default", version)
        task = asyncio.get_running_loop().create_task(demand.supply_forever())
        await eventually(lambda: ("a3", 1) in house.asked)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert house.asked == [("a2", 1), ("a1", 1), ("a3", 1)]


async def test_calls_that_no_server_remembers_are_found(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their server died after it accepted them."""
    monkeypatch.setattr(demand_module, "_FRESH_S", 0.01)
    monkeypatch.setattr(demand_module, "_WHOLE_S", 0.01)
    await service.deploy(server, "a1")
    async with demanding(server) as (_, house):
        server.ask("XADD", keys.call_stream("default", "a1", 0), "*", "e", b"")
        await eventually(lambda: len(house.asked) > 1)
        assert set(house.asked) == {("a1", 1)}


async def test_replicas_that_a_function_asks_for_need_no_call(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many as it asks for."""
    monkeypatch.setattr(demand_module, "_FRESH_S", 0.01)
    await service.deploy(server, "a1", min_replicas=3)
    async with demanding(server) as (_, house):
        await eventually(lambda: ("a1", 3) in house.asked)


async def test_a_worker_that_cannot_be_started_is_asked_for_again(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the next look, however many calls there are; until then it is known why."""
    await service.deploy(server, "a1")
    async with demanding(server) as (demand, house):
        for problem, outlook in (
            (StackError("no supervisor"), Outlook.BLOCKED),
            (UnschedulableError("too many"), Outlook.IMPOSSIBLE),
        ):
            house.refusal = problem
            before = len(house.asked)
            demand._fresh.clear()
            for _ in range(100):
                demand.want("default", "a1")
            await eventually(lambda before=before: len(house.asked) > before)  # type: ignore[misc]
            known = Explanation(outlook, str(problem))
            await eventually(lambda known=known: demand.refused("default", "a1") == known)  # type: ignore[misc]
            assert len(house.asked) == before + 1
        house.refusal = None
        demand._fresh.clear()
        demand.want("default", "a1")
        await eventually(lambda: demand.refused("default", "a1") is None)


async def test_a_version_whose_record_is_damaged_stops_nobody_else(server: RedisServer) -> None:
    """Who waits for it is told; the others get their workers."""
    for version in ("a1", "a2"):
        await service.deploy(server, version)
    server.ask("HSET", keys.version("default", "a1"), "spec", b"\xff" * 20)
    async with demanding(server) as (demand, house):
        demand.want("default", "a1")
        demand.want("default", "a2")
        await eventually(lambda: house.asked == [("a2", 1)])
        known = demand.refused("default", "a1")
        assert known is not None
        assert known.outlook is Outlook.BLOCKED
        assert known.reason.startswith("the record of version 'a1'")


async def test_a_look_at_all_queues_goes_in_few_round_trips(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the number of versions; those of old deploys are looked at as well."""
    monkeypatch.setattr(demand_module, "_WHOLE_S", 0.0)
    for number in range(40):
        await service.deploy(server, f"a{number}", name=f"f{number % 10}")
    async with connected(server) as client:
        demand = service.demand(client, None)
        await demand._look()
        server.ask("XADD", keys.call_stream("default", "a3", 0), "*", "e", b"")
        reads = server.reads()
        await demand._look()
        assert server.reads() - reads <= 9
        assert demand._fresh == {("default", "a3")}


async def test_what_is_damaged_of_one_version_stops_no_other(server: RedisServer) -> None:
    """It is logged, and the next is asked for."""
    for version in ("a1", "a2"):
        await service.deploy(server, version)
    server.ask("HSET", keys.cordon("default", "a1"), "x", "y")
    async with demanding(server) as (demand, house):
        demand.want("default", "a1")
        demand.want("default", "a2")
        await eventually(lambda: ("a2", 1) in house.asked)
    server.ask("DEL", keys.cordon("default", "a1"))


async def test_functions_at_rest_cost_the_same_however_many_there_are(server: RedisServer) -> None:
    """Between two looks at all versions, those are looked at that had calls or were wanted."""
    for number in range(40):
        await service.deploy(server, f"a{number}", name=f"f{number}")
    async with connected(server) as client:
        demand = service.demand(client, None)
        await demand._look()
        server.spent()
        await demand._look()
        assert server.spent() == {"get": 1}
        demand.want("default", "a3")
        server.ask("XADD", keys.call_stream("default", "a3", 0), "*", "e", b"")
        for _ in range(2):
            await demand._look()
            assert (demand.has_calls, demand.busy) == (True, {("default", "a3")})


@pytest.mark.parametrize("change", ["deploy", "rollback", "delete", "scale"])
async def test_a_change_of_functions_is_seen_at_the_next_look(
    server: RedisServer, change: str
) -> None:
    """Whoever made it: another server, perhaps."""
    await service.deploy(server, "a1")
    await service.deploy(server, "a2")
    async with connected(server) as client:
        demand = service.demand(client, None)
        await demand._look()
        assert (demand.current, demand.scalings) == ({("default", "a2")}, {})
        if change == "deploy":
            await service.deploy(server, "a3")
        elif change == "rollback":
            await Releases(client).roll_back("default", "f", "a1")
        elif change == "delete":
            await Removal(client).delete("default", "f")
        else:
            await ScalingBook(client).set("default", "f", Scaling(least=1))
        await demand._look()
        current = {"deploy": {("default", "a3")}, "rollback": {("default", "a1")}, "delete": set()}
        assert demand.current == current.get(change, {("default", "a2")})
        assert demand.standing == (demand.current if change == "scale" else set())


async def test_nothing_that_is_set_asks_for_more_workers_than_there_may_be(
    server: RedisServer,
) -> None:
    """Neither by its decorator nor by `fnq function scale`."""
    await service.deploy(server, "a1", min_replicas=300, max_replicas=400)
    async with connected(server) as client:
        demand = service.demand(client, House())
        await demand._look()
        spec = demand.specs["default", "a1"]
        assert demand.bounds("default", "a1", spec) == (256, 256)
        await ScalingBook(client).set("default", "f", Scaling(least=500))
        await demand._look()
        assert demand.bounds("default", "a1", spec) == (256, 256)


async def test_a_version_that_was_current_between_two_looks_has_been_tried(
    server: RedisServer,
) -> None:
    """Its workers go when its calls have ended, as those of any old version."""
    async with connected(server) as client:
        demand, releases = service.demand(client, None), Releases(client)
        await releases.record("default", {"a1": spec_pb2.FunctionSpec(name="f")}, 1)
        await demand.learn({("default", "a1")})
        assert demand.untried == {("default", "a1")}
        await releases.go_live("default", {"f": "a1"}, 2)
        await service.deploy(server, "a2")
        await demand.learn({("default", "a1")})
        assert demand.untried == set()
