"""What deployers and people ask of a server."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from fnq.v1 import control_pb2, control_pb2_grpc, spec_pb2
from fnq_core import keys
from fnq_core.logs import LogStreams
from fnq_core.presence import Presence, PresenceBoard
from fnq_core.releases import Releases
from fnq_core.rpc import EOF, channel
from fnq_server import lookout as lookout_module
from fnq_server.orchestrator.local import LocalOrchestrator
from fnq_server.orchestrator.seam import Explanation, Outlook
from fnq_wire.error import StackError, UnschedulableError
from tests.loop import eventually
from tests.redis import RedisServer, full
from tests.toy import service
from tests.toy.house import House
from tests.unit.fnq_core.streams import connected

DATA = b"a bundle"
DIGEST = hashlib.sha256(DATA).hexdigest()


@asynccontextmanager
async def asking(
    server: RedisServer, folder: Path, house: House | None = None
) -> AsyncIterator[Any]:
    """Give the stub of a server's Control."""
    running = service.server(server, folder, orchestrator=house)
    async with running as (_, address), channel(address) as link:
        yield control_pb2_grpc.ControlStub(link)


def _spec(name: str = "f") -> spec_pb2.FunctionSpec:
    return spec_pb2.FunctionSpec(name=name, kind="function", bundle=DIGEST)


async def _deploy(stub: Any, request: control_pb2.DeployRequest) -> control_pb2.DeployReply:
    events = [event async for event in stub.Deploy(request)]
    reply: control_pb2.DeployReply = events[-1].reply
    return reply


async def _put(stub: Any, digest: str = DIGEST, *parts: bytes) -> control_pb2.BundleReply:
    async def sent() -> AsyncIterator[control_pb2.BundlePart]:
        for part in parts or (DATA[:3], DATA[3:]):
            yield control_pb2.BundlePart(hash=digest, data=part)

    reply: control_pb2.BundleReply = await stub.PutBundle(sent())
    return reply


async def test_a_set_is_deployed_once_its_bundles_are_there(
    server: RedisServer, tmp_path: Path
) -> None:
    """Before, nothing is; again, nothing changes."""
    async with asking(server, tmp_path) as stub:
        request = control_pb2.DeployRequest(specs=[_spec("f"), _spec("g")])
        reply = await _deploy(stub, request)
        assert (list(reply.missing_bundles), len(reply.versions)) == ([DIGEST], 0)
        await _put(stub)
        first, second = [(await _deploy(stub, request)).versions for _ in range(2)]
        assert [(each.spec.name, each.number) for each in first] == [("f", 1), ("g", 1)]
        assert list(first) == list(second)
        found = await stub.Lookup(control_pb2.LookupRequest(name="g"))
        assert found == first[1]


async def test_what_only_some_stacks_act_on_is_told_at_the_deploy(
    server: RedisServer, tmp_path: Path
) -> None:
    """And is not called inactive in the status."""

    class Strong(LocalOrchestrator):
        active = frozenset({"memory", "cpu"})

    house = Strong(f"{tmp_path}/nobody.sock")
    async with (
        service.server(server, tmp_path, orchestrator=house) as (_, address),
        channel(address) as link,
    ):
        stub: Any = control_pb2_grpc.ControlStub(link)
        await _put(stub)
        spec = _spec()
        spec.resources.memory_bytes, spec.resources.gpu = 1, "nvidia-l4"
        reply = await _deploy(stub, control_pb2.DeployRequest(specs=[spec]))
        assert list(reply.active) == ["cpu", "memory"]
        [found] = (await stub.Status(control_pb2.StatusRequest())).functions
        assert "gpu" in found.inactive
        assert not {"cpu", "memory"}.intersection(found.inactive)


async def test_a_bundle_must_be_what_it_says(server: RedisServer, tmp_path: Path) -> None:
    """Its hash is that of its bytes; nothing of another is stored."""
    async with asking(server, tmp_path) as stub:
        with pytest.raises(grpc.aio.AioRpcError, match="does not have the hash"):
            await _put(stub, DIGEST, b"other")
        with pytest.raises(grpc.aio.AioRpcError, match="67108864 bytes at most"):
            await _put(stub, DIGEST, *[bytes(32 << 20)] * 3)
        assert server.names("*bundle*") == []


async def test_a_full_redis_takes_no_deploy_and_no_bundle(
    server: RedisServer, tmp_path: Path
) -> None:
    """The deployer is told why, soon enough to read it."""
    async with asking(server, tmp_path) as stub:
        await _put(stub)
        request = control_pb2.DeployRequest(specs=[_spec("f")])
        with full(server):
            for ask in (lambda: _deploy(stub, request), lambda: _put(stub)):
                with pytest.raises(grpc.aio.AioRpcError, match="Redis is full") as caught:
                    await ask()
                assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert len((await _deploy(stub, request)).versions) == 1


