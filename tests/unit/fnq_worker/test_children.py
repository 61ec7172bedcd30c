"""Nested calls: whom they end with, and how large values pass."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from fnq.v1 import result_pb2
from fnq_core.blobs import Blobs
from fnq_wire import pipe
from fnq_wire.limits import INLINE
from fnq_wire.pieces import Spooled
from fnq_wire.pipe import Frame, Kind
from fnq_wire.spool import Spool
from tests.loop import eventually
from tests.redis import RedisServer, full
from tests.toy import service
from tests.unit.fnq_worker.bench import ToyRunner
from tests.unit.fnq_worker.kin import Kin, kin

LARGE = bytes(range(256)) * (INLINE // 256) + b"."


class Gated(Blobs):
    """A Redis that is slow to take large values until the gate is opened."""

    def __init__(self, redis: Redis) -> None:
        super().__init__(redis)
        self.gate = asyncio.Event()
        self.asked = False

    async def write(self, data: bytes, *, full_tries: int | None = None) -> result_pb2.Reference:
        self.asked = True
        await self.gate.wait()
        return await super().write(data, full_tries=full_tries)


def _slow_down(k: Kin) -> Gated:
    k.children.blobs = blobs = Gated(k.blobs._redis)
    return blobs


def shared(k: Kin) -> Spool:
    """Return the spool that the agent shares with the server."""
    assert k.blobs.spool is not None
    return k.blobs.spool


def values(spool: Spool) -> list[str]:
    """Return the names of the values in a spool."""
    return [path.name for path in Path(spool.directory).iterdir() if path.name[:2] in ("v-", "k-")]


async def test_what_comes_of_a_nested_call_reaches_its_runner(
    server: RedisServer, tmp_path: Path
) -> None:
    """Chunks by position, and the end."""
    async with kin(server, tmp_path) as k:
        call = k.call()
        run = await k.run(call)
        await k.agent.chunks(run, 0, b"a", b"b")
        await k.agent.chunks(run, 2, b"c")
        await k.agent.exhaust(run, 3)
        assert (await k.end(call)).kind == Kind.CHILD_EXHAUSTED
        chunks = [(each.number, each.body) for each in k.heard(call)[:-1]]
        assert chunks == [(0, b"a"), (1, b"b"), (2, b"c")]


async def test_nested_calls_end_with_the_call_that_made_them(
    server: RedisServer, tmp_path: Path
) -> None:
    """Not those of another call, and not detached ones."""
    async with kin(server, tmp_path) as k:
        parent, other = k.bench.dispatch("parent"), k.bench.dispatch("other")
        child, detached = k.call(parent=parent), k.call(parent=parent, detached=True)
        neighbour = k.call(parent=other)
        for call in (child, detached, neighbour):
            await k.run(call)
        k.bench.say(Kind.VALUE, parent)
        assert (await k.failure(child))["error"] == "CallCancelledError"
        for call, heard_as in ((detached, k.watch(detached)), (neighbour, neighbour)):
            await k.agent.end(k.agent.runs[call])
            assert (await k.end(heard_as)).kind == Kind.CHILD_VALUE


async def test_a_call_that_has_ended_calls_nobody(server: RedisServer, tmp_path: Path) -> None:
    """A thread that it left behind may try; a detached call it may still make."""
    async with kin(server, tmp_path) as k:
        parent = k.bench.dispatch("parent")
        k.bench.say(Kind.VALUE, parent)
        late, detached = k.call(parent=parent), k.call(parent=parent, detached=True)
        assert (await k.failure(late))["error"] == "CallCancelledError"
        await k.run(detached)
        assert [each.call.call for each in k.agent.dispatched] == [detached]


async def test_what_a_runner_called_by_itself_ends_with_it(
    server: RedisServer, tmp_path: Path
) -> None:
    """What another runner called goes on, and so does what is detached."""
    async with kin(server, tmp_path) as k:
        successor = ToyRunner()
        own, detached = k.call(), k.call(detached=True)
        others = k.call(runner=successor)
        for call in (own, detached, others):
            await k.run(call)
        runner: Any = k.runner
        k.children.bury(runner)
        failure = await k.failure(own)
        assert failure["error"] == "CallCancelledError"
        assert failure["message"] == "the process that made it was lost"
        for call in (detached, others):
            await k.agent.end(k.agent.runs[call])
        assert (await k.end(k.watch(detached))).kind == Kind.CHILD_VALUE
        await eventually(lambda: [each.kind for each in successor.sent] == [Kind.CHILD_VALUE])


async def test_arguments_too_large_are_refused(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With their size and the cap; the server hears nothing of it."""
    monkeypatch.setattr(Blobs, "most", 1000)
    async with kin(server, tmp_path) as k:
        failure = await k.failure(k.call(bytes(1001)))
        assert failure["error"] == "PayloadTooLargeError"
        assert "1001 bytes" in failure["message"]
        assert "1000" in failure["message"]
        assert k.server._relay.in_flight == 0


