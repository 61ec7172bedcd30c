"""Names of consumers in the group of a call stream: none outlives its consumer for long."""

from __future__ import annotations

from pathlib import Path

import pytest

from fnq_consumer import consumer as consumer_module
from fnq_core import group as group_module
from fnq_core import keys
from fnq_core.lease import LEASE_S
from tests.loop import eventually
from tests.redis import RedisServer
from tests.toy import service
from tests.toy.agent import ToyAgent
from tests.unit.fnq_consumer.inlet import STREAM, VERSION, deployed, queue


def names(redis: RedisServer) -> list[str]:
    """Return the names of consumers that the group knows."""
    found = redis.ask("XINFO", "CONSUMERS", STREAM, keys.GROUP)
    return [dict(zip(each[::2], each[1::2], strict=True))[b"name"].decode() for each in found]


async def test_the_name_of_a_dead_consumer_goes_with_its_last_entry(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever claims its entries deletes it."""
    monkeypatch.setattr(consumer_module, "_SEARCH_S", 0.01)
    async with deployed(server), ToyAgent(server.url, VERSION) as agent:
        calls = queue(server, 2)
        found = server.ask(
            "XREADGROUP", "GROUP", keys.GROUP, "dead", "COUNT", 2, "STREAMS", STREAM, ">"
        )
        for entry, _ in found[0][1]:
            idle = int(LEASE_S * 1000) + 1
            server.ask("XCLAIM", STREAM, keys.GROUP, "dead", 0, entry, "IDLE", idle, "JUSTID")
        monkeypatch.setattr(group_module, "LEASE_S", 0.0)
        async with service.consumer(server, tmp_path) as (made, address):
            await agent.attach(address)
            await eventually(lambda: set(agent.runs) == set(calls))
            await eventually(lambda: names(server) == [made.name])


async def test_a_consumer_that_ends_takes_its_name_along(
    server: RedisServer, tmp_path: Path
) -> None:
    """When it holds nothing; what it leaves running keeps the name until it is adopted."""
    async with deployed(server), ToyAgent(server.url, VERSION) as agent:
        for left in (False, True):
            async with service.consumer(server, tmp_path) as (made, address):
                await agent.attach(address)
                [call] = queue(server)
                await eventually(lambda call=call: call in agent.runs)  # type: ignore[misc]
                if not left:
                    await agent.end(agent.runs[call])
                    await eventually(lambda call=call: call in agent.settled)  # type: ignore[misc]
                await agent.detach()
            assert names(server) == ([made.name] if left else [])


async def test_a_name_that_held_nothing_goes_as_well(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its consumer died idle: nobody ever claims anything from it."""
    monkeypatch.setattr(consumer_module, "_SEARCH_S", 0.01)
    monkeypatch.setattr(consumer_module, "_FORGET_S", 0.05)
    monkeypatch.setattr(group_module, "LEASE_S", 0.0)
    async with deployed(server), ToyAgent(server.url, VERSION) as agent:
        server.ask("XGROUP", "CREATECONSUMER", STREAM, keys.GROUP, "dead")
        async with service.consumer(server, tmp_path) as (_, address):
            await agent.attach(address)
            await eventually(lambda: "dead" not in names(server))
