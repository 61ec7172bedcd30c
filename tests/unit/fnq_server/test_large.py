"""Large values: whoever ends a call, nothing of its values is left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from fnq.v1 import result_pb2, session_pb2, session_pb2_grpc, worker_pb2
from fnq_core.blobs import Blobs
from fnq_core.connection import connect
from fnq_core.rpc import channel
from fnq_server import sessions
from fnq_wire.limits import PART
from fnq_wire.protocol import PROTOCOL
from fnq_wire.spool import Spool
from tests.loop import eventually
from tests.redis import RedisServer
from tests.toy import service
from tests.toy.client import Heard, ToyClient
from tests.toy.way import Way, way

LARGE = bytes(range(256)) * 8_000


class Depot:
    """Where large values lie: what is left of them is looked at from outside."""

    def __init__(self, server: RedisServer, folder: Path) -> None:
        self.spool = Spool(str(folder / "spool"))
        self._server = server

    def left(self) -> list[str]:
        """Return the values that are there."""
        files = [path.name for path in Path(self.spool.directory).iterdir()]
        values = [name for name in files if not name.startswith(("proof", "owner"))]
        return values + self._server.names("fnq:blob:*")


@asynccontextmanager
async def depot(server: RedisServer, folder: Path) -> AsyncIterator[tuple[Way, Depot]]:
    """Give the way of a call, and where its large values lie."""
    made = Depot(server, folder)
    async with way(server, folder, Path(made.spool.directory)) as w:
        yield w, made


def submit(w: Way, d: Depot, house: str, **options: Any) -> Heard:
    """Submit a call whose arguments go in parts, or lie in the spool."""
    version = options.pop("version", w.version)
    if house == "parts":
        return w.client.submit(version, large=LARGE, **options)
    reference = result_pb2.Reference(house=result_pb2.Reference.SPOOL, size=len(LARGE))
    reference.key = d.spool.write(LARGE)
    return w.client.submit(version, reference=reference, **options)


both = pytest.mark.parametrize("house", ["parts", "spool"])


@both
@pytest.mark.parametrize("why", ["no such version", "too deep", "the queue is full"])
async def test_arguments_of_a_refused_call_are_deleted(
    server: RedisServer, tmp_path: Path, house: str, why: str
) -> None:
    """As soon as the client has heard of the refusal."""
    async with depot(server, tmp_path) as (w, d):
        if why == "no such version":
            heard = submit(w, d, house, version="f00")
        elif why == "too deep":
            heard = submit(w, d, house, depth=64)
        else:
            full = await service.deploy(server, "fff000", max_queue=0)
            heard = submit(w, d, house, version=full)
        assert (await heard.over()).failure.error
        await eventually(lambda: d.left() == [])


@both
@pytest.mark.parametrize("slots", [0, 1])
async def test_arguments_of_a_cancelled_call_are_deleted(
    server: RedisServer, tmp_path: Path, house: str, slots: int
) -> None:
    """Whether it waits or runs."""
    async with depot(server, tmp_path) as (w, d):
        w.agent.slots = slots
        await w.agent.state()
        heard = submit(w, d, house)
        await eventually(lambda: slots == 0 or heard.call in w.agent.runs)
        await eventually(lambda: len(d.left()) == 1)
        w.client.cancel(heard)
        await heard.over()
        await eventually(lambda: d.left() == [])


@both
async def test_arguments_of_a_lost_call_are_deleted(
    server: RedisServer, tmp_path: Path, house: str
) -> None:
    """Its consumer ended it, after four deaths."""
    async with depot(server, tmp_path) as (w, d):
        heard = submit(w, d, house)
        for epoch in range(1, 5):
            await eventually(lambda: heard.call in w.agent.runs)
            assert w.agent.runs[heard.call].epoch == epoch
            lost = result_pb2.Failure(error="WorkerLostError")
            await w.agent.report(w.agent.runs[heard.call], lost=lost)
        assert (await heard.over()).failure.error == "WorkerLostError"
        await eventually(lambda: d.left() == [])


async def test_a_consumer_that_ends_a_call_deletes_its_arguments(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its server may know nothing of them: the call is detached, or came from another one."""
    async with depot(server, tmp_path) as (w, d):
        monkeypatch.setattr(w.server._traffic.deleter, "discard", lambda _: None)
        heard = submit(w, d, "spool")
        for _ in range(4):
            await eventually(lambda: heard.call in w.agent.runs)
            lost = result_pb2.Failure(error="WorkerLostError")
            await w.agent.report(w.agent.runs[heard.call], lost=lost)
        await heard.over()
        await eventually(lambda: d.left() == [])