async def test_a_version_whose_record_is_damaged_is_named(
    server: RedisServer, tmp_path: Path
) -> None:
    """Where it is looked up, and where somebody waits for it."""
    version = await service.deploy(server)
    server.ask("HSET", keys.version("default", version), "spec", b"\xff" * 20)
    async with asking(server, tmp_path) as stub:
        with pytest.raises(grpc.aio.AioRpcError, match=f"record of version '{version}'") as caught:
            await stub.Lookup(control_pb2.LookupRequest(name="f"))
        assert caught.value.code() is grpc.StatusCode.DATA_LOSS
        with pytest.raises(grpc.aio.AioRpcError, match=f"record of version '{version}'"):
            async for _ in stub.WaitReady(control_pb2.WaitReadyRequest(version=version)):
                pass


async def test_a_function_that_was_never_deployed_is_said_to_be_missing(
    server: RedisServer, tmp_path: Path
) -> None:
    """With those that were; a number or an id that nobody knows as well."""
    await service.deploy(server, "a1")
    async with asking(server, tmp_path) as stub:
        for request, text in (
            (control_pb2.LookupRequest(name="nope"), r"no function 'nope' in .*: f"),
            (control_pb2.LookupRequest(name="f", number=9), r"'f' has no version 9 .*: 1\b"),
            (control_pb2.LookupRequest(name="f", namespace="empty"), "deployed there: none"),
        ):
            with pytest.raises(grpc.aio.AioRpcError, match=text) as caught:
                await stub.Lookup(request)
            assert caught.value.code() is grpc.StatusCode.NOT_FOUND
        with pytest.raises(grpc.aio.AioRpcError, match="no version 'fff'"):
            async for _ in stub.WaitReady(control_pb2.WaitReadyRequest(version="fff")):
                pass


async def test_a_function_that_has_not_gone_live_is_not_said_to_be_missing(
    server: RedisServer, tmp_path: Path
) -> None:
    """It is there, and there is a place to see why nobody can call it by name."""
    async with connected(server) as client, asking(server, tmp_path) as stub:
        spec = spec_pb2.FunctionSpec(name="f", kind="function")
        await Releases(client).record("default", {"a1": spec}, 1)
        with pytest.raises(grpc.aio.AioRpcError, match="gone live yet: `fnq function versions f`"):
            await stub.Lookup(control_pb2.LookupRequest(name="f"))


async def test_who_waits_for_a_worker_hears_each_change(
    server: RedisServer, tmp_path: Path
) -> None:
    """And the end when one is ready."""
    await service.deploy(server, "a1")
    async with asking(server, tmp_path) as stub, connected(server) as client:
        board = PresenceBoard(client)
        heard = []
        async for now in stub.WaitReady(control_pb2.WaitReadyRequest(version="a1")):
            heard.append(now.state + ": " + now.reason)
            state = "starting" if len(heard) == 1 else "ready"
            await board.post(Presence("default", "f", "a1", "x", 0, 7, state=state))
        assert heard == [
            f"waiting: {lookout_module._NOBODYS.reason}",
            "waiting: a worker has started and imports the function",
            "ready: ",
        ]


async def test_who_waits_for_a_worker_that_crashes_hears_of_it(
    server: RedisServer, tmp_path: Path
) -> None:
    """With its last lines, once; the orchestrator is not asked at each look."""
    await service.deploy(server, "a1")
    house = House(Outlook.CRASHING, "its worker crashes")
    house.lines = [str(number) for number in range(100)]
    async with asking(server, tmp_path, house) as stub, connected(server) as client:
        board = PresenceBoard(client)
        await board.post(Presence("default", "f", "a1", "x", 0, 7, state="starting"))
        stream = stub.WaitReady(control_pb2.WaitReadyRequest(version="a1"))
        first = await stream.read()
        assert (first.state, first.reason) == ("waiting", "its worker crashes")
        assert first.traceback.splitlines()[-1] == "99"
        server.spent()
        looks: list[int] = []
        await eventually(
            lambda: looks.append(server.spent().get("zrange", 0)) or sum(looks) > 5  # type: ignore[func-returns-value]
        )
        assert house.explained <= 2
        await board.post(Presence("default", "f", "a1", "y", 0, 7, state="ready"))
        assert (await stream.read()).state == "ready"


async def test_who_waits_for_what_has_no_place_hears_why(
    server: RedisServer, tmp_path: Path
) -> None:
    """It waits where there may be one, and is told at once where there is none ever."""
    await service.deploy(server, "a1")
    house = House(Outlook.BLOCKED, "all nodes are in use")
    async with asking(server, tmp_path, house) as stub:
        stream = stub.WaitReady(control_pb2.WaitReadyRequest(version="a1"))
        assert (await stream.read()).reason == "all nodes are in use"
        house.explanation = Explanation(Outlook.IMPOSSIBLE, "no node has enough memory")
        now = await stream.read()
        assert (now.state, now.reason) == ("failed", "no node has enough memory")
        assert await stream.read() is EOF


