"""A way over TCP that goes silent: both ends notice by themselves, and nothing is lost."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from chalkcompute.config import Config
from chalkcompute.inflight import Inflight, Target
from chalkcompute.session import ServerSession
from fnq_wire.limits import WINDOW_CHUNKS
from fnq_wire.transport import AGENT_ANSWER_S, ANSWER_S, ASK_S
from tests.integration.services.house import House
from tests.integration.services.tunnel import Tunnel
from tests.loop import eventually
from tests.toy import service
from tests.toy.agent import ToyAgent

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(180)]

PROGRAM = Path(__file__).parents[1] / "programs" / "steady.py"
UNARY = Target("abc012", "f", "function", 1, False)
STREAM = Target("abc345", "g", "generator", 1, False)
#: Seconds after which silence is noticed, and those that a busy machine adds.
NOTICED_S, BUSY_S = ASK_S + ANSWER_S, 8.0
CHUNKS, CALLS = 60, 300
#: More than a stream yields before it waits for its reader.
TICKS = WINDOW_CHUNKS + 30


async def _submit(session: ServerSession, target: Target, count: int = 1) -> list[Inflight]:
    return await asyncio.to_thread(
        lambda: [session.submit(target, b"%d" % number) for number in range(count)]
    )


async def _answered(calls: list[Inflight]) -> None:
    """Every call has its own answer."""
    await eventually(lambda: all(call.outcome for call in calls), BUSY_S)
    assert [call.outcome.value for call in calls if call.outcome] == [
        b"%d" % number for number in range(len(calls))
    ]


async def _write(agent: ToyAgent, start: int, stop: int) -> None:
    """Let the one run of an agent yield these chunks."""
    [run] = agent.runs.values()
    await agent.chunks(run, start, *[b"%d" % at for at in range(start, stop)])


@asynccontextmanager
async def staffed(house: House) -> AsyncIterator[tuple[ToyAgent, ToyAgent]]:
    """Give two agents: one answers calls, one leaves its runs to the test."""
    await service.deploy(house.redis, UNARY.version, max_queue=10_000)
    await service.deploy(house.redis, STREAM.version, kind="generator")
    house.use_tcp("s1")
    await house.start("s1")
    await house.start("c1")
    async with (
        ToyAgent(house.redis.url, UNARY.version, slots=50, echo=True) as echo,
        ToyAgent(house.redis.url, STREAM.version) as agent,
    ):
        await echo.attach(house.address("c1"))
        await agent.attach(house.address("c1"))
        yield echo, agent


async def test_a_caller_notices_that_its_server_is_silent(house: House) -> None:
    """Within 15 s; then it resumes: every chunk once and in order, every call accepted once."""
    async with staffed(house) as (echo, agent), Tunnel(house.address("s1")) as tunnel:
        session = await asyncio.to_thread(ServerSession, Config(addr=tunnel.address))
        [stream] = await _submit(session, STREAM)
        before = await _submit(session, UNARY, CALLS)
        await eventually(lambda: agent.runs)
        await _write(agent, 0, 20)
        await eventually(lambda: len(stream.chunks) == 20)

        tunnel.silence()
        during = await _submit(session, UNARY, CALLS)
        await _write(agent, 20, 40)
        await eventually(lambda: tunnel.connections > 1, NOTICED_S + BUSY_S)
        assert len(stream.chunks) == 20
        assert not any(call.outcome for call in during)
        tunnel.restore()
        await _write(agent, 40, CHUNKS)
        [run] = agent.runs.values()
        await agent.exhaust(run, CHUNKS)

        await _answered(before)
        await _answered(during)
        await eventually(lambda: stream.outcome is not None)
        assert stream.outcome is not None
        assert stream.outcome.exhausted
        assert list(stream.chunks) == [b"%d" % at for at in range(CHUNKS)]
        seen = [each.call.call for each in echo.dispatched]
        assert len(seen) == len(set(seen)) == 2 * CALLS
        await asyncio.to_thread(session.close)


def _script(house: House, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), *words],
        env=os.environ | {"FNQ_ADDR": house.address("s1")},
        stdout=subprocess.PIPE,
        text=True,
    )


@asynccontextmanager
async def ticking(house: House, folder: Path) -> AsyncIterator[tuple[Tunnel, Any]]:
    """Give the way of two workers to their consumer, and a script that calls both of them."""
    for name in ("s1", "c1"):
        house.use_tcp(name)
        await house.start(name)
    with _script(house, str(folder), "0") as deploying:
        assert await asyncio.to_thread(deploying.wait, 30) == 0
    async with Tunnel(house.address("c1")) as tunnel:
        versions = house.redis.names("fnq:{default}:version:*")
        for number, key in enumerate(versions):
            version = key.rpartition(":")[2]
            house.employ(f"w{number}", version, tunnel.address, house.address("s1"))
        with _script(house, str(folder), str(TICKS)) as script:
            try:
                await eventually(lambda: tunnel.connections == len(versions) == 2, 30)
                await eventually(lambda: {"seen", "calls"} <= set(os.listdir(folder)), 30)
                yield tunnel, script
            finally:
                script.kill()
        for number in range(len(versions)):
            assert house.stop(f"w{number}") == 0


#: Seconds for which nobody gets through: until workers notice, and until consumers do too.
@pytest.mark.parametrize("silence_s", [0, ASK_S + AGENT_ANSWER_S - NOTICED_S + 3])
async def test_a_worker_notices_that_its_consumer_is_silent(
    house: House, tmp_path: Path, silence_s: int
) -> None:
    """Within 15 s, before it is taken for dead; what runs goes on, nothing runs twice."""
    async with ticking(house, tmp_path) as (tunnel, script):
        tunnel.silence()
        await eventually(lambda: tunnel.connections >= 4, NOTICED_S + BUSY_S)
        calls = len((tmp_path / "calls").read_text().split())
        await asyncio.sleep(silence_s)
        tunnel.restore()

        said, _ = await asyncio.to_thread(script.communicate, timeout=60)

        assert script.returncode == 0
        found = json.loads(said)
        assert found["ticks"] == list(range(TICKS))
        assert found["doubles"] == [2 * x for x in range(len(found["doubles"]))]
        ran = [int(x) for x in (tmp_path / "calls").read_text().split()]
        assert ran == list(range(len(found["doubles"])))
        assert len(ran) > calls
        assert (tmp_path / "streams").read_text() == "begun\n"