@both
@pytest.mark.parametrize("way_out", ["says goodbye", "vanishes"])
async def test_arguments_of_a_client_that_goes_away_are_deleted(
    server: RedisServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    house: str,
    way_out: str,
) -> None:
    """Of calls that wait, and of those that run; its other calls go on."""
    async with depot(server, tmp_path) as (w, d):
        w.agent.slots = 1
        await w.agent.state()
        for _ in range(3):
            submit(w, d, house)
        await eventually(lambda: len(w.agent.runs) == 1 and len(d.left()) == 3)
        if way_out == "says goodbye":
            await w.client.bye()
        else:
            await w.client.disconnect()
            monkeypatch.setattr(sessions, "INTEREST_S", 0.0)
            await w.server._sessions.expire(1e12)
        await eventually(lambda: d.left() == [])


@asynccontextmanager
async def _parts_only(w: Way, hello: session_pb2.Hello) -> AsyncIterator[Any]:
    """Open a stream, send a part on it, and give it; `hello` is completed for the next."""
    async with channel(w.address) as link:
        stream: Any = session_pb2_grpc.SessionsStub(link).Open()
        await stream.write(session_pb2.ClientFrame(hello=hello))
        welcome = (await stream.read()).welcome
        hello.session, hello.secret = welcome.session, welcome.secret
        frame = session_pb2.ClientFrame()
        frame.parts.add(blob=7, data=bytes(PART))
        await stream.write(frame)
        yield stream


async def test_parts_that_no_call_came_for_are_deleted(server: RedisServer, tmp_path: Path) -> None:
    """When the client comes back, which sends them anew, and when it does not."""
    hello = session_pb2.Hello(protocol=PROTOCOL)
    async with depot(server, tmp_path) as (w, d):
        async with _parts_only(w, hello):
            await eventually(lambda: len(d.left()) == 1)
            [first] = d.left()
        async with _parts_only(w, hello) as stream:
            await eventually(lambda: len(d.left()) == 1 and d.left() != [first])
            await stream.write(session_pb2.ClientFrame(bye=True))
            await eventually(lambda: d.left() == [])


async def test_a_call_keeps_the_parts_that_came_before_its_stream_broke(
    server: RedisServer, tmp_path: Path
) -> None:
    """It may not have been appended yet when the client comes back."""
    async with depot(server, tmp_path) as (w, d):
        accepter: Any = w.server._sessions._accepter
        release, append = asyncio.Event(), accepter._append

        async def slow(*args: Any) -> None:
            await release.wait()
            await append(*args)

        accepter._append = slow
        heard = submit(w, d, "parts")
        await eventually(lambda: w.server._relay.get(heard.call))
        await w.client.disconnect()
        back = asyncio.get_running_loop().create_task(w.client.connect(w.address))
        session = next(iter(w.server._sessions._sessions.values()))
        await eventually(lambda: session.writer is None and not session.incoming)
        asyncio.get_running_loop().call_later(0.05, release.set)
        await back
        await eventually(lambda: heard.call in w.agent.runs)
        reference = w.agent.runs[heard.call].call.payload.reference
        assert await Blobs(w.agent._redis).read(reference) == LARGE
        await w.agent.end(w.agent.runs[heard.call])
        await heard.over()
        await eventually(lambda: d.left() == [])


