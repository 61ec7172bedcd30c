"""Calls whose version has no place for a worker, or none in time."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from fnq_core import keys
from fnq_core.lease import LEASE_S
from fnq_core.presence import Presence, PresenceBoard
from fnq_server import stranded
from fnq_server.orchestrator.seam import Explanation, Outlook
from fnq_wire.error import StackError, UnschedulableError
from tests.loop import eventually
from tests.redis import RedisServer
from tests.toy import service
from tests.toy.agent import ToyAgent
from tests.toy.client import ToyClient
from tests.toy.house import House
from tests.toy.way import way
from tests.unit.fnq_core.streams import connected

VERSION = "abc012"
STREAM = keys.call_stream("default", VERSION, 0)
NO_NODE = "no node has enough memory: 64 GiB asked, the largest has 8 GiB"


@asynccontextmanager
async def calling(redis: RedisServer, folder: Path, house: House) -> AsyncIterator[ToyClient]:
    """Give a client of a server whose workers are placed by `house`."""
    await service.deploy(redis, VERSION)
    running = service.server(redis, folder, orchestrator=house)
    async with running as (_, address), ToyClient() as client:
        await client.connect(address)
        yield client


@pytest.mark.parametrize("how", ["refused", "explained"])
async def test_calls_that_can_never_run_end_with_the_reason(
    server: RedisServer, tmp_path: Path, how: str
) -> None:
    """All that wait, at every depth; nothing is left of them. Later ones too."""
    house = House(Outlook.STARTING, "looking for a node")
    async with calling(server, tmp_path, house) as client:
        heard = [client.submit(VERSION, depth=number % 2) for number in range(50)]
        await eventually(lambda: server.ask("XLEN", STREAM) == 25)
        if how == "refused":
            house.explanation = Explanation(Outlook.ABSENT)
            house.refusal = UnschedulableError(NO_NODE)
        else:
            house.explanation = Explanation(Outlook.IMPOSSIBLE, NO_NODE)
        heard.append(client.submit(VERSION))
        for each in heard:
            failure = (await each.over()).failure
            assert (failure.error, failure.message) == ("UnschedulableError", NO_NODE)
        for depth in (0, 1):
            assert server.ask("XLEN", keys.call_stream("default", VERSION, depth)) == 0
        assert (await client.submit(VERSION).over()).failure.error == "UnschedulableError"


async def test_a_call_whose_worker_was_lost_for_good_ends_as_well(
    server: RedisServer, tmp_path: Path
) -> None:
    """It was given to a worker once; one that a consumer still holds is his."""
    house = House(Outlook.RUNNING)
    async with calling(server, tmp_path, house) as client:
        lost, held = client.submit(VERSION), client.submit(VERSION)
        await eventually(lambda: server.ask("XLEN", STREAM) == 2)
        found = server.ask(
            "XREADGROUP", "GROUP", keys.GROUP, "dead", "COUNT", 2, "STREAMS", STREAM, ">"
        )
        [(first, _), (second, _)] = found[0][1]
        idle = int(LEASE_S * 1000) + 1
        server.ask("XCLAIM", STREAM, keys.GROUP, "dead", 0, first, "IDLE", idle, "JUSTID")
        house.explanation = Explanation(Outlook.IMPOSSIBLE, NO_NODE)
        assert (await lost.over()).failure.message == NO_NODE
        assert held.end is None
        [[left, *_]] = server.ask("XPENDING", STREAM, keys.GROUP, "-", "+", 10)
        assert left == second


@pytest.mark.parametrize(
    "outlook", [Outlook.ABSENT, Outlook.STARTING, Outlook.CRASHING, Outlook.BLOCKED]
)
async def test_a_call_that_may_yet_run_waits(
    server: RedisServer, tmp_path: Path, outlook: Outlook
) -> None:
    """For as long as its caller does; then a worker comes after all."""
    house = House(outlook, "so it is")
    house.refusal = StackError("not now") if outlook is Outlook.ABSENT else None
    async with (
        calling(server, tmp_path, house) as client,
        service.consumer(server, tmp_path) as (_, workers),
        ToyAgent(server.url, VERSION, echo=True) as agent,
    ):
        heard = client.submit(VERSION)
        await eventually(lambda: house.explained >= 2)
        assert heard.end is None
        await agent.attach(workers)
        assert (await heard.over()).value.inline == heard.call


@pytest.mark.parametrize(
    ("outlook", "error"),
    [
        (Outlook.ABSENT, "UnschedulableError"),
        (Outlook.BLOCKED, "UnschedulableError"),
        (Outlook.STARTING, "CallTimeoutError"),
        (Outlook.CRASHING, "CallTimeoutError"),
    ],
)
async def test_a_call_that_waited_until_its_deadline_ends_with_what_it_waited_for(
    server: RedisServer, tmp_path: Path, outlook: Outlook, error: str
) -> None:
    """Those with more time wait on, and so do those without a deadline."""
    house = House(outlook, "so it is")
    async with calling(server, tmp_path, house) as client:
        others = [client.submit(VERSION), client.submit(VERSION, remaining_ms=60_000)]
        failure = (await client.submit(VERSION, remaining_ms=100).over()).failure
        assert failure.error == error
        reason = "no worker has started yet" if outlook is Outlook.ABSENT else "so it is"
        assert failure.message == f"its deadline passed before a worker took it: {reason}"
        assert [each.end for each in others] == [None, None]
        assert server.ask("XLEN", STREAM) == 2


async def test_a_call_that_runs_is_its_workers_until_its_deadline_and_after(
    server: RedisServer, tmp_path: Path
) -> None:
    """One that waits behind it ends, and is told that the workers are busy."""
    async with (
        calling(server, tmp_path, House(Outlook.RUNNING)) as client,
        service.consumer(server, tmp_path) as (_, workers),
        ToyAgent(server.url, VERSION, slots=1) as agent,
        connected(server) as redis,
    ):
        await agent.attach(workers)
        ready = Presence("default", "f", VERSION, agent.name, 0, 7, state="ready")
        await PresenceBoard(redis).post(ready)
        runs = client.submit(VERSION, remaining_ms=200)
        await eventually(lambda: runs.call in agent.runs)
        waits = client.submit(VERSION, remaining_ms=200)
        failure = (await waits.over()).failure
        assert failure.error == "CallTimeoutError"
        assert failure.message.endswith("took it: its workers are busy")
        assert runs.end is None
        await agent.end(agent.runs[runs.call])
        assert (await runs.over()).HasField("value")


async def test_a_call_that_its_consumer_lets_go_of_after_its_deadline_does_not_run_late(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was held at its deadline; nobody begins it any more."""
    monkeypatch.setattr(stranded, "_AGAIN_S", 0.01)
    async with calling(server, tmp_path, House(Outlook.RUNNING)) as client:
        heard = client.submit(VERSION, remaining_ms=100)
        await eventually(lambda: server.ask("XLEN", STREAM) == 1)
        [[_, [[entry, _]]]] = server.ask(
            "XREADGROUP", "GROUP", keys.GROUP, "c1", "COUNT", 1, "STREAMS", STREAM, ">"
        )
        due = asyncio.get_running_loop().time() + 0.3
        await eventually(lambda: asyncio.get_running_loop().time() > due)
        assert heard.end is None
        idle = int(LEASE_S * 1000)
        server.ask("XCLAIM", STREAM, keys.GROUP, "c1", 0, entry, "IDLE", idle, "JUSTID")
        assert (await heard.over()).failure.error == "CallTimeoutError"
        assert server.ask("XLEN", STREAM) == 0


