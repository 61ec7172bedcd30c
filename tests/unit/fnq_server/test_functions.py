"""What people ask and do about deployed functions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from fnq.v1 import control_pb2, control_pb2_grpc, functions_pb2, functions_pb2_grpc, spec_pb2
from fnq_core import keys
from fnq_core.presence import Presence, PresenceBoard
from fnq_core.registry import Registry
from fnq_core.releases import Releases
from fnq_core.removal import Deleted, Removal
from fnq_core.rpc import channel
from fnq_server import remover
from tests.loop import eventually
from tests.redis import RedisServer, full
from tests.toy import service
from tests.toy.client import ToyClient
from tests.toy.house import House
from tests.toy.releases import release
from tests.unit.fnq_core.streams import connected


@asynccontextmanager
async def asking(
    server: RedisServer, folder: Path, house: House | None = None
) -> AsyncIterator[tuple[Any, Any]]:
    """Give the stubs of a server's Functions and Control."""
    running = service.server(server, folder, orchestrator=house)
    async with running as (_, address), channel(address) as link:
        yield functions_pb2_grpc.FunctionsStub(link), control_pb2_grpc.ControlStub(link)


def _spec(name: str = "f") -> spec_pb2.FunctionSpec:
    return spec_pb2.FunctionSpec(name=name, kind="function")


def _of(name: str = "f") -> functions_pb2.VersionsRequest:
    return functions_pb2.VersionsRequest(name=name)


async def _states(stub: Any) -> list[tuple[int, str]]:
    return [(each.number, each.state) for each in (await stub.Versions(_of())).versions]


async def test_versions_are_told_with_their_states(server: RedisServer, tmp_path: Path) -> None:
    """The newest first, with calls and workers; why one could not go live is told as well."""
    async with connected(server) as client:
        for number, version in enumerate(("a1", "a2", "a3"), 1):
            await release(client, "default", version, _spec(), number * 1_000)
        await Releases(client).record("default", {"a4": _spec()}, 4_000)
        await Releases(client).record("default", {"a5": _spec()}, 5_000)
        await Releases(client).fail("default", "a5", "no such module")
        server.ask("XADD", keys.call_stream("default", "a1", 0), "*", "e", "call")
        await PresenceBoard(client).post(Presence("default", "f", "a3", "x", 0, 7))
        async with asking(server, tmp_path) as (stub, _):
            found = (await stub.Versions(_of())).versions
            assert [(each.id, each.state) for each in found] == [
                ("a5", "failed"),
                ("a4", "preparing"),
                ("a3", "current"),
                ("a2", "retired"),
                ("a1", "draining"),
            ]
            assert found[0].failure == "no such module"
            assert (found[2].workers, found[4].queued, found[4].created_ms) == (1, 1, 1_000)
            assert found[2].spec == _spec()


async def test_functions_are_listed_with_what_stands_for_them(
    server: RedisServer, tmp_path: Path
) -> None:
    """The current version; the newest where none is, since the first deploy failed."""
    async with connected(server) as client:
        await release(client, "default", "a1", _spec())
        await release(client, "default", "a2", _spec())
        await Releases(client).roll_back("default", "f", "a1")
        await Releases(client).record("default", {"b1": _spec("g")}, 1)
        async with asking(server, tmp_path) as (stub, control):
            found = (await stub.List(functions_pb2.ListFunctionsRequest())).functions
            assert [
                (each.name, each.version.id, each.version.state, each.versions) for each in found
            ] == [("f", "a1", "current", 2), ("g", "b1", "preparing", 1)]
            status = await control.Status(control_pb2.StatusRequest())
            assert [each.version.id for each in status.functions] == ["a1"]


async def test_only_what_was_live_becomes_current_again(
    server: RedisServer, tmp_path: Path
) -> None:
    """By number or by id; the refusal says which there are."""
    async with connected(server) as client:
        for version in ("a1", "a2"):
            await release(client, "default", version, _spec())
        await Releases(client).record("default", {"a3": _spec()}, 1)
    async with asking(server, tmp_path) as (stub, _):
        request = functions_pb2.RollbackRequest(name="f", number=1)
        now = await stub.Rollback(request)
        assert (now.id, now.state) == ("a1", "current")
        await stub.Rollback(functions_pb2.RollbackRequest(name="f", id="a2"))
        assert await _states(stub) == [(3, "preparing"), (2, "current"), (1, "retired")]
        for wrong in ({"number": 3}, {"number": 9}, {"id": "zz"}):
            with pytest.raises(grpc.aio.AioRpcError, match="those that were: 1, 2") as caught:
                await stub.Rollback(functions_pb2.RollbackRequest(name="f", **wrong))
            assert caught.value.code() is grpc.StatusCode.NOT_FOUND
        for ask, of in (
            (stub.Versions, functions_pb2.VersionsRequest(name="g")),
            (stub.Rollback, functions_pb2.RollbackRequest(name="g", number=1)),
            (stub.Delete, functions_pb2.DeleteFunctionRequest(name="g")),
        ):
            with pytest.raises(grpc.aio.AioRpcError, match=r"no function 'g' in .*: f"):
                await ask(of)


