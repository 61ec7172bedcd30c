"""Sessions of clients: granted, broken, taken up again here or elsewhere."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import grpc
import grpc.aio
import pytest
import redis
from structlog.testing import capture_logs

from fnq.v1 import session_pb2
from fnq_core import keys
from fnq_server import sessions
from fnq_server.server import Server
from fnq_server.session import Session
from tests.loop import eventually
from tests.redis import RedisServer
from tests.toy import service
from tests.toy.agent import ToyAgent
from tests.toy.client import Heard, ToyClient


async def test_a_call_comes_back_and_leaves_nothing(server: RedisServer, tmp_path: Path) -> None:
    """The whole path once; afterwards no stream holds an entry."""
    version = await service.deploy(server)
    async with (
        service.server(server, tmp_path) as (_, address),
        service.consumer(server, tmp_path) as (_, workers),
        ToyAgent(server.url, version, echo=True) as agent,
        ToyClient() as client,
    ):
        await agent.attach(workers)
        welcome = await client.connect(address)
        heard = [client.submit(version) for _ in range(200)]
        for each in heard:
            assert (await each.over()).value.inline == each.call
        await eventually(lambda: not agent.runs)
        await eventually(lambda: server.ask("XLEN", welcome.inbox) == 0)
        assert server.ask("XLEN", keys.call_stream("default", version, 0)) == 0


async def test_a_client_of_another_protocol_is_told_whom_to_update(
    server: RedisServer, tmp_path: Path
) -> None:
    """The error names both numbers, and the older end."""
    async with service.server(server, tmp_path) as (_, address), ToyClient() as client:
        for protocol, older in ((0, "a toy"), (9, "fnq-server")):
            hello = session_pb2.Hello(protocol=protocol, client="a toy", namespace="default")
            client.session.hello = lambda h=hello: session_pb2.ClientFrame(hello=h)  # type: ignore[method-assign, misc]
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await client.connect(address)
            assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
            details = caught.value.details() or ""
            assert f"version {protocol}" in details
            assert f"update fnq where {older} runs" in details
            await client.disconnect()


async def test_a_wrong_token_is_refused(server: RedisServer, tmp_path: Path) -> None:
    """None at all, or another one."""
    async with service.server(server, tmp_path, token="right") as (_, address):
        for token in (None, "wrong", "right "):
            async with ToyClient(token) as client:
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await client.connect(address)
                assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        async with ToyClient("right") as client:
            await client.connect(address)


async def test_an_unknown_version_ends_the_call(server: RedisServer, tmp_path: Path) -> None:
    """The caller hears it at once, with the name of what is missing."""
    async with service.server(server, tmp_path) as (_, address), ToyClient() as client:
        await client.connect(address)
        end = await client.submit("fff999").over()
        assert end.failure.error == "NotFoundError"
        assert "fff999" in end.failure.message


async def test_a_full_queue_refuses_only_what_is_too_much(
    server: RedisServer, tmp_path: Path
) -> None:
    """The others wait."""
    version = await service.deploy(server, max_queue=3)
    async with service.server(server, tmp_path) as (_, address), ToyClient() as client:
        await client.connect(address)
        heard = [client.submit(version) for _ in range(5)]
        for each in heard[3:]:
            assert (await each.over()).failure.error == "QueueFullError"
        assert [each.end for each in heard[:3]] == [None] * 3
        assert server.ask("XLEN", keys.call_stream("default", version, 0)) == 3


async def test_a_call_nested_too_deep_is_refused(server: RedisServer, tmp_path: Path) -> None:
    """64 levels are the most."""
    version = await service.deploy(server)
    async with service.server(server, tmp_path) as (_, address), ToyClient() as client:
        await client.connect(address)
        deepest, too_deep = client.submit(version, depth=63), client.submit(version, depth=64)
        assert (await too_deep.over()).failure.error == "NestingTooDeepError"
        assert deepest.end is None


async def test_bye_cancels_what_is_queued_and_deletes_the_session(
    server: RedisServer, tmp_path: Path
) -> None:
    """At once, not after the lease of interest."""
    version = await service.deploy(server)
    async with service.server(server, tmp_path) as (_, address), ToyClient() as client:
        welcome = await client.connect(address)
        client.submit(version)
        stream = keys.call_stream("default", version, 0)
        await eventually(lambda: server.ask("XLEN", stream) == 1)
        await client.bye()
        await eventually(lambda: server.ask("XLEN", stream) == 0)
        await eventually(lambda: not server.names(keys.session(welcome.session)))


async def test_cancelling_a_queued_call_withdraws_it(server: RedisServer, tmp_path: Path) -> None:
    """Its caller hears the end at once, and no worker ever sees it."""
    version = await service.deploy(server)
    async with service.server(server, tmp_path) as (_, address), ToyClient() as client:
        await client.connect(address)
        heard = client.submit(version)
        stream = keys.call_stream("default", version, 0)
        await eventually(lambda: server.ask("XLEN", stream) == 1)
        client.cancel(heard)
        end = await heard.over()
        assert (end.failure.error, end.failure.message) == ("CallCancelledError", "enough")
        await eventually(lambda: server.ask("XLEN", stream) == 0)


async def test_a_client_that_vanished_loses_its_calls_after_the_lease(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Should it come back, it is told so, and waits for nothing."""
    version = await service.deploy(server)
    async with service.server(server, tmp_path) as (made, address), ToyClient() as client:
        welcome = await client.connect(address)
        heard = client.submit(version)
        stream = keys.call_stream("default", version, 0)
        await eventually(lambda: server.ask("XLEN", stream) == 1)
        await eventually(lambda: client.session.idle)
        await client.disconnect()
        await eventually(lambda: made._sessions.open == 0)
        monkeypatch.setattr(sessions, "INTEREST_S", 0.0)
        await eventually(lambda: server.ask("XLEN", stream) == 0)
        key = keys.session(welcome.session)
        await eventually(lambda: server.ask("HGET", key, "lapsed") is not None)
        monkeypatch.setattr(sessions, "INTEREST_S", 30.0)

        await client.connect(address)

        assert (await heard.over()).failure.error == "ResultExpiredError"


