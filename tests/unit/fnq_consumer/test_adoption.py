"""What an agent brings along from another consumer."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from fnq.v1 import result_pb2
from fnq_consumer import consumer as consumer_module
from fnq_core import keys
from tests.loop import eventually
from tests.redis import RedisServer
from tests.toy import service
from tests.toy.agent import ToyAgent
from tests.unit.fnq_consumer.inlet import STREAM, VERSION, deployed, queue


async def test_running_work_is_adopted_without_another_dispatch(
    server: RedisServer, tmp_path: Path
) -> None:
    """Its consumer died, its agent lives: the new consumer acknowledges its end."""
    async with deployed(server), ToyAgent(server.url, VERSION) as agent:
        async with service.consumer(server, tmp_path, "c1") as (_, address):
            await agent.attach(address)
            [running, ended] = queue(server, 2)
            await eventually(lambda: len(agent.runs) == 2)
            await agent.detach()
        await agent.end(agent.runs[ended])
        async with service.consumer(server, tmp_path, "c2") as (made, address):
            await agent.attach(address)
            await eventually(lambda: ended in agent.settled)
            await eventually(lambda: len(made.ledger) == 1)
            await agent.end(agent.runs[running])
            await eventually(lambda: running in agent.settled)
            assert len(agent.dispatched) == 2
            assert server.ask("XLEN", STREAM) == 0


async def test_an_agent_is_attached_only_once_its_runs_are_adopted(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It tells servers then who reaches its runs: what they order at once must find them."""
    async with deployed(server), ToyAgent(server.url, VERSION) as agent:
        async with service.consumer(server, tmp_path, "c1") as (_, address):
            await agent.attach(address)
            [call] = queue(server)
            await eventually(lambda: call in agent.runs)
            await agent.detach()
        async with service.consumer(server, tmp_path, "c2") as (made, address):
            adopt, begun, slow = made.ledger.adopt, asyncio.Event(), asyncio.Event()

            async def adopted(*what: Any) -> None:
                begun.set()
                await slow.wait()
                await adopt(*what)

            monkeypatch.setattr(made.ledger, "adopt", adopted)
            attaching = asyncio.create_task(agent.attach(address))
            await begun.wait()
            attached, _ = await asyncio.wait([attaching], timeout=0.2)
            assert not attached
            slow.set()
            await attaching
            assert made.ledger.get(call) is not None


async def test_an_adopted_call_is_given_to_another_whole(
    server: RedisServer, tmp_path: Path
) -> None:
    """Its new consumer knew it only in part; the next run gets arguments, parent and all."""
    async with deployed(server), ToyAgent(server.url, VERSION) as agent:
        async with service.consumer(server, tmp_path, "c1") as (_, address):
            await agent.attach(address)
            queue(server, parent=b"p" * 16, remaining_ms=77_000, window_chunks=9)
            await eventually(lambda: agent.dispatched)
            await agent.detach()
        async with service.consumer(server, tmp_path, "c2") as (_, address):
            await agent.attach(address)
            await agent.report(agent.dispatched[0], lost=result_pb2.Failure(error="x"))
            await eventually(lambda: len(agent.dispatched) == 2)
            before, after = agent.dispatched
            assert after.call == before.call
            assert (after.epoch, after.deaths) == (2, 1)


async def test_what_was_given_to_another_is_taken_from_the_agent_that_comes_back(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told to forget its run, never to cancel the call: it may have got it again."""
    monkeypatch.setattr(consumer_module, "_GRACE_S", 0.01)
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (made, address),
        ToyAgent(server.url, VERSION) as agent,
    ):
        await agent.attach(address)
        [call] = queue(server)
        await eventually(lambda: call in agent.runs)
        await agent.detach()
        [[entry, *_]] = server.ask("XPENDING", STREAM, keys.GROUP, "-", "+", 1)
        await eventually(
            lambda: (
                server.ask("XPENDING", STREAM, keys.GROUP, entry, entry, 1)[0][3] == 2 + (1 << 20)
            )
        )
        await agent.attach(address)
        await eventually(lambda: len(agent.dispatched) == 2)
        await agent.end(agent.dispatched[1])
        await eventually(lambda: agent.settled.count(call) == 2 and len(made.ledger) == 0)
        assert agent.cancelled == []
