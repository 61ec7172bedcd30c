"""Streams that break at random, everywhere at once: what callers get stays exact."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from fnq.v1 import worker_pb2
from fnq_core import keys
from tests.loop import eventually
from tests.redis import RedisServer, ownerless
from tests.toy import service
from tests.toy.agent import ToyAgent
from tests.toy.client import Heard, ToyClient

pytestmark = pytest.mark.integration

#: Chunks that each call yields, and calls that are made.
CHUNKS, CALLS = 20, 60
#: Seconds between two breaks.
PAUSE_S = 0.03


@dataclass
class Ring:
    """Two servers, two consumers, two agents and a client in one process."""

    redis: RedisServer
    version: str
    servers: list[str]
    consumers: list[str]
    agents: list[ToyAgent]
    client: ToyClient


@asynccontextmanager
async def ring() -> AsyncIterator[Ring]:
    """Have them all connected."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ring-")))
        redis = RedisServer(folder)
        redis.start()
        stack.callback(redis.kill)
        version = await service.deploy(redis)
        servers, consumers = [], []
        for name in ("1", "2"):
            _, address = await stack.enter_async_context(service.server(redis, folder, "s" + name))
            servers.append(address)
            _, address = await stack.enter_async_context(
                service.consumer(redis, folder, "c" + name)
            )
            consumers.append(address)
        agents = [
            await stack.enter_async_context(ToyAgent(redis.url, version, slots=8)) for _ in range(2)
        ]
        client = await stack.enter_async_context(ToyClient())
        for agent, address in zip(agents, consumers, strict=True):
            await agent.attach(address)
        await client.connect(servers[0])
        yield Ring(redis, version, servers, consumers, agents, client)


async def _serve(agent: ToyAgent, dice: random.Random) -> None:
    """Write the chunks of each run, a few at a time, and in the end its end."""
    at: dict[tuple[bytes, int], int] = {}
    while True:
        for run in list(agent.runs.values()):
            key = (run.call.call, run.epoch)
            start = at.setdefault(key, 0)
            if start <= CHUNKS and run.call.call not in agent.published:
                at[key] = await _write(agent, run, start, dice)
        await asyncio.sleep(0.002)


async def _write(agent: ToyAgent, run: worker_pb2.Dispatch, start: int, dice: random.Random) -> int:
    stop = min(CHUNKS, start + dice.randint(1, 5))
    if start == CHUNKS:
        await agent.exhaust(run, CHUNKS)
        return CHUNKS + 1
    await agent.chunks(run, start, *[b"%d" % position for position in range(start, stop)])
    return stop


async def _shake(made: Ring, dice: random.Random) -> None:
    """Break a stream now and then, and take it up here or elsewhere."""
    while True:
        await asyncio.sleep(dice.random() * PAUSE_S)
        if dice.random() < 0.5:
            if dice.random() < 0.3:
                made.client.deafen()
            else:
                await made.client.disconnect()
            await made.client.connect(dice.choice(made.servers))
        else:
            agent = dice.choice(made.agents)
            await agent.detach()
            await agent.attach(dice.choice(made.consumers))


async def _stop(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(outcome, asyncio.CancelledError), outcome


@pytest.mark.parametrize("seed", range(3))
async def test_every_chunk_comes_once_and_in_order(seed: int) -> None:
    """No call is lost or doubled, and nothing of them is left."""
    dice = random.Random(seed)
    async with ring() as made:
        loop = asyncio.get_running_loop()
        agents = [loop.create_task(_serve(agent, dice)) for agent in made.agents]
        shaker = loop.create_task(_shake(made, dice))
        heard: list[Heard] = []
        for _ in range(CALLS):
            heard.append(made.client.submit(made.version, repeatable=True))
            await asyncio.sleep(dice.random() * PAUSE_S)
        await _stop(shaker)
        await made.client.disconnect()
        await made.client.connect(made.servers[0])
        for each in heard:
            end = await each.over(20)
            assert end.exhausted, end
            assert each.chunks == [b"%d" % position for position in range(CHUNKS)]
            assert each.more == 0
        stream = keys.call_stream("default", made.version, 0)
        await eventually(lambda: made.redis.ask("XLEN", stream) == 0)
        await _stop(*agents)
        assert list(ownerless(made.redis)) == []