async def test_a_deadline_is_kept_no_longer_than_its_call(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However far it is away, and also where the call went on at another server."""
    monkeypatch.setattr(stranded, "_LEAST_PRUNED", 4)
    async with way(server, tmp_path) as w:
        waits = w.client.submit(w.version, remaining_ms=3_600_000)
        await eventually(lambda: waits.call in w.agent.runs)
        w.agent._echo = True
        for _ in range(30):
            await w.client.submit(w.version, remaining_ms=3_600_000).over()
        await eventually(lambda: w.server._relay.in_flight == 1)
        await w.client.submit(w.version, remaining_ms=3_600_000).over()
        assert len(w.server._traffic.stranded._due) <= 10
        assert waits.call in [each.call for each in w.server._traffic.stranded._due]


async def test_large_arguments_of_a_call_that_can_never_run_go_with_it(
    server: RedisServer, tmp_path: Path
) -> None:
    """Nobody will read them."""
    house = House(Outlook.IMPOSSIBLE, NO_NODE)
    async with calling(server, tmp_path, house) as client:
        heard = client.submit(VERSION, large=bytes(300_000))
        assert (await heard.over()).failure.error == "UnschedulableError"
        await eventually(lambda: not server.names("fnq:blob:*"))


async def test_a_deadline_outlasts_an_outage_of_redis(tmp_path: Path) -> None:
    """The call ends once Redis is back."""
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        redis = RedisServer(Path(folder), durable=True)
        redis.start()
        try:
            async with calling(redis, tmp_path, House(Outlook.BLOCKED, "full")) as client:
                heard = client.submit(VERSION, remaining_ms=300)
                await eventually(lambda: redis.ask("XLEN", STREAM) == 1)
                redis.kill()
                due = asyncio.get_running_loop().time() + 0.3
                await eventually(lambda: asyncio.get_running_loop().time() > due)
                redis.start()
                assert (await heard.over()).failure.error == "UnschedulableError"
        finally:
            redis.kill()


async def test_a_broken_stream_keeps_no_other_call_from_its_end(
    server: RedisServer, tmp_path: Path
) -> None:
    """Whatever lies in its place."""
    house = House(Outlook.IMPOSSIBLE, NO_NODE)
    await service.deploy(server, "bad345", name="g")
    broken = keys.call_stream("default", "bad345", 0)
    async with calling(server, tmp_path, house) as client:
        lost = client.submit("bad345", remaining_ms=1)
        await lost.over()
        server.ask("DEL", broken)
        server.ask("HSET", broken, "a", 1)
        for _ in range(2):
            failure = (await client.submit(VERSION).over()).failure
            assert failure.error == "UnschedulableError"
        server.ask("DEL", broken)
