"""An agent without a runner: takes dispatches, and answers when a test says so."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Callable
from typing import Any, Self

import grpc.aio

from fnq.v1 import record_pb2, result_pb2, worker_pb2, worker_pb2_grpc
from fnq_core.connection import connect, insist
from fnq_core.kept import By, Ending, KeptCalls
from fnq_core.lease import Count
from fnq_core.results import Mailboxes
from fnq_core.rpc import EOF, channel
from fnq_wire.protocol import PROTOCOL
from fnq_wire.transport import metadata
from tests.toy.dial import answered

__all__ = ["ToyAgent"]


class ToyAgent:
    """Attaches to one consumer at a time; `runs` are the dispatches that have not ended.

    `echo` answers each unary call at once with its own payload.
    """

    def __init__(
        self,
        redis_url: str,
        version: str,
        *,
        slots: int = 10,
        replica: int = 0,
        echo: bool = False,
        token: str | None = None,
    ) -> None:
        self.name = uuid.uuid4().hex
        self.consumer = ""
        #: Slots in all, and what is lent: count by least depth. Both may be changed.
        self.slots = slots
        self.lent: dict[int, int] = {}
        self.dispatched: list[worker_pb2.Dispatch] = []
        self.cancelled: list[tuple[bytes, str]] = []
        self.credits: list[record_pb2.Credit] = []
        self.settled: list[bytes] = []
        self.runs: dict[bytes, worker_pb2.Dispatch] = {}
        self.published: set[bytes] = set()
        #: Attempts that failed and are kept until they are settled.
        self.failed: dict[bytes, worker_pb2.Failed] = {}
        self._version = version
        self._replica = replica
        self._echo = echo
        self._metadata = metadata(token)
        self._redis = connect(redis_url)
        self._mailboxes = Mailboxes(self._redis)
        self._kept = KeptCalls(self._redis)
        self._channel: grpc.aio.Channel | None = None
        self._stream: Any = None
        self._reader: asyncio.Task[None] | None = None
        self._seen = 0
        self._writing = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.detach()
        await self._redis.aclose()

    def announce(self) -> worker_pb2.Announce:
        """Say who it is and what it runs."""
        running = [
            worker_pb2.Running(
                stream=run.stream,
                entry=run.entry,
                call=call,
                epoch=run.epoch,
                deaths=run.deaths,
                inbox=run.call.inbox,
                depth=run.call.depth,
                ended=call in self.published,
                repeatable=run.call.repeatable,
                attempt=run.attempt,
                failed=self.failed.get(call),
            )
            for call, run in self.runs.items()
        ]
        return worker_pb2.Announce(
            protocol=PROTOCOL,
            agent=self.name,
            namespace="default",
            version=self._version,
            replica=self._replica,
            running=running,
        )

    async def attach(self, address: str, announce: worker_pb2.Announce | None = None) -> None:
        """Attach to a consumer. Raises AioRpcError when it refuses."""
        link = channel(address)

        async def attempt() -> tuple[Any, worker_pb2.ConsumerFrame]:
            stream = worker_pb2_grpc.WorkersStub(link).Attach(metadata=self._metadata)
            await stream.write(worker_pb2.AgentFrame(announce=announce or self.announce()))
            frame = await stream.read()
            assert frame is not EOF
            return stream, frame

        try:
            stream, frame = await answered(attempt)
        except BaseException:
            await link.close(None)
            raise
        # Only now: nothing may be said before the announcement.
        self._channel, self._stream = link, stream
        self.consumer = frame.attached.consumer
        self._seen = 0
        self._reader = asyncio.get_running_loop().create_task(self._read())
        # Some may have ended since the announcement.
        await self._report_end(*[self.runs[call] for call in self.published & self.runs.keys()])

    async def detach(self) -> None:
        """Break the stream; what runs goes on."""
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
            self._reader = None
        if self._channel is not None:
            await self._channel.close(None)
            self._channel = None

    async def state(self, *reports: worker_pb2.Report) -> None:
        """Say what there is room for, and what became of dispatches."""
        live = self.runs.keys() - self.published - self.failed.keys()
        taken = len({self.runs[call].batch or call for call in live})
        frame = worker_pb2.AgentFrame(reports=reports)
        frame.slots.seen, frame.slots.free = self._seen, max(0, self.slots - taken)
        for depth, count in self.lent.items():
            frame.slots.lent.add(depth=depth, count=count)
        # gRPC takes one frame of a stream at a time.
        async with self._writing:
            if self._channel is not None:
                # A stream that broke takes it along: what runs is announced anew.
                with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
                    await self._stream.write(frame)

    async def gone(self) -> None:
        """Return when the stream breaks; raise what broke it."""
        assert self._reader is not None
        await asyncio.shield(self._reader)

    async def _read(self) -> None:
        while (frame := await self._stream.read()) is not EOF:
            for start in range(0, len(frame.settled), 16):
                call = frame.settled[start : start + 16]
                self.settled.append(call)
                self.runs.pop(call, None)
                self.failed.pop(call, None)
            for dispatch in frame.dispatches:
                self._seen += 1
                self.dispatched.append(dispatch)
                self.runs[dispatch.call.call] = dispatch
            self.credits += frame.credits
            self.cancelled += [(each.call, each.reason) for each in frame.cancellations]
            if self._echo and frame.dispatches:
                await self.end(*frame.dispatches)
            elif frame.dispatches:
                await self.state()

    async def publish(
        self, dispatch: worker_pb2.Dispatch, make: Callable[[result_pb2.Result], None]
    ) -> None:
        """Write one result of a run; `make` fills it in."""
        result = result_pb2.Result(call=dispatch.call.call, epoch=dispatch.epoch)
        make(result)
        await self._write([(dispatch.call.inbox, result.SerializeToString())])

    async def _write(self, items: list[tuple[str, bytes]]) -> None:
        await insist("publishing", lambda: self._mailboxes.publish(items))

    async def started(self, dispatch: worker_pb2.Dispatch) -> None:
        """Say that a run has begun, and which consumer reaches it."""
        await self.publish(dispatch, self._start)

    def _start(self, result: result_pb2.Result) -> None:
        result.started.consumer = self.consumer

    async def chunks(self, dispatch: worker_pb2.Dispatch, position: int, *payloads: bytes) -> None:
        """Publish chunks from a position on, with a start."""

        def make(result: result_pb2.Result) -> None:
            self._start(result)
            result.position = position
            for payload in payloads:
                result.chunks.add(inline=payload)

        await self.publish(dispatch, make)

    async def exhaust(self, dispatch: worker_pb2.Dispatch, position: int) -> None:
        """Publish and report the end of a generator."""

        def make(result: result_pb2.Result) -> None:
            result.position = position
            result.end.exhausted = True

        await self.publish(dispatch, make)
        await self._report_end(dispatch)

    async def end(self, *dispatches: worker_pb2.Dispatch) -> None:
        """Publish and report the ends of unary calls: their own payloads."""
        items = []
        for dispatch in dispatches:
            result = result_pb2.Result(call=dispatch.call.call, epoch=dispatch.epoch)
            self._start(result)
            result.end.value.inline = dispatch.call.payload.inline
            if dispatch.call.detached:
                await self._keep(dispatch, result)
            else:
                items.append((dispatch.call.inbox, result.SerializeToString()))
        if items:
            await self._write(items)
        await self._report_end(*dispatches)

    async def _keep(self, dispatch: worker_pb2.Dispatch, result: result_pb2.Result) -> None:
        count = Count(dispatch.epoch, dispatch.deaths, dispatch.attempt)
        ending = Ending(dispatch.call.call, result.SerializeToString(), By.RUN, count)
        await insist("keeping", lambda: self._kept.finish("default", [ending]))

    async def _report_end(self, *dispatches: worker_pb2.Dispatch) -> None:
        self.published |= {each.call.call for each in dispatches}
        await self.state(
            *[
                worker_pb2.Report(call=each.call.call, epoch=each.epoch, ended=True)
                for each in dispatches
            ]
        )

    async def fail(self, dispatch: worker_pb2.Dispatch, wait_ms: int) -> None:
        """Report that an attempt failed and is to be repeated; it is kept until it is settled."""
        failed = worker_pb2.Failed(wait_ms=wait_ms)
        failed.failure.error = "RemoteError"
        self.failed[dispatch.call.call] = failed
        report = worker_pb2.Report(call=dispatch.call.call, epoch=dispatch.epoch, failed=failed)
        await self.state(report)

    async def report(self, dispatch: worker_pb2.Dispatch, **what: Any) -> None:
        """Report what became of a dispatch: lost=Failure, returned=True, streaming=True."""
        if "streaming" not in what:
            self.runs.pop(dispatch.call.call, None)
        await self.state(worker_pb2.Report(call=dispatch.call.call, epoch=dispatch.epoch, **what))
