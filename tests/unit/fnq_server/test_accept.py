"""Submissions that Redis or the server cannot take: each is answered, and no other is hurt."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from fnq.v1 import record_pb2, session_pb2
from fnq_core import keys
from fnq_core.calls import CallStreams
from fnq_core.connection import DiskFullError
from fnq_server import accept
from fnq_wire.limits import PART
from tests.loop import eventually
from tests.redis import RedisServer, full
from tests.toy import service
from tests.toy.client import ToyClient
from tests.toy.way import way


async def test_a_full_redis_refuses_calls_and_lets_those_end_that_it_has(
    server: RedisServer, tmp_path: Path
) -> None:
    """The error says that Redis is full and what to do; later calls are taken again."""
    async with way(server, tmp_path) as w:
        stream = keys.call_stream("default", w.version, 0)
        running, run = await w.run()
        with full(server):
            refused = [w.client.submit(w.version) for _ in range(3)]
            for each in refused:
                end = await each.over()
                assert end.failure.error == "QueueFullError"
                assert "Redis is full" in end.failure.message
                assert "maxmemory" in end.failure.message
            await w.agent.end(run)
            assert (await running.over()).value.inline == running.call
            await eventually(lambda: server.ask("XLEN", stream) == 0)
        later, run = await w.run()
        await w.agent.end(run)
        assert (await later.over()).value.inline == later.call
        assert [each.call.call for each in w.agent.dispatched] == [running.call, later.call]
        assert (w.client.goaways, [each.more for each in refused]) == (0, [0, 0, 0])


async def test_a_full_disk_refuses_calls_until_some_is_freed(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis can note nothing of it, not even the refusal: the caller is told all the same."""

    async def refuse(*_: object) -> None:
        raise DiskFullError("MISCONF Errors writing to the AOF file: No space left on device")

    async with way(server, tmp_path) as w:
        with monkeypatch.context() as disk:
            disk.setattr(CallStreams, "append", refuse)
            end = await w.client.submit(w.version).over()
        assert end.failure.error == "QueueFullError"
        assert "disk" in end.failure.message
        assert "FNQ_HOME" in end.failure.message
        later, run = await w.run()
        await w.agent.end(run)
        assert (await later.over()).value.inline == later.call


async def test_a_session_goes_elsewhere_after_a_refusal_and_nothing_is_offered_again(
    server: RedisServer, tmp_path: Path
) -> None:
    """The mark covers what was refused."""
    version = await service.deploy(server)
    async with (
        service.server(server, tmp_path, "s1") as (_, first),
        service.server(server, tmp_path, "s2") as (_, other),
        ToyClient() as client,
    ):
        await client.connect(first)
        with full(server):
            assert (await client.submit(version).over()).failure.error == "QueueFullError"
        await client.disconnect()
        assert (await client.connect(other)).mark == 1
        client.submit(version)
        stream = keys.call_stream("default", version, 0)
        await eventually(lambda: server.ask("XLEN", stream) == 1)


async def test_an_entry_has_the_times_that_its_caller_gave(
    server: RedisServer, tmp_path: Path
) -> None:
    """Of one attempt, and of the call as a whole; 0 where it gave none."""
    version = await service.deploy(server)
    async with service.server(server, tmp_path) as (_, address), ToyClient() as client:
        await client.connect(address)
        client.submit(version, timeout_ms=700, remaining_ms=60_000)
        client.submit(version)
        stream = keys.call_stream("default", version, 0)
        await eventually(lambda: server.ask("XLEN", stream) == 2)
        entries = [
            record_pb2.Entry.FromString(fields[1])
            for _, fields in server.ask("XRANGE", stream, "-", "+")
        ]
        assert [each.timeout_ms for each in entries] == [700, 0]
        assert 59_000 < entries[0].remaining_ms <= 60_000
        assert entries[1].remaining_ms == 0


