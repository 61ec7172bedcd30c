"""Services that are killed under load: what callers get stays exact."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from chalkcompute.config import Config
from chalkcompute.inflight import Inflight, Target
from chalkcompute.session import ServerSession
from fnq.v1 import worker_pb2
from fnq_core import keys
from tests.integration.services.house import House
from tests.loop import eventually
from tests.redis import ownerless
from tests.toy import service
from tests.toy.agent import ToyAgent

pytestmark = pytest.mark.integration

VERSION = "abc012"
UNARY = Target(VERSION, "f", "function", 1, False)


@asynccontextmanager
async def calling(house: House, server: str = "s1") -> AsyncIterator[ServerSession]:
    """Give the SDK's session with a server."""
    session = ServerSession(Config(addr=house.address(server)))
    try:
        yield session
    finally:
        await asyncio.to_thread(session.close)


async def _submit(session: ServerSession, count: int) -> list[Inflight]:
    return await asyncio.to_thread(
        lambda: [session.submit(UNARY, b"%d" % number) for number in range(count)]
    )


async def _answered(session: ServerSession, calls: list[Inflight]) -> None:
    """Every call has its own answer, once."""
    for number, call in enumerate(calls):
        while call.outcome is None:
            await asyncio.wait_for(session.park_async(call), 30)
        assert call.outcome.value == b"%d" % number, call.outcome


async def _stay(agent: ToyAgent, address: str) -> None:
    """Keep an agent attached, as a real one does."""
    while True:
        try:
            await agent.attach(address)
            await agent.gone()
        except Exception as problem:  # noqa: BLE001 - whatever breaks a stream, it comes back
            print("the agent comes back:", problem)
        await agent.detach()
        await asyncio.sleep(0.02)


@asynccontextmanager
async def serving(house: House, consumer: str = "c1", slots: int = 100) -> AsyncIterator[ToyAgent]:
    """Give an agent that answers each call with its payload, and never gives up."""
    async with ToyAgent(house.redis.url, VERSION, echo=True, slots=slots) as agent:
        task = asyncio.create_task(_stay(agent, house.address(consumer)))
        try:
            yield agent
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _nothing_is_left(house: House) -> None:
    redis = house.redis
    await eventually(lambda: redis.ask("XLEN", keys.call_stream("default", VERSION, 0)) == 0)
    assert redis.ask("XPENDING", keys.call_stream("default", VERSION, 0), keys.GROUP)[0] == 0
    assert list(ownerless(redis)) == []


async def test_a_server_that_is_killed_under_load_loses_and_doubles_nothing(house: House) -> None:
    """Another one takes its place at the same address; calls are accepted meanwhile."""
    await service.deploy(house.redis, VERSION, max_queue=100_000)
    await house.start("s1")
    await house.start("c1")
    async with serving(house) as agent, calling(house) as session:
        calls = await _submit(session, 3_000)
        await eventually(lambda: any(call.outcome for call in calls))
        house.kill("s1")
        calls_meanwhile = await _submit(session, 1_000)
        await house.start("s1")
        await _answered(session, calls)
        await _answered(session, calls_meanwhile)
        seen = [(each.call.call, each.epoch) for each in agent.dispatched]
        assert len(seen) == len(set(seen)) == 4_000
    await _nothing_is_left(house)


async def test_a_consumer_that_is_killed_under_load_loses_nothing(house: House) -> None:
    """What it had read comes again once its lease has lapsed, the rest at once."""
    await service.deploy(house.redis, VERSION, max_queue=100_000)
    await house.start("s1")
    await house.start("c1")
    async with serving(house), calling(house) as session:
        calls = await _submit(session, 3_000)
        await eventually(lambda: any(call.outcome for call in calls))
        house.kill("c1")
        await house.start("c1")
        await _answered(session, calls)
        await _nothing_is_left(house)


