"""Streams that break: the agent at the other end is dead, lives on, or went elsewhere."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import grpc
import pytest

from fnq_consumer import consumer as consumer_module
from fnq_consumer.held import Held
from fnq_core.lease import Count
from tests.loop import eventually
from tests.redis import RedisServer
from tests.toy import service
from tests.toy.agent import ToyAgent
from tests.unit.fnq_consumer.inlet import STREAM, VERSION, deployed, queue


async def test_an_agent_that_dies_costs_its_calls_a_death(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They go to another one soon after its stream broke."""
    monkeypatch.setattr(consumer_module, "_GRACE_S", 0.01)
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (_, address),
        ToyAgent(server.url, VERSION) as agent,
        ToyAgent(server.url, VERSION) as heir,
    ):
        await agent.attach(address)
        queue(server, 3)
        await eventually(lambda: len(agent.runs) == 3)
        await heir.attach(address)
        await agent.detach()
        await eventually(lambda: len(heir.runs) == 3)
        assert {(each.epoch, each.deaths) for each in heir.dispatched} == {(2, 1)}


async def test_an_agent_without_its_stream_lives_as_long_as_it_renews(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its calls stay its own, however long the stream is broken; then it falls silent."""
    monkeypatch.setattr(consumer_module, "_GRACE_S", 0.25)
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (consumer, address),
        ToyAgent(server.url, VERSION) as agent,
        ToyAgent(server.url, VERSION) as heir,
    ):
        await agent.attach(address)
        queue(server, 2)
        await eventually(lambda: len(agent.runs) == 2)
        await heir.attach(address)
        runs = [(each.entry, Count(1, 0)) for each in agent.runs.values()]
        await agent.detach()
        looks = _count_looks(consumer, monkeypatch)
        while len(looks) < 3:
            await consumer._leases.renew(STREAM, agent.consumer, runs)
            await asyncio.sleep(0.01)
        assert heir.dispatched == []
        await eventually(lambda: len(heir.runs) == 2)
        assert {(each.epoch, each.deaths) for each in heir.dispatched} == {(2, 1)}


def _count_looks(consumer: consumer_module.Consumer, patch: pytest.MonkeyPatch) -> list[object]:
    """Return a list that grows with each look of the consumer at leases."""
    looks: list[object] = []
    look = consumer._silences

    async def counted(held: list[Held]) -> list[tuple[Held, float | None]]:
        found = await look(held)
        looks.append(found)
        return found

    patch.setattr(consumer, "_silences", counted)
    return looks


async def test_work_that_went_elsewhere_with_its_agent_is_forgotten(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another consumer has adopted it: the first one lets go of it, and buries nothing."""
    monkeypatch.setattr(consumer_module, "_GRACE_S", 0.05)
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (first, address),
        service.consumer(server, tmp_path, "d") as (_, elsewhere),
        ToyAgent(server.url, VERSION) as agent,
    ):
        await agent.attach(address)
        queue(server)
        await eventually(lambda: len(agent.runs) == 1)
        await agent.detach()
        await agent.attach(elsewhere)
        await eventually(lambda: len(first.ledger) == 0)
        assert [each.epoch for each in agent.dispatched] == [1]


async def test_an_agent_that_comes_while_its_consumer_leaves_is_let_go_at_once(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was not among those that were sent away: others have what it may do."""
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (made, address),
        ToyAgent(server.url, VERSION) as agent,
    ):
        asked, told = asyncio.Event(), asyncio.Event()
        learn = made.learn

        async def learn_late(namespace: str, version: str) -> None:
            asked.set()
            await told.wait()
            await learn(namespace, version)

        monkeypatch.setattr(made, "learn", learn_late)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(agent.attach(address))
            await asked.wait()
            made._workers.send_away()
            told.set()
        # What it says in that moment may break the stream at its own end.
        async with asyncio.timeout(5):
            with suppress(grpc.aio.AioRpcError):
                await agent.gone()
        assert made._queues == {}
