"""The agent's session for its runners' calls, at a real server."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import grpc.aio
import pytest

from fnq.v1 import session_pb2, session_pb2_grpc
from fnq_core.blobs import Blobs
from fnq_core.connection import connect
from fnq_wire import session
from fnq_wire.finder import finder
from fnq_wire.parcel import mapped
from fnq_wire.protocol import PROTOCOL
from fnq_worker import nest
from fnq_worker.nest import Nest
from tests.loop import eventually
from tests.redis import RedisServer
from tests.toy import service
from tests.unit.fnq_worker.kin import kin


async def test_an_agent_that_leaves_takes_its_nested_calls_along(
    server: RedisServer, tmp_path: Path
) -> None:
    """At once: the server does not wait for it to come back. Nothing of the session is left."""
    async with kin(server, tmp_path) as k:
        run = await k.run(k.call())
        await k.agent.started(run)
        track = k.server._relay.get(run.call.call)
        await eventually(lambda: track is not None and track.consumer)
        assert server.names("fnq:session:*")
        await k.nest.leave()
        assert k.server._relay.in_flight == 0
        assert server.names("fnq:session:*") == []
        await eventually(lambda: [call for call, _ in k.agent.cancelled] == [run.call.call])


async def test_leaving_takes_a_moment_where_no_server_answers(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its calls are cancelled later, when the server has missed it for long enough."""
    monkeypatch.setattr(nest, "BYE_S", 0.05)
    async with kin(server, tmp_path) as k:
        await k.server._listener.stop(0.0)
        async with asyncio.timeout(5.0):
            await k.nest.leave()
        assert server.names("fnq:session:*")


async def test_one_that_no_server_has_granted_leaves_at_once(tmp_path: Path) -> None:
    """There is nothing to say goodbye to."""
    client = connect("unix:///nowhere")
    nowhere = finder(f"unix:{tmp_path}/none.sock", "")
    alone = Nest(nowhere, "default", None, Blobs(client), print, print, mapped)
    await alone.leave()
    await client.aclose()


async def test_a_call_made_while_no_server_is_there_is_made_at_the_next(
    server: RedisServer, tmp_path: Path
) -> None:
    """Offered again, once; an earlier one is resumed where it was."""
    async with kin(server, tmp_path) as k:
        first = k.call()
        run = await k.run(first)
        await k.agent.chunks(run, 0, b"a")
        await eventually(lambda: len(k.heard(first)) == 1)
        await k.server._listener.stop(0.0)
        second = k.call()
        await k.agent.chunks(run, 1, b"b")
        async with service.server(server, tmp_path):
            await k.agent.exhaust(run, 2)
            await k.end(first)
            await k.agent.end(await k.run(second))
            await k.end(second)
        assert [(each.number, each.body) for each in k.heard(first)][:2] == [(0, b"a"), (1, b"b")]
        assert [each.call.call for each in k.agent.dispatched] == [first, second]


async def test_a_server_that_refuses_its_version_is_fatal(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text says which end to update; trying again would not help."""
    monkeypatch.setattr(session, "PROTOCOL", 99)
    client = connect(server.url)
    fatal: list[BaseException] = []
    async with service.server(server, tmp_path) as (_, address):
        own = Nest(finder(address, ""), "default", None, Blobs(client), print, fatal.append, mapped)
        async with asyncio.timeout(10.0):
            await own.keep_forever()
    await client.aclose()
    assert "update fnq where fnq-server runs" in str(fatal[0])


async def test_it_asks_the_control_plane(server: RedisServer, tmp_path: Path) -> None:
    """What is deployed is found; who waits too long is told what for."""
    async with kin(server, tmp_path) as k:
        found = await k.nest.lookup("f", 0)
        assert (found.id, found.spec.name) == (k.version, "f")
        with pytest.raises(grpc.aio.AioRpcError, match="nope"):
            await k.nest.lookup("nope", 0)
        ready = await k.nest.wait_ready(k.version, 0.2)
        assert ready.state == "waiting"
        assert ready.reason


class Stranger(session_pb2_grpc.SessionsServicer):
    """Grants a session in another version of the protocol."""

    async def Open(self, _: Any, context: Any) -> None:  # noqa: N802 - the contract's name
        await context.read()
        welcome = session_pb2.Welcome(protocol=PROTOCOL + 1, session=1, secret=b"s", inbox="i")
        await context.write(session_pb2.ServerFrame(welcome=welcome))
        await context.read()


async def test_a_server_of_another_version_is_fatal(tmp_path: Path) -> None:
    """Trying again would not help; the text names both versions and what to update."""
    server = grpc.aio.server()
    session_pb2_grpc.add_SessionsServicer_to_server(Stranger(), server)
    address = f"unix:{tmp_path}/s.sock"
    server.add_insecure_port(address)
    await server.start()
    fatal: list[str] = []
    redis = connect(f"unix://{tmp_path}/none.sock")
    nest = Nest(
        finder(address, ""),
        "default",
        None,
        Blobs(redis),
        lambda _: None,
        lambda problem: fatal.append(str(problem)),
        mapped,
    )
    keeping = asyncio.create_task(nest.keep_forever())
    try:
        await eventually(lambda: fatal)
        assert fatal[0] == (
            f"fnq-server speaks version {PROTOCOL + 1} of the protocol, fnq-worker version "
            f"{PROTOCOL}: update fnq where fnq-worker runs"
        )
        assert not nest.session.granted
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        await server.stop(None)
        await redis.aclose()