async def test_a_stream_that_cannot_be_written_ends(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its client opens another one; it would hear nothing there, and not know."""
    version = await service.deploy(server)

    async def broken(_: Session) -> AsyncIterator[session_pb2.ServerFrame]:
        raise OSError("the disk is broken")
        yield session_pb2.ServerFrame()

    async with service.server(server, tmp_path) as (_, address), ToyClient() as client:
        with monkeypatch.context() as patch, capture_logs() as logs:
            patch.setattr(Session, "frames", broken)
            await client.connect(address)
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await client.over()
            # gRPC itself says INTERNAL to a client that was writing in that moment.
            ended = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL)
            assert caught.value.code() in ended
        assert "the disk is broken" in str(logs)
        await client.disconnect()
        await client.connect(address)
        assert (await client.submit(version, depth=64).over()).HasField("failure")


@asynccontextmanager
async def _vanished(
    server: RedisServer, folder: Path
) -> AsyncIterator[tuple[Server, str, ToyClient, Heard]]:
    """Give a server whose client is away, and the call that it has there."""
    version = await service.deploy(server)
    async with service.server(server, folder) as (made, address), ToyClient() as client:
        await client.connect(address)
        heard = client.submit(version)
        stream = keys.call_stream("default", version, 0)
        await eventually(lambda: server.ask("XLEN", stream) == 1)
        await eventually(lambda: client.session.idle)
        await client.disconnect()
        await eventually(lambda: made._sessions.open == 0)
        yield made, address, client, heard


async def test_calls_are_dropped_only_once_it_is_noted(server: RedisServer, tmp_path: Path) -> None:
    """Redis may be away then: their client is told elsewhere by what is noted there."""
    async with _vanished(server, tmp_path) as (made, address, client, heard):
        records: Any = made._sessions._records
        with mock.patch.object(records, "lapse", side_effect=redis.ConnectionError("away")):
            with pytest.raises(redis.ConnectionError):
                await made._sessions.expire(1e12)
            assert made._relay.in_flight == 1
        await made._sessions.expire(1e12)
        assert made._relay.in_flight == 0
        await client.connect(address)
        assert (await heard.over()).failure.error == "ResultExpiredError"


async def test_who_comes_back_while_its_calls_are_dropped_is_told(
    server: RedisServer, tmp_path: Path
) -> None:
    """It must not wait for calls that are withdrawn in this moment."""
    async with _vanished(server, tmp_path) as (made, address, client, heard):
        records: Any = made._sessions._records
        asked, release, lapse = asyncio.Event(), asyncio.Event(), records.lapse

        async def slow(tag: int, generation: int) -> bool:
            asked.set()
            await release.wait()
            noted: bool = await lapse(tag, generation)
            return noted

        with mock.patch.object(records, "lapse", slow):
            expiring = asyncio.create_task(made._sessions.expire(1e12))
            await asked.wait()
            with mock.patch.object(made._sessions, "_admit", wraps=made._sessions._admit) as admit:
                coming = asyncio.create_task(client.connect(address))
                await eventually(lambda: admit.called)
            release.set()
            await expiring
            await coming
        assert (await heard.over()).failure.error == "ResultExpiredError"


async def test_a_spool_that_cannot_be_tended_is_told_once(
    server: RedisServer, tmp_path: Path
) -> None:
    """A full disk ends no server, and keeps none from starting: large values go through Redis."""
    spool = tmp_path / "spool"
    spool.write_text("no directory")
    with capture_logs() as logs:
        async with service.server(server, tmp_path, spool=spool) as (made, _):
            made._sessions.tend_spool()
            spool.unlink()
            made._sessions.tend_spool()
            assert list(spool.iterdir())
    assert len([each for each in logs if each["log_level"] == "error"]) == 1


async def test_a_proof_is_renewed_where_it_lies(server: RedisServer, tmp_path: Path) -> None:
    """Whoever reads it meanwhile reads all of it; one that was swept comes back."""
    async with service.server(server, tmp_path, spool=tmp_path / "spool") as (made, _):
        [proof] = (tmp_path / "spool").iterdir()
        proof.write_bytes(b"as it was")
        os.utime(proof, (1, 1))
        made._sessions.tend_spool()
        assert proof.read_bytes() == b"as it was"
        assert proof.stat().st_mtime > 1
        proof.unlink()
        made._sessions.tend_spool()
        assert proof.read_bytes() == made._sessions._proof