async def test_a_deleted_function_goes_when_its_workers_have(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are told to end; nothing of it is left in Redis then."""
    monkeypatch.setattr(remover, "_LOOK_S", 0.02)
    monkeypatch.setattr(remover, "SETTLED_S", 0.1)
    house = House()
    async with connected(server) as client:
        await release(client, "default", "vanishing", _spec())
        board, worker = PresenceBoard(client), Presence("default", "f", "vanishing", "x", 0, 7)
        await board.post(worker)
        async with asking(server, tmp_path, house) as (stub, control):
            done = await stub.Delete(functions_pb2.DeleteFunctionRequest(name="f"))
            assert (done.versions, done.ended) == (1, 0)
            await eventually(lambda: "vanishing" in house.stopped)
            with pytest.raises(grpc.aio.AioRpcError, match="no function 'f'"):
                await control.Lookup(control_pb2.LookupRequest(name="f"))
            with pytest.raises(grpc.aio.AioRpcError, match="no version 'vanishing'"):
                await control.WaitReady(control_pb2.WaitReadyRequest(version="vanishing")).read()
            assert server.names(keys.version("default", "vanishing"))
            await board.withdraw(worker)
            await eventually(lambda: not server.names("*vanishing*") and not server.names("*:f"))
            assert server.names(keys.DELETED) == []


async def test_a_call_that_waits_for_a_deleted_function_ends_and_later_ones_are_refused(
    server: RedisServer, tmp_path: Path
) -> None:
    """With NotFoundError, whoever waits; the words say that it was deleted, or to deploy it."""
    await service.deploy(server)
    async with service.server(server, tmp_path) as (_, address), ToyClient() as client:
        await client.connect(address)
        waiting = client.submit("abc012")
        await eventually(lambda: server.ask("XLEN", keys.call_stream("default", "abc012", 0)))
        async with channel(address) as link:
            stub: Any = functions_pb2_grpc.FunctionsStub(link)
            done = await stub.Delete(functions_pb2.DeleteFunctionRequest(name="f"))
        assert (done.versions, done.ended) == (1, 1)
        told = [(await each.over()).failure for each in (waiting, client.submit("abc012"))]
        assert [each.error for each in told] == ["NotFoundError"] * 2
        assert [each.message for each in told] == [
            "its function was deleted while it waited",
            "no version 'abc012' in namespace 'default': deploy it first",
        ]


async def test_a_deleted_version_whose_record_is_damaged_is_looked_after_no_more(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said once; others go on to go."""
    monkeypatch.setattr(remover, "_LOOK_S", 0.02)
    version = await service.deploy(server)
    server.ask("HSET", keys.version("default", version), "spec", b"\xff" * 20)
    async with asking(server, tmp_path) as (stub, _):
        await stub.Delete(functions_pb2.DeleteFunctionRequest(name="f"))
        await eventually(lambda: not server.names(keys.DELETED))


async def test_a_function_is_deleted_also_while_redis_is_full(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That makes room; a rollback is refused in a moment, with what to do."""
    monkeypatch.setattr(remover, "_LOOK_S", 0.02)
    monkeypatch.setattr(remover, "SETTLED_S", 0.1)
    async with connected(server) as client:
        for version in ("full1", "full2"):
            await release(client, "default", version, _spec())
    async with asking(server, tmp_path) as (stub, _):
        with full(server):
            with pytest.raises(grpc.aio.AioRpcError, match="Redis is full") as caught:
                await stub.Rollback(functions_pb2.RollbackRequest(name="f", number=1))
            assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            done = await stub.Delete(functions_pb2.DeleteFunctionRequest(name="f"), timeout=10)
            assert done.versions == 2
            await eventually(lambda: not server.names(keys.version("default", "full*")))


async def test_a_version_that_is_deployed_again_keeps_its_calls(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a server had found it deleted a moment before."""
    monkeypatch.setattr(remover, "_LOOK_S", 0.01)
    version, looks = await service.deploy(server), list[int]()

    async def deleted(self: Removal) -> list[Deleted]:
        looks.append(1)
        return [Deleted("default", version, 60.0)]

    monkeypatch.setattr(Removal, "deleted", deleted)
    async with service.server(server, tmp_path) as (_, address), ToyClient() as client:
        await client.connect(address)
        client.submit(version)
        await eventually(lambda: server.ask("XLEN", keys.call_stream("default", version, 0)))
        seen = len(looks)
        await eventually(lambda: len(looks) > seen + 3)
        assert server.ask("XLEN", keys.call_stream("default", version, 0)) == 1


async def test_a_call_of_a_version_that_is_gone_is_refused_and_leaves_nothing(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also by a server that has not heard of it: it was cut off for as long as that took."""
    monkeypatch.setattr(remover, "_LOOK_S", 60.0)
    version = await service.deploy(server)
    async with service.server(server, tmp_path) as (_, address), ToyClient() as client:
        await client.connect(address)
        client.submit(version)
        await eventually(lambda: server.ask("XLEN", keys.call_stream("default", version, 0)))
        async with connected(server) as other:
            found = await Registry(other).version("default", version)
            assert found is not None
            await Removal(other).delete("default", "f")
            server.ask("DEL", keys.call_stream("default", version, 0))
            assert await Removal(other).purge("default", found)
        told = (await client.submit(version).over()).failure
        assert told.error == "NotFoundError"
        assert told.message == f"no version '{version}' in namespace 'default': deploy it first"
        assert server.names(f"*{version}*") == []


async def test_what_is_damaged_of_a_deleted_version_keeps_no_other_from_going(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stays, and is looked after again."""
    monkeypatch.setattr(remover, "_LOOK_S", 0.02)
    monkeypatch.setattr(remover, "SETTLED_S", 0.1)
    async with connected(server) as client:
        for version in ("gone1", "gone2"):
            await release(client, "default", version, _spec())
    server.ask("SET", keys.sets("default", "gone1"), "no set")
    async with asking(server, tmp_path) as (stub, _):
        await stub.Delete(functions_pb2.DeleteFunctionRequest(name="f"))
        await eventually(lambda: not server.names(keys.version("default", "gone2")))
        assert server.names(keys.version("default", "gone1"))
        server.ask("DEL", keys.sets("default", "gone1"))
        await eventually(lambda: not server.names(keys.version("default", "gone1")))
