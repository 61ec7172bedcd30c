"""A children at a real server: a runner's pipe before it, a toy agent behind it."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from fnq.v1 import worker_pb2
from fnq_core.blobs import Blobs
from fnq_core.connection import connect
from fnq_core.presence import Presence, PresenceBoard
from fnq_core.registry import Registry
from fnq_server.server import Server
from fnq_wire import callid, pipe
from fnq_wire.detached import encode_watch
from fnq_wire.finder import finder
from fnq_wire.pieces import Spooled
from fnq_wire.pipe import NO_CALL, Frame, Kind, SubmitInfo
from fnq_worker.children import Children
from fnq_worker.mates import Mates
from fnq_worker.nest import Nest
from tests.loop import eventually
from tests.redis import RedisServer
from tests.toy import service
from tests.toy.agent import ToyAgent
from tests.unit.fnq_worker.bench import Bench, ToyRunner

__all__ = ["Kin", "kin"]

_numbers = itertools.count(1)


class Kin:
    """Who has to do with a nested call."""

    def __init__(
        self, server: Server, address: str, version: str, redis: Redis, bench: Bench
    ) -> None:
        self.server = server
        self.version = version
        self.blobs = blobs = Blobs(redis)
        self.board = PresenceBoard(redis)
        self.fatal: list[BaseException] = []
        self.bench = bench
        self.children = Children(self.bench.bench, self.bench.tasks.start)
        found = finder(address, "")
        self.nest = Nest(
            found,
            "default",
            None,
            blobs,
            self.children.deliver,
            self.fatal.append,
            self.children.lend,
        )
        self.children.nest, self.children.blobs = self.nest, blobs
        self.children.mates = Mates(Registry(redis), "default")
        children: Any = self.children
        self.bench.bench.children = children
        self.runner = self.bench.runner
        self.agent: ToyAgent

    def call(
        self,
        payload: bytes | Spooled = b"x",
        *,
        parent: bytes = NO_CALL,
        runner: ToyRunner | None = None,
        detached: bool = False,
    ) -> bytes:
        """Make a nested call, on behalf of `parent`; return its id."""
        tag, _ = self.nest.session.grant
        call = callid.make(int(time.time() * 1000), self.version, tag, next(_numbers))
        info = SubmitInfo(parent, NO_CALL, 0, detached, False, self.version)
        data = pipe.encode_submit(call, 1, 1, info, payload)
        [frame] = pipe.Decoder().feed(data)
        caller: Any = runner or self.runner
        self.children.submit(caller, frame)
        return call

    def watch(self, call: bytes, after: int = 0) -> bytes:
        """Let the runner ask for news of a detached call; return the id of that wish."""
        tag, _ = self.nest.session.grant
        wish = callid.make(int(time.time() * 1000), self.version, tag, next(_numbers))
        [frame] = pipe.Decoder().feed(encode_watch(wish, call, after, end_only=False))
        runner: Any = self.runner
        self.children.watch(runner, frame)
        return wish

    def ask(self, number: int, question: dict[str, Any]) -> None:
        """Let the runner ask the control plane."""
        [frame] = pipe.Decoder().feed(pipe.encode_json(Kind.REQUEST, question, number=number))
        runner: Any = self.runner
        self.children.request(runner, frame)

    async def ready(self) -> None:
        """Have a worker say that it is ready."""
        presence = Presence("default", "f", self.version, "a1", 0, 1, state="ready")
        await self.board.post(presence)

    async def run(self, call: bytes) -> worker_pb2.Dispatch:
        """Return the run of a nested call, once an agent has it."""
        await eventually(lambda: call in self.agent.runs)
        return self.agent.runs[call]

    def heard(self, call: bytes) -> list[Frame]:
        """Return what the runner was told of a nested call."""
        return [each for each in self.runner.sent if each.call == call]

    async def end(self, call: bytes) -> Frame:
        """Return the frame that ended a nested call for its runner."""
        kinds = (Kind.CHILD_VALUE, Kind.CHILD_EXHAUSTED, Kind.CHILD_FAILED)
        await eventually(lambda: self.heard(call) and self.heard(call)[-1].kind in kinds)
        return self.heard(call)[-1]

    async def failure(self, call: bytes) -> dict[str, Any]:
        """Return the failure that ended a nested call for its runner."""
        found: dict[str, Any] = pipe.read_json(await self.end(call))
        return found


@asynccontextmanager
async def kin(
    redis: RedisServer,
    folder: Path,
    spool: Path | None = None,
    *,
    slots: int = 10,
    runners: int = 1,
) -> AsyncIterator[Kin]:
    """Give a children whose session is granted; `spool` is shared with the server.

    Its workbench has as many toy runners, each with `slots` slots.
    """
    version = await service.deploy(redis)
    client = connect(redis.url)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(client.aclose)
        made, address = await stack.enter_async_context(service.server(redis, folder, spool=spool))
        _, workers = await stack.enter_async_context(service.consumer(redis, folder))
        k = Kin(made, address, version, client, Bench(slots=slots, runners=runners))
        k.agent = await stack.enter_async_context(ToyAgent(redis.url, version))
        await k.agent.attach(workers)
        task = asyncio.get_running_loop().create_task(k.nest.keep_forever())
        stack.push_async_callback(_end, k, task)
        await k.nest.granted()
        yield k
    assert not k.fatal
    assert not k.bench.failed


async def _end(k: Kin, task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await k.bench.tasks.stop()