async def test_large_arguments_are_written_beside_the_loop(
    server: RedisServer, tmp_path: Path
) -> None:
    """Other calls go on meanwhile; credit that comes meanwhile is given to the run."""
    async with kin(server, tmp_path) as k:
        slow = _slow_down(k)
        large = k.call(LARGE)
        k.children.credit(Frame(Kind.CHILD_CREDIT, large, 0, 77, (1 << 30).to_bytes(8, "little")))
        await eventually(lambda: slow.asked)
        small = k.call()
        await k.agent.end(await k.run(small))
        await k.end(small)
        assert large not in k.agent.runs
        slow.gate.set()
        run = await k.run(large)
        assert await k.blobs.read(run.call.payload.reference) == LARGE
        await k.agent.started(run)
        await eventually(lambda: [each.chunks for each in k.agent.credits] == [77])


async def test_large_arguments_travel_without_a_spool(server: RedisServer, tmp_path: Path) -> None:
    """Through Redis."""
    async with kin(server, tmp_path) as k:
        run = await k.run(k.call(LARGE))
        reference = run.call.payload.reference
        assert reference.house == result_pb2.Reference.CHUNKS
        assert await k.blobs.read(reference) == LARGE
        await k.blobs.delete([reference])


async def test_large_arguments_that_redis_has_no_room_for_fail_their_call(
    server: RedisServer, tmp_path: Path
) -> None:
    """As they fail a call of a script."""
    async with kin(server, tmp_path) as k:
        parent = k.bench.dispatch("parent")
        with full(server):
            failure = await k.failure(k.call(LARGE, parent=parent))
        assert failure["error"] == "QueueFullError"
        assert "Redis is full" in failure["message"]
        run = k.bench.bench.get(parent, 1)
        assert run is not None
        assert not run.children


async def test_a_call_given_up_while_its_arguments_are_written_is_not_made(
    server: RedisServer, tmp_path: Path
) -> None:
    """Whoever gave it up: its caller, the end of the call that made it, the death of its runner."""
    async with kin(server, tmp_path) as k:
        slow = _slow_down(k)
        parent = k.bench.dispatch("parent")
        given_up, orphan, own = k.call(LARGE), k.call(LARGE, parent=parent), k.call(LARGE)
        k.children.cancel(given_up)
        k.bench.say(Kind.VALUE, parent)
        runner: Any = k.runner
        k.children.bury(runner)
        slow.gate.set()
        for call in (given_up, orphan, own):
            assert (await k.failure(call))["error"] == "CallCancelledError"
        await eventually(lambda: server.names("fnq:blob:*") == [])
        assert k.server._relay.in_flight == 0
        assert k.agent.dispatched == []


async def test_arguments_in_the_spool_are_passed_on_as_they_lie(
    server: RedisServer, tmp_path: Path
) -> None:
    """Nobody between the two ends of the call reads them, and they go with its end."""
    async with kin(server, tmp_path, tmp_path / "spool") as k:
        spool = shared(k)
        name = spool.write(LARGE)
        run = await k.run(k.call(Spooled(name, len(LARGE))))
        reference = run.call.payload.reference
        assert (reference.house, reference.key) == (reference.SPOOL, name)
        await k.agent.end(run)
        await eventually(lambda: values(spool) == [])


async def test_arguments_of_a_call_that_is_not_made_are_deleted(
    server: RedisServer, tmp_path: Path
) -> None:
    """The runner has written them, and would not hear what became of them."""
    async with kin(server, tmp_path, tmp_path / "spool") as k:
        spool = shared(k)
        failure = await k.failure(k.call(Spooled(spool.write(LARGE), len(LARGE)), parent=b"p" * 16))
        assert failure["error"] == "CallCancelledError"
        assert values(spool) == []


