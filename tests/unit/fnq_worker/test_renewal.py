"""The leases of an agent's runs: renewed where they are current, and given up where not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from structlog.testing import capture_logs

from fnq.v1 import record_pb2, worker_pb2
from fnq_core import keys
from fnq_worker.agent import Agent, Settings
from fnq_worker.run import Run
from tests.redis import RedisServer
from tests.unit.fnq_worker.bench import Bench

STREAM = keys.call_stream("default", "v", 0)


@asynccontextmanager
async def renewing(server: RedisServer, folder: Path) -> AsyncIterator[tuple[Agent, Bench]]:
    """Give an agent of consumer c1 that has not started, and its workbench."""
    fatal: list[BaseException] = []
    address = f"unix:{folder}/c"
    settings = Settings(address, address, server.url, "default", "v", 0, str(folder))
    agent, b = Agent(settings, fatal.append), Bench(slots=9)
    agent._workbench, agent._consumer = b.bench, "c1"
    yield agent, b
    await agent.stop()
    assert not fatal


def deliver(server: RedisServer, b: Bench, count: int) -> list[Run]:
    """Have consumer c1 read calls and dispatch them to the workbench."""
    server.ask("XGROUP", "CREATE", STREAM, keys.GROUP, "0", "MKSTREAM")
    for number in range(1, count + 1):
        server.ask("XADD", STREAM, f"{number}-1", "e", b"")
        server.ask("XREADGROUP", "GROUP", keys.GROUP, "c1", "STREAMS", STREAM, ">")
        call = record_pb2.Entry(call=str(number).encode() * 16)
        b.bench.dispatched(
            worker_pb2.Dispatch(stream=STREAM, entry=f"{number}-1", epoch=1, call=call)
        )
    return list(b.bench.runs())


def owners(server: RedisServer) -> dict[str, tuple[str, int]]:
    """Return owner and idle milliseconds of what is pending, by entry."""
    found: list[Any] = server.ask("XPENDING", STREAM, keys.GROUP, "-", "+", 9)
    return {entry.decode(): (owner.decode(), idle) for entry, owner, idle, _ in found}


async def test_a_run_is_given_up_when_its_entry_has_another_or_is_gone(
    server: RedisServer, tmp_path: Path
) -> None:
    """The others are renewed in the same breath."""
    async with renewing(server, tmp_path) as (agent, b):
        goes_on, overtaken, ended = runs = deliver(server, b, 3)
        for run in runs:
            server.ask("XCLAIM", STREAM, keys.GROUP, "c1", 0, run.entry, "IDLE", 60_000, "JUSTID")
        server.ask("XCLAIM", STREAM, keys.GROUP, "c2", 0, overtaken.entry, "RETRYCOUNT", 2)
        server.ask("XACK", STREAM, keys.GROUP, ended.entry)
        await agent._renew(STREAM, runs)
        assert [run.disowned for run in runs] == [False, True, True]
        held = owners(server)
        assert [held[run.entry][0] for run in (goes_on, overtaken)] == ["c1", "c2"]
        assert held[goes_on.entry][1] < 60_000


async def test_a_stream_that_is_gone_ends_its_runs_and_not_the_agent(
    server: RedisServer, tmp_path: Path
) -> None:
    """What has ended and waits to be settled stays; another consumer dropped the stream."""
    async with renewing(server, tmp_path) as (agent, b):
        runs = deliver(server, b, 2)
        runs[0].ended = runs[0].published = True
        server.ask("DEL", STREAM)
        await agent._renew(STREAM, runs)
        assert [run.disowned for run in runs] == [False, True]


async def test_a_stream_that_is_none_is_logged_and_its_runs_go_on(
    server: RedisServer, tmp_path: Path
) -> None:
    """Nobody can take them over there."""
    async with renewing(server, tmp_path) as (agent, b):
        runs = deliver(server, b, 1)
        server.ask("DEL", STREAM)
        server.ask("SET", STREAM, "no stream")
        with capture_logs() as logs:
            await agent._renew(STREAM, runs)
        assert [each["stream"] for each in logs if each["log_level"] == "error"] == [STREAM]
        assert not runs[0].disowned