async def test_a_redis_that_is_killed_under_load_loses_nothing(house: House) -> None:
    """Its file has what was confirmed; the rest is said again."""
    await service.deploy(house.redis, VERSION, max_queue=100_000)
    await house.start("s1")
    await house.start("c1")
    async with serving(house), calling(house) as session:
        calls = await _submit(session, 3_000)
        await eventually(lambda: any(call.outcome for call in calls))
        house.redis.kill()
        calls_meanwhile = await _submit(session, 100)
        house.redis.start()
        await _answered(session, calls)
        await _answered(session, calls_meanwhile)
        await _nothing_is_left(house)


async def test_a_running_call_of_a_killed_consumer_is_adopted_by_another(house: House) -> None:
    """It is dispatched once; the other consumer acknowledges its end."""
    await service.deploy(house.redis, VERSION)
    await house.start("s1")
    await house.start("c1")
    await house.start("c2")
    async with ToyAgent(house.redis.url, VERSION) as agent, calling(house) as session:
        await agent.attach(house.address("c1"))
        [call] = await _submit(session, 1)
        await eventually(lambda: agent.runs)
        house.kill("c1")
        await agent.detach()
        await agent.attach(house.address("c2"))
        await agent.end(*agent.runs.values())
        await _answered(session, [call])
        await eventually(lambda: agent.settled == [call.call])
        assert len(agent.dispatched) == 1
    await _nothing_is_left(house)


async def test_a_stream_goes_on_exactly_where_its_server_was_killed(house: House) -> None:
    """Chunks written before, during and after; each once and in order, then the end."""
    await service.deploy(house.redis, VERSION, kind="generator")
    await house.start("s1")
    await house.start("c1")
    async with ToyAgent(house.redis.url, VERSION) as agent, calling(house) as session:
        await agent.attach(house.address("c1"))
        target = Target(VERSION, "f", "generator", 1, False)
        call = await asyncio.to_thread(session.submit, target, b"")
        await eventually(lambda: agent.runs)
        [run] = agent.runs.values()
        await _write(agent, run, 0, 50)
        await eventually(lambda: len(call.chunks) > 10)
        house.kill("s1")
        await _write(agent, run, 50, 100)
        await house.start("s1")
        await _write(agent, run, 100, 150)
        await agent.exhaust(run, 150)
        await eventually(lambda: call.outcome is not None, 20)
        assert call.outcome is not None
        assert call.outcome.exhausted
        assert list(call.chunks) == [b"%d" % position for position in range(150)]


async def _write(agent: ToyAgent, run: worker_pb2.Dispatch, start: int, stop: int) -> None:
    for position in range(start, stop):
        await agent.chunks(run, position, b"%d" % position)


async def test_ten_thousand_calls_leave_nothing(house: House) -> None:
    """No stream holds an entry, and Redis has as many keys as before."""
    await service.deploy(house.redis, VERSION, max_queue=100_000)
    await house.start("s1")
    await house.start("c1")
    async with serving(house, slots=200), calling(house) as session:
        await _answered(session, await _submit(session, 1))
        before = house.redis.names()
        await _answered(session, await _submit(session, 10_000))
        await _nothing_is_left(house)
        await eventually(
            lambda: not any(house.redis.ask("XLEN", key) for key in house.redis.names("*inbox*"))
        )
        assert house.redis.names() == before


@pytest.mark.parametrize("name", ["s1", "c1"])
async def test_a_service_without_a_redis_waits_and_can_be_stopped(house: House, name: str) -> None:
    """It says once what it waits for, and starts when Redis is there."""
    house.redis.kill()
    house.begin(name)
    await eventually(lambda: b"redis is away" in house.log(name))
    assert house.stop(name) == 0
    house.begin(name)
    await eventually(lambda: b"redis is away" in house.log(name))
    house.redis.start()
    await eventually(lambda: b"is ready" in house.log(name))


@pytest.mark.parametrize("name", ["s1", "c1"])
async def test_a_service_that_redis_does_not_let_in_ends(house: House, name: str) -> None:
    """With what to correct; it would wait for ever."""
    house.redis.ask("CONFIG", "SET", "requirepass", "right")
    process = house.begin(name, house.redis.url.replace("unix://", "unix://:wrong@"))
    await eventually(lambda: process.poll() is not None)
    assert process.returncode == 2
    assert b"check REDIS_URL" in house.log(name)
    house._processes.clear()