@both
async def test_arguments_of_a_call_that_cannot_be_accepted_are_deleted(
    server: RedisServer, tmp_path: Path, house: str
) -> None:
    """Its client hears of it, and does not offer it again; the next one is accepted."""
    async with depot(server, tmp_path) as (w, d):
        calls: Any = w.server._sessions._accepter._calls
        append, calls.append = calls.append, None
        heard = submit(w, d, house)
        assert (await heard.over()).failure.error == "NotAcceptedError"
        await eventually(lambda: d.left() == [])
        calls.append = append
        later, _ = await w.run()
        await w.client.disconnect()
        await w.client.connect(w.address)
        await w.agent.end(w.agent.runs[later.call])
        assert (await later.over()).HasField("value")
        assert (w.client.goaways, len(w.agent.dispatched)) == (0, 1)


async def _answer(w: Way, run: worker_pb2.Dispatch, *, epoch: int = 1, end: bool = True) -> None:
    """Publish a large chunk at position 0, and an end."""
    reference = await Blobs(w.agent._redis).write(LARGE)

    def make(result: result_pb2.Result) -> None:
        result.epoch = epoch
        result.started.consumer = w.agent.consumer
        result.chunks.add().reference.CopyFrom(reference)
        if end:
            result.end.exhausted = True

    await w.agent.publish(run, make)


async def test_results_that_nobody_hears_are_deleted(server: RedisServer, tmp_path: Path) -> None:
    """Those of a call that was cancelled, heard of before or not known at all."""
    async with depot(server, tmp_path) as (w, d):
        heard, run = await w.run()
        w.client.cancel(heard)
        await heard.over()
        await _answer(w, run)
        heard, run = await w.run()
        w.client.deafen()
        track = w.server._relay.get(heard.call)
        assert track is not None
        w.server._relay.cancel(track, "enough")
        await _answer(w, run)
        await eventually(lambda: server.ask("XLEN", run.call.inbox) == 0)
        await eventually(lambda: d.left() == [])


async def test_a_result_that_comes_twice_is_deleted_once_it_was_heard(
    server: RedisServer, tmp_path: Path
) -> None:
    """A publisher that lost Redis' answer says the same again; so does a repeated run."""
    async with depot(server, tmp_path) as (w, d):
        heard, run = await w.run(repeatable=True)
        w.client.deafen()
        await _answer(w, run, end=False)
        await eventually(lambda: len(d.left()) == 1)
        [(_, body)] = await w.server._doors.mailboxes.fetch(
            run.call.inbox, [server.ask("XRANGE", run.call.inbox, "-", "+")[0][0].decode()]
        )
        await w.agent._write([(run.call.inbox, body)])
        await _answer(w, run, epoch=2)
        track = w.server._relay.get(heard.call)
        await eventually(lambda: len(d.left()) == 1 and track is not None and track.ended)
        await w.client.disconnect()
        await w.client.connect(w.address)
        assert (await heard.over()).exhausted
        assert heard.chunks == [LARGE]
        await eventually(lambda: d.left() == [])


@pytest.mark.parametrize("repeatable", [False, True])
async def test_results_that_may_not_be_heard_are_deleted_with_their_call(
    server: RedisServer, tmp_path: Path, repeatable: bool
) -> None:
    """Of a run that was repeated and may not be, and of one that differs."""
    async with depot(server, tmp_path) as (w, d):
        heard, run = await w.run(repeatable=repeatable)
        await w.agent.chunks(run, 0, b"small")
        await eventually(lambda: heard.chunks == [b"small"])
        await _answer(w, run, epoch=2)
        assert (await heard.over()).failure.error in ("WorkerLostError", "StreamDivergedError")
        await eventually(lambda: d.left() == [])


async def test_another_client_takes_no_values_along(server: RedisServer, tmp_path: Path) -> None:
    """Only those of its own calls."""
    async with depot(server, tmp_path) as (w, d), ToyClient() as other:
        await other.connect(w.address)
        kept = submit(w, d, "spool")
        await eventually(lambda: kept.call in w.agent.runs)
        gone = other.submit(w.version, large=LARGE)
        await eventually(lambda: gone.call in w.agent.runs)
        assert len(d.left()) == 2
        await other.bye()
        await eventually(lambda: len(d.left()) == 1)
        client = connect(server.url)
        read = await Blobs(client, d.spool).read(w.agent.runs[kept.call].call.payload.reference)
        await client.aclose()
        assert read == LARGE