async def test_a_stream_that_is_none_fails_its_own_calls_only(
    server: RedisServer, tmp_path: Path
) -> None:
    """Calls of another function, offered before and behind them, are accepted in order."""
    good = await service.deploy(server)
    bad = await service.deploy(server, "bad012", name="g")
    server.ask("SET", keys.call_stream("default", bad, 0), "no stream")
    async with service.server(server, tmp_path) as (_, address), ToyClient() as client:
        before, broken, after = [client.submit(version) for version in (good, bad, good)]
        await client.connect(address)
        end = await broken.over()
        assert end.failure.error == "NotAcceptedError"
        assert "WRONGTYPE" in end.failure.message
        stream = keys.call_stream("default", good, 0)
        await eventually(lambda: server.ask("XLEN", stream) == 2)
        await eventually(lambda: client.session.idle)
        assert (before.end, after.end, client.goaways) == (None, None, 0)


async def test_a_refusal_that_cannot_be_recorded_is_told_all_the_same(
    server: RedisServer, tmp_path: Path
) -> None:
    """Nothing can be written for the session: its calls end, they do not go round in circles."""
    version = await service.deploy(server)
    async with service.server(server, tmp_path) as (_, address), ToyClient() as client:
        record = keys.session((await client.connect(address)).session)
        server.ask("SET", record, "no record", "EX", 60)
        heard = [client.submit(version) for _ in range(3)]
        for each in heard:
            assert (await each.over()).failure.error == "NotAcceptedError"
        assert client.goaways == 0
        assert not client.session.in_flight
        server.ask("DEL", record)


@pytest.mark.parametrize(
    "broken", [("HSET", "spec", b"\xff" * 20), ("HSET", "number", b"x"), ("SET", b"no hash")]
)
async def test_a_version_whose_record_cannot_be_read_fails_its_calls(
    server: RedisServer, tmp_path: Path, broken: tuple[str, ...]
) -> None:
    """They are not offered again and again; a call of another version is accepted."""
    good = await service.deploy(server)
    bad = await service.deploy(server, "bad012", name="g")
    verb, *fields = broken
    server.ask(verb, keys.version("default", bad), *fields)
    async with service.server(server, tmp_path) as (_, address), ToyClient() as client:
        await client.connect(address)
        heard = client.submit(bad)
        assert (await heard.over()).failure.error == "NotAcceptedError"
        client.submit(good)
        stream = keys.call_stream("default", good, 0)
        await eventually(lambda: server.ask("XLEN", stream) == 1)
        assert client.goaways == 0


async def test_a_payload_that_never_came_fails_its_call(
    server: RedisServer, tmp_path: Path
) -> None:
    """A reference that names no value of this stream, or is no number."""
    version = await service.deploy(server)
    async with service.server(server, tmp_path) as (_, address), ToyClient() as client:
        await client.connect(address)
        for key in ("x", "77"):
            heard = client.submit(version)
            offered = client.session._offers[-1].submission
            offered.payload.reference.key = key
            assert (await heard.over()).failure.error == "NotAcceptedError"
        assert client.goaways == 0


async def test_a_large_value_that_redis_has_no_room_for_fails_its_call(
    server: RedisServer, tmp_path: Path
) -> None:
    """The stream is not held up by it: what comes behind is answered."""
    version = await service.deploy(server)
    async with service.server(server, tmp_path) as (_, address), ToyClient() as client:
        await client.connect(address)
        with full(server):
            heard = client.submit(version, large=bytes(3 * PART))
            end = await heard.over(20)
        assert end.failure.error == "QueueFullError"
        assert "Redis is full" in end.failure.message
        await eventually(lambda: not server.names(keys.blob("*")))