@pytest.mark.parametrize(
    ("refusal", "fault", "state", "reason"),
    [
        (StackError("no supervisor"), None, "waiting", "no supervisor"),
        (UnschedulableError("too many workers"), None, "failed", "too many workers"),
        (StackError("away"), StackError("out of reach"), "waiting", "away"),
        (None, StackError("out of reach"), "waiting", "out of reach"),
    ],
)
async def test_an_orchestrator_that_refuses_or_is_away_is_the_reason(
    server: RedisServer,
    tmp_path: Path,
    refusal: Exception | None,
    fault: Exception | None,
    state: str,
    reason: str,
) -> None:
    """In its own words; what it said of the workers last counts more than how they are seen."""
    await service.deploy(server, "a1")
    house = House()
    house.refusal, house.fault = refusal, fault
    async with asking(server, tmp_path, house) as stub:
        async with asyncio.timeout(10):
            async for now in stub.WaitReady(control_pb2.WaitReadyRequest(version="a1")):
                if reason in now.reason:
                    break
        assert (now.state, now.reason) == (state, reason)


async def test_who_waits_for_a_function_that_cannot_be_imported_hears_why(
    server: RedisServer, tmp_path: Path
) -> None:
    """With the user's traceback."""
    await service.deploy(server, "a1")
    async with asking(server, tmp_path) as stub, connected(server) as client:
        failed = Presence("default", "f", "a1", "x", 0, 7, state="failed", reason="so")
        failed.traceback = "Traceback ..."
        await PresenceBoard(client).post(failed)
        [now] = [each async for each in stub.WaitReady(control_pb2.WaitReadyRequest(version="a1"))]
        assert (now.state, now.traceback) == ("failed", "Traceback ...")
        assert now.reason == "so; correct that, and deploy again"


async def test_status_tells_of_processes_and_functions(server: RedisServer, tmp_path: Path) -> None:
    """Of one namespace, with what waits and what Redis needs."""
    await service.deploy(server, "a1")
    async with asking(server, tmp_path) as stub, connected(server) as client:
        ready = Presence("default", "f", "a1", "x", 2, 7, "8:1 9:0", 1, "ready")
        await PresenceBoard(client).post(ready)
        reply = await stub.Status(control_pb2.StatusRequest())
        roles = {each.role: each for each in reply.processes}
        working = [(each.role, each.pid, each.busy) for each in reply.processes if each.replica]
        assert working == [("worker", 7, 1), ("runner", 8, 1), ("runner", 9, 0)]
        assert roles["server"].address == f"unix:{tmp_path}/s.sock"
        assert [each.version.id for each in reply.functions] == ["a1"]
        assert reply.redis_bytes > 0
        other = await stub.Status(control_pb2.StatusRequest(namespace="other"))
        assert (len(other.functions), len(other.processes)) == (0, 1)


async def test_logs_are_read_by_function_and_by_call(server: RedisServer, tmp_path: Path) -> None:
    """The last ones, and those that come while somebody looks."""
    await service.deploy(server, "a1")
    call = bytes(range(16))
    async with asking(server, tmp_path) as stub, connected(server) as client:
        logs = LogStreams(client)
        await logs.append("default", "f", [(call, "stdout", "one"), (b"", "stderr", "two")])

        async def texts(**asked: Any) -> list[str]:
            return [each.text async for each in stub.Logs(control_pb2.LogsRequest(**asked))]

        assert await texts() == ["one", "two"]
        assert await texts(function="f", tail=1) == ["two"]
        with pytest.raises(grpc.aio.AioRpcError, match=r"no function 'g' in.* deployed there: f"):
            await texts(function="g")
        assert await texts(function="f", call="77") == []
        assert await texts(call=call.hex()) == await texts(call=str(uuid.UUID(bytes=call)))
        assert await texts(call=call.hex(), tail=1) == ["one"]
        with pytest.raises(grpc.aio.AioRpcError, match="not the id of a call: 'g-1'"):
            await texts(call="g-1")
        following = stub.Logs(control_pb2.LogsRequest(follow=True, function="f", tail=1))
        assert (await following.read()).text == "two"
        await logs.append("default", "f", [(b"", "stdout", "three")])
        assert (await asyncio.wait_for(following.read(), 5)).text == "three"
        following.cancel()


async def test_logs_are_followed_before_there_is_any_function(
    server: RedisServer, tmp_path: Path
) -> None:
    """Those that are deployed later are heard."""
    async with asking(server, tmp_path) as stub, connected(server) as client:
        server.spent()
        following = stub.Logs(control_pb2.LogsRequest(follow=True))
        reading = asyncio.ensure_future(following.read())
        await eventually(lambda: server.spent().get("smembers"))
        assert server.names(keys.functions("default")) == []
        await service.deploy(server, "a1")
        await LogStreams(client).append("default", "f", [(b"", "stdout", "one")])
        async with asyncio.timeout(10):
            assert (await reading).text == "one"
        following.cancel()
