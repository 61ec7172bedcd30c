"""The agent's stream to a consumer: what is said on it, and in which order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from fnq.v1 import record_pb2, worker_pb2, worker_pb2_grpc
from fnq_core.rpc import EOF
from fnq_wire.finder import finder
from fnq_wire.protocol import PROTOCOL
from fnq_worker.link import Link
from tests.loop import eventually


class Post(worker_pb2_grpc.WorkersServicer):
    """A consumer that writes down what agents say, and says what it is told to."""

    def __init__(self) -> None:
        self.announced: list[worker_pb2.Announce] = []
        self.reports: list[worker_pb2.Report] = []
        self.slots: list[worker_pb2.Slots] = []
        self.protocol = PROTOCOL
        self.out: asyncio.Queue[worker_pb2.ConsumerFrame | None] = asyncio.Queue()
        #: Attaching is answered only when this is set.
        self.open = asyncio.Event()
        self.open.set()

    async def Attach(self, _: Any, context: Any) -> None:  # noqa: N802 - the contract's name
        frame = await context.read()
        self.announced.append(frame.announce)
        await self.open.wait()
        attached = worker_pb2.Attached(protocol=self.protocol, consumer="c1")
        await context.write(worker_pb2.ConsumerFrame(attached=attached))
        reader = asyncio.get_running_loop().create_task(self._read(context))
        try:
            while (frame := await self.out.get()) is not None:
                await context.write(frame)
        finally:
            reader.cancel()

    async def _read(self, context: Any) -> None:
        while (frame := await context.read()) is not EOF:
            self.reports += frame.reports
            if frame.HasField("slots"):
                self.slots.append(frame.slots)


class Agent:
    """The host and the workbench of a link: both only take notes."""

    def __init__(self) -> None:
        self.happened: list[tuple[str, Any]] = []
        self.consumers: list[str] = []
        self.partings = 0
        self.announcing: Any = None

    def announce(self) -> worker_pb2.Announce:
        if self.announcing is not None:
            # What the workbench reports from here on is not in the announcement.
            asyncio.get_running_loop().call_soon(self.announcing)
        return worker_pb2.Announce(protocol=PROTOCOL, agent="a1")

    def attached(self, consumer: str) -> None:
        self.consumers.append(consumer)

    def parted(self) -> None:
        self.partings += 1

    def slots(self) -> worker_pb2.Slots:
        return worker_pb2.Slots(free=7)

    def dispatched(self, dispatch: worker_pb2.Dispatch) -> None:
        self.happened.append(("dispatched", dispatch.call.call))

    def cancelled(self, call: bytes, reason: str) -> None:
        self.happened.append(("cancelled", call))

    def credited(self, credit: record_pb2.Credit) -> None:
        self.happened.append(("credited", credit.call))

    def settled(self, call: bytes) -> None:
        self.happened.append(("settled", call))


@asynccontextmanager
async def linked(folder: Path, post: Post, agent: Agent) -> AsyncIterator[tuple[Link, list[str]]]:
    """Run a link against a consumer; give it, and what was fatal."""
    server = grpc.aio.server()
    worker_pb2_grpc.add_WorkersServicer_to_server(post, server)
    address = f"unix:{folder}/c.sock"
    server.add_insecure_port(address)
    await server.start()
    fatal: list[str] = []
    found = finder(address, "")
    link = Link(found, None, agent, agent, lambda problem: fatal.append(str(problem)))
    task = asyncio.get_running_loop().create_task(link.keep_forever())
    try:
        yield link, fatal
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        post.out.put_nowait(None)
        await server.stop(None)


def _report(name: bytes) -> worker_pb2.Report:
    return worker_pb2.Report(call=name.ljust(16), epoch=1, ended=True)


async def test_it_attaches_and_states_its_slots(tmp_path: Path) -> None:
    """With the dispatches that it has seen on this stream, once there is something to say."""
    post, agent = Post(), Agent()
    async with linked(tmp_path, post, agent) as (link, _):
        await eventually(lambda: post.slots)
        assert (post.slots[0].free, post.slots[0].seen) == (7, 0)
        assert agent.consumers == ["c1"]
        frame = worker_pb2.ConsumerFrame()
        frame.dispatches.add()
        frame.dispatches.add()
        post.out.put_nowait(frame)
        await eventually(lambda: len(agent.happened) == 2)
        link.report(_report(b"a"))
        await eventually(lambda: post.reports)
        assert [each.seen for each in post.slots] == [0, 2]


async def test_slots_that_the_consumer_lacks_are_stated_without_a_report(tmp_path: Path) -> None:
    """It has sent so many calls that it believes in little more room."""
    post, agent = Post(), Agent()
    async with linked(tmp_path, post, agent):
        await eventually(lambda: post.slots)
        frame = worker_pb2.ConsumerFrame()
        for _ in range(4):
            frame.dispatches.add()
        post.out.put_nowait(frame)
        await eventually(lambda: len(post.slots) == 2)
        assert (post.slots[1].free, post.slots[1].seen) == (7, 4)
        assert not post.reports


async def test_a_report_made_while_it_attaches_is_not_lost(tmp_path: Path) -> None:
    """It is not in the announcement, however long the consumer takes to answer."""
    post, agent = Post(), Agent()
    post.open.clear()
    async with linked(tmp_path, post, agent) as (link, _):
        agent.announcing = lambda: link.report(_report(b"soon"))
        await eventually(lambda: post.announced)
        link.report(_report(b"later"))
        post.open.set()
        await eventually(lambda: len(post.reports) == 2)
        assert [each.call.strip() for each in post.reports] == [b"soon", b"later"]


async def test_what_was_reported_before_is_in_the_announcement_instead(tmp_path: Path) -> None:
    """Runs that ended are announced as such: a report would speak of a run nobody knows."""
    post, agent = Post(), Agent()
    async with linked(tmp_path, post, agent) as (link, _):
        await eventually(lambda: post.slots)
        post.out.put_nowait(None)
        await eventually(lambda: not link._reports)
        link._reports.append(_report(b"old"))
        await eventually(lambda: len(post.announced) == 2 and len(post.slots) == 2)
        link.report(_report(b"new"))
        await eventually(lambda: post.reports)
        assert [each.call.strip() for each in post.reports] == [b"new"]


async def test_a_call_is_settled_before_it_is_dispatched_anew(tmp_path: Path) -> None:
    """Both may come in one frame, and the new run must not be taken for the old one."""
    post, agent = Post(), Agent()
    async with linked(tmp_path, post, agent):
        call, other = b"c" * 16, b"d" * 16
        frame = worker_pb2.ConsumerFrame(settled=call + other)
        frame.dispatches.add().call.call = call
        frame.credits.add(call=call)
        frame.cancellations.add(call=call)
        post.out.put_nowait(frame)
        await eventually(lambda: len(agent.happened) == 5)
        assert agent.happened == [
            ("settled", call),
            ("settled", other),
            ("dispatched", call),
            ("credited", call),
            ("cancelled", call),
        ]


async def test_it_comes_back_when_its_stream_breaks_or_it_is_sent_away(tmp_path: Path) -> None:
    """With a new announcement; each parting is said, so that leases are renewed more often."""
    post, agent = Post(), Agent()
    async with linked(tmp_path, post, agent):
        await eventually(lambda: post.slots)
        post.out.put_nowait(None)
        await eventually(lambda: len(post.slots) == 2)
        assert agent.partings == 1
        post.out.put_nowait(worker_pb2.ConsumerFrame(goaway=True))
        await eventually(lambda: len(post.announced) == 3)
        assert agent.partings == 2


async def test_a_consumer_of_another_protocol_is_fatal(tmp_path: Path) -> None:
    """Trying again would not help; the text says what to update."""
    post, agent = Post(), Agent()
    post.protocol = PROTOCOL + 1
    async with linked(tmp_path, post, agent) as (_, fatal):
        await eventually(lambda: fatal)
        assert "update fnq where fnq-worker runs" in fatal[0]