async def test_a_large_result_is_lent_to_the_runner(server: RedisServer, tmp_path: Path) -> None:
    """In its place among the others; the server may delete its own once it is acknowledged."""
    async with kin(server, tmp_path, tmp_path / "spool") as k:
        spool = shared(k)
        Spool(spool.directory, k.runner.token).claim()
        call = k.call()
        run = await k.run(call)
        written = result_pb2.Reference(house=result_pb2.Reference.SPOOL, size=len(LARGE))
        written.key = spool.write(LARGE)

        def large(result: result_pb2.Result) -> None:
            result.chunks.add().reference.CopyFrom(written)

        await k.agent.publish(run, large)
        await k.agent.chunks(run, 1, b"small")
        await k.agent.exhaust(run, 2)
        assert (await k.end(call)).kind == Kind.CHILD_EXHAUSTED
        first, second = [pipe.read_payload(each) for each in k.heard(call)[:-1]]
        assert isinstance(first, Spooled)
        assert second == b"small"
        await eventually(lambda: values(spool) == [first.name])
        assert bytes(spool.map(first.name, first.size)) == LARGE


async def test_a_large_result_that_is_gone_fails_the_call(
    server: RedisServer, tmp_path: Path
) -> None:
    """With a word on what to do."""
    async with kin(server, tmp_path, tmp_path / "spool") as k:
        call = k.call()
        run = await k.run(call)
        gone = result_pb2.Reference(house=result_pb2.Reference.SPOOL, size=1, key=f"k-{'0' * 32}")

        def large(result: result_pb2.Result) -> None:
            result.end.value.reference.CopyFrom(gone)

        await k.agent.publish(run, large)
        failure = await k.failure(call)
        assert failure["error"] == "ResultExpiredError"
        assert "call the function again" in failure["message"]


QUESTIONS: list[tuple[str, dict[str, Any]]] = [
    ("NotFoundError", {"verb": "lookup", "name": "nope", "number": None}),
    ("NotReadyError", {"verb": "wait_ready", "name": "f", "version": "abc012", "timeout_s": 0.2}),
    ("ProtocolError", {"verb": "sing"}),
    ("ProtocolError", {"verb": "lookup"}),
    ("ProtocolError", {"verb": "lookup", "name": "f", "number": "one"}),
    ("ProtocolError", {"verb": "lookup", "name": "f", "number": 1 << 80}),
    ("ProtocolError", {"verb": "wait_ready", "name": "f", "version": 7, "timeout_s": "long"}),
]


async def test_a_runner_asks_the_control_plane(server: RedisServer, tmp_path: Path) -> None:
    """What it asks is answered by number, what cannot be answered with a failure."""
    async with kin(server, tmp_path) as k:
        k.ask(0, {"verb": "lookup", "name": "f", "number": None})
        k.ask(99, {"verb": "mates", "set": 5})
        for number, (_, question) in enumerate(QUESTIONS, 1):
            k.ask(number, question)
        await eventually(lambda: len(k.runner.sent) == 2 + len(QUESTIONS))
        answers = {each.number: pipe.read_json(each) for each in k.runner.sent}
        assert answers[0]["ok"]["version"] == k.version
        assert answers.pop(99) == {"ok": {}}
        errors = [answers[number]["failure"]["error"] for number in range(1, len(answers))]
        assert errors == [error for error, _ in QUESTIONS]
        assert "was not ready within 0.2 s" in answers[2]["failure"]["message"]


@pytest.mark.parametrize("way", ["dies", "sends its clients away"])
async def test_a_question_is_answered_though_its_server_goes_away(
    server: RedisServer, tmp_path: Path, way: str
) -> None:
    """By the next one."""
    async with kin(server, tmp_path) as k, AsyncExitStack() as stack:
        k.ask(1, {"verb": "wait_ready", "name": "f", "version": k.version, "timeout_s": None})
        await eventually(lambda: k.server._supply.demand._fresh)
        if way == "dies":
            await k.server._listener.stop(0.0)
            await stack.enter_async_context(service.server(server, tmp_path))
        else:
            k.server._sessions.send_away()
        await k.ready()
        await eventually(lambda: k.runner.sent)
        assert pipe.read_json(k.runner.sent[0]) == {"ok": True}
