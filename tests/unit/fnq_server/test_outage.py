"""An inbox that is gone when Redis is back: what goes on, and what is told to have lost."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fnq_core import keys, results
from fnq_server.server import Server
from fnq_wire.limits import WINDOW_CHUNKS
from tests.loop import eventually
from tests.redis import RedisServer
from tests.toy import service
from tests.toy.agent import ToyAgent
from tests.toy.client import ToyClient
from tests.toy.way import way


@pytest.fixture
def durable() -> Iterator[RedisServer]:
    """A Redis that has what it had when it is killed and started again."""
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        redis = RedisServer(Path(folder), durable=True)
        redis.start()
        yield redis
        redis.kill()


async def _tend(server: Server, rounds: int = 3) -> None:
    """Have a server look after what is its own, as it does every few seconds."""
    for _ in range(rounds):
        await server._tend()


async def test_an_end_that_no_inbox_took_is_told_as_lost(
    server: RedisServer, tmp_path: Path
) -> None:
    """The call exists nowhere any more: nobody waits for it."""
    async with way(server, tmp_path) as w:
        heard, run = await w.run()
        server.ask("DEL", run.call.inbox)
        await w.agent.end(run)
        await eventually(lambda: heard.call in w.agent.settled)
        await _tend(w.server)
        failure = (await heard.over()).failure
        assert failure.error == "ResultExpiredError"
        assert "Redis" in failure.message


async def test_what_waits_and_what_runs_goes_on(server: RedisServer, tmp_path: Path) -> None:
    """Also a stream that has yielded, however long nothing more comes of it."""
    async with way(server, tmp_path) as w:
        w.agent.slots = 2
        await w.agent.state()
        runs, _ = await w.run()
        streams, streaming = await w.run()
        await w.agent.chunks(streaming, 0, b"a")
        await eventually(lambda: streams.chunks == [b"a"])
        waits = w.client.submit(w.version)
        stream = keys.call_stream("default", w.version, 0)
        await eventually(lambda: server.ask("XLEN", stream) == 3)
        server.ask("DEL", streaming.call.inbox)
        await _tend(w.server, 5)
        await w.agent.chunks(streaming, 1, b"b")
        await w.agent.exhaust(streaming, 2)
        assert (await streams.over()).exhausted
        assert streams.chunks == [b"a", b"b"]
        await w.agent.end(w.agent.runs[runs.call])
        assert (await runs.over()).value.inline == runs.call
        await eventually(lambda: waits.call in w.agent.runs)
        await w.agent.end(w.agent.runs[waits.call])
        assert (await waits.over()).value.inline == waits.call


async def test_a_stream_whose_chunk_is_lost_ends(server: RedisServer, tmp_path: Path) -> None:
    """It may wait for credit that the reader of the chunk would have given: it gets some."""
    async with way(server, tmp_path) as w:
        heard, run = await w.run()
        await w.agent.started(run)
        server.ask("DEL", run.call.inbox)
        await w.agent.chunks(run, 0, b"lost")
        await _tend(w.server)
        await eventually(lambda: [each.chunks for each in w.agent.credits] == [WINDOW_CHUNKS + 1])
        await w.agent.chunks(run, 1, b"b")
        assert (await heard.over()).failure.error == "ResultExpiredError"
        await eventually(lambda: [call for call, _ in w.agent.cancelled] == [heard.call])
        assert heard.chunks == []


async def test_a_run_whose_start_is_lost_is_reached_all_the_same(
    server: RedisServer, tmp_path: Path
) -> None:
    """Who holds its entry is asked of Redis: credits and cancellations go there."""
    async with way(server, tmp_path) as w:
        heard, run = await w.run()
        server.ask("DEL", run.call.inbox)
        await w.agent.started(run)
        await _tend(w.server)
        w.client.credit(heard, 90)
        await eventually(lambda: 90 in [each.chunks for each in w.agent.credits])
        w.client.cancel(heard)
        await eventually(lambda: w.agent.cancelled == [(heard.call, "enough")])


async def test_a_refusal_is_heard_though_the_inbox_is_gone(
    server: RedisServer, tmp_path: Path
) -> None:
    """It is opened for it; what the loss of the others means is found as ever."""
    async with way(server, tmp_path) as w:
        _, run = await w.run()
        server.ask("DEL", run.call.inbox)
        assert (await w.client.submit("fff999").over()).failure.error == "NotFoundError"
        assert server.ask("TTL", run.call.inbox) > 0
        assert [track.call for track in w.server._relay.doubted] == [run.call.call]


async def test_what_was_sent_and_never_acknowledged_is_told_as_lost(
    server: RedisServer, tmp_path: Path
) -> None:
    """The client asks for it once more, and the inbox has it no more."""
    async with way(server, tmp_path) as w:
        heard, run = await w.run()
        w.client.deafen()
        await w.agent.chunks(run, 0, b"a")
        track = w.server._relay.get(heard.call)
        await eventually(lambda: track is not None and track.unacknowledged)
        server.ask("DEL", run.call.inbox)
        await _tend(w.server, 1)
        await w.client.disconnect()
        await w.client.connect(w.address)
        assert (await heard.over()).failure.error == "ResultExpiredError"
        await eventually(lambda: [call for call, _ in w.agent.cancelled] == [heard.call])


@pytest.mark.parametrize("anew", [False, True])
async def test_an_inbox_of_another_that_is_gone_ends_the_calls_that_were_taken_up(
    server: RedisServer, tmp_path: Path, anew: bool
) -> None:
    """Nobody makes it anew where its server is dead; one that lives may have done so."""
    version = await service.deploy(server)
    async with (
        service.server(server, tmp_path, "s1") as (first, address),
        service.server(server, tmp_path, "s2") as (second, other),
        service.consumer(server, tmp_path) as (_, workers),
        ToyAgent(server.url, version) as agent,
        ToyClient() as client,
    ):
        await agent.attach(workers)
        welcome = await client.connect(address)
        heard = client.submit(version)
        await eventually(lambda: heard.call in agent.runs)
        await client.disconnect()
        await client.connect(other)
        await eventually(lambda: second._relay.inboxes == [welcome.inbox])
        server.ask("DEL", welcome.inbox)
        if anew:
            await first._tend()
            second._tended_at -= results.OWNED_TTL_S + 1
        await _tend(second)
        assert (await heard.over()).failure.error == "ResultExpiredError"


async def test_an_inbox_that_expired_while_redis_was_away_is_there_at_once(
    durable: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not at the next round: who publishes does so as soon as Redis is back."""
    monkeypatch.setattr(results, "OWNED_TTL_S", 1)
    async with way(durable, tmp_path) as w:
        heard, run = await w.run()
        await w.agent.started(run)
        inbox = run.call.inbox
        await w.server._tend()
        loop = asyncio.get_running_loop()
        durable.kill()
        gone_at = loop.time() + 1.1
        await eventually(lambda: loop.time() > gone_at)
        durable.start()
        await eventually(lambda: w.server._relay.doubted, 2.0)
        assert durable.names(inbox)
        await w.agent.end(run)
        assert (await heard.over()).value.inline == heard.call