async def test_a_call_without_an_id_ends_the_stream_that_offers_it(
    server: RedisServer, tmp_path: Path
) -> None:
    """Nobody could be answered; other clients of the server are served."""
    version = await service.deploy(server)
    async with service.server(server, tmp_path) as (_, address), ToyClient() as good:
        await good.connect(address)
        async with ToyClient() as bad:
            await bad.connect(address)
            # A frame that goes out while the server ends the stream would be told first.
            await eventually(lambda: bad.session.idle)
            frame = session_pb2.ClientFrame()
            frame.submissions.add(seq=1, call=b"short", version=version)
            await bad.tell(frame)
            with pytest.raises(grpc.aio.AioRpcError, match="16 bytes") as caught:
                await bad.over()
            assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        good.submit(version)
        stream = keys.call_stream("default", version, 0)
        await eventually(lambda: server.ask("XLEN", stream) == 1)


async def test_nobody_acknowledges_ends_or_feeds_the_calls_of_another(
    server: RedisServer, tmp_path: Path
) -> None:
    """A client speaks for its own session only."""
    async with way(server, tmp_path) as w, ToyClient() as other:
        await other.connect(w.address)
        heard, run = await w.run()
        await w.agent.chunks(run, 0, b"a")
        await eventually(lambda: heard.chunks == [b"a"])
        frame = session_pb2.ClientFrame(ended=heard.call)
        frame.acknowledgements.add(call=heard.call, position=1)
        frame.credits.add(call=heard.call, chunks=99)
        frame.cancellations.add(call=heard.call, reason="mine")
        await other.tell(frame)
        await other.bye()
        await w.agent.exhaust(run, 1)
        assert (await heard.over()).exhausted
        assert (w.agent.cancelled, w.agent.credits) == ([], [])


async def test_a_full_redis_grants_no_session(server: RedisServer, tmp_path: Path) -> None:
    """Whoever asks for one is told why, and is served once there is room."""
    async with service.server(server, tmp_path) as (_, address), ToyClient() as client:
        with full(server), pytest.raises(grpc.aio.AioRpcError, match="Redis is full") as caught:
            await client.connect(address)
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        await client.disconnect()
        assert (await client.connect(address)).session


async def test_a_redis_that_was_full_a_moment_ago_is_asked_once(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many calls that are refused do not each wait for room."""
    monkeypatch.setattr(accept, "_MAX_OFFERS", 1)
    version = await service.deploy(server)
    async with service.server(server, tmp_path) as (_, address), ToyClient() as client:
        await client.connect(address)
        with full(server):
            heard = [client.submit(version) for _ in range(30)]
            async with asyncio.timeout(15):
                assert {(await each.over()).failure.error for each in heard} == {"QueueFullError"}


async def test_what_one_append_carries_is_bounded(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By bytes as well: Redis does nothing else meanwhile."""
    monkeypatch.setattr("fnq_wire.fitting.FULL_FRAME", 250)
    version = await service.deploy(server)
    async with service.server(server, tmp_path) as (made, address), ToyClient() as client:
        accepter: Any = made._sessions._accepter
        appended, append = [], accepter._append

        async def counted(session: Any, offers: list[Any]) -> None:
            appended.append(len(offers))
            await append(session, offers)

        accepter._append = counted
        for _ in range(7):
            client.submit(version, bytes(100))
        await client.connect(address)
        stream = keys.call_stream("default", version, 0)
        await eventually(lambda: server.ask("XLEN", stream) == 7)
        assert appended == [3, 3, 1]


async def test_what_comes_while_calls_are_appended_is_appended_next(
    server: RedisServer, tmp_path: Path
) -> None:
    """Each once, in order."""
    async with way(server, tmp_path) as w:
        accepter: Any = w.server._sessions._accepter
        release, append = asyncio.Event(), accepter._append

        async def slow(*args: Any) -> None:
            await release.wait()
            await append(*args)

        accepter._append = slow
        w.agent.slots = 100
        await w.agent.state()
        heard = []
        for number in range(5):
            heard.append(w.client.submit(w.version))
            await eventually(lambda: w.server._relay.in_flight == number + 1)  # noqa: B023
        release.set()
        await eventually(lambda: len(w.agent.dispatched) == 5)
        assert [each.call.call for each in w.agent.dispatched] == [each.call for each in heard]
