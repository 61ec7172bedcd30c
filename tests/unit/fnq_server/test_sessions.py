"""Sessions of clients: granted, broken, taken up again here or elsewhere."""

from __future__ import annotations

from pathlib import Path

import grpc
import grpc.aio
import pytest

from fnq.v1 import session_pb2
from fnq_core import keys
from fnq_server import sessions
from tests.loop import eventually
from tests.redis import RedisServer
from tests.toy import service
from tests.toy.agent import ToyAgent
from tests.toy.client import ToyClient


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
