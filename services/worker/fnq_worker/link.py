"""The stream to a consumer: reconnects, and takes running work along."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

import grpc.aio

from fnq.v1 import record_pb2, worker_pb2, worker_pb2_grpc
from fnq_core.backoff import Backoff
from fnq_core.dialer import Dialer
from fnq_core.rpc import EOF
from fnq_wire import callid
from fnq_wire.error import ProtocolError
from fnq_wire.finder import Finder
from fnq_wire.protocol import version_problem
from fnq_wire.tls import PLAIN, Tls
from fnq_wire.transport import metadata
from fnq_worker.statement import Statement
from fnq_worker.stream import keep_stream

__all__ = ["Bench", "Announcer", "Link"]


class Announcer(Protocol):
    """What the link needs of the agent."""

    def announce(self) -> worker_pb2.Announce:
        """Return who the agent is and what it runs now."""

    def attached(self, consumer: str) -> None:
        """Take note of the consumer that reaches the agent from now on."""

    def parted(self) -> None:
        """Take note that no consumer reaches the agent."""


class Bench(Protocol):
    """What the link needs of the workbench."""

    def slots(self) -> worker_pb2.Slots:
        """Return what there is room for; `seen` is filled in by the link."""

    def dispatched(self, dispatch: worker_pb2.Dispatch) -> None:
        """Take a call."""

    def cancelled(self, call: bytes, reason: str) -> None:
        """Stop a run."""

    def credited(self, credit: record_pb2.Credit) -> None:
        """Let a generator run on."""

    def settled(self, call: bytes) -> None:
        """Forget a run: its entry is acknowledged."""


class Link:
    """One agent's stream to the consumer that `consumers` finds, or to another one."""

    def __init__(
        self,
        consumers: Finder,
        token: str | None,
        announcer: Announcer,
        bench: Bench,
        fatal: Callable[[BaseException], None],
        tls: Tls = PLAIN,
    ) -> None:
        self._dialer = Dialer(consumers, tls)
        self._token = token
        self._announcer = announcer
        self._bench = bench
        self._fatal = fatal
        self._reports: list[worker_pb2.Report] = []
        self._seen = 0
        self._stale = False
        self._statement = Statement()
        self._news = asyncio.Event()
        self._written = asyncio.Event()

    def report(self, report: worker_pb2.Report) -> None:
        """Queue what became of a dispatch."""
        self._reports.append(report)
        self._news.set()

    def restate(self) -> None:
        """Queue a new statement of the slots; it waits for a report unless it is due."""
        self._stale = True
        self._news.set()

    async def keep_forever(self) -> None:
        """Attach, serve, and attach again when the stream breaks, until cancelled."""
        await keep_stream("consumer", self._dialer, self._serve, self._fatal)

    async def _serve(self, link: grpc.aio.Channel, backoff: Backoff) -> None:
        stub = worker_pb2_grpc.WorkersStub(link)
        stream = stub.Attach(metadata=metadata(self._token))
        # What was reported before is in the announcement; what is reported from here on
        # is not, though it may take a while until the consumer answers.
        self._reports.clear()
        await stream.write(worker_pb2.AgentFrame(announce=self._announcer.announce()))
        frame = await stream.read()
        if frame is EOF:
            return
        problem = version_problem("fnq-worker", "fnq-consumer", frame.attached.protocol)
        if problem is not None:
            raise ProtocolError(problem)
        backoff.reset()
        self._seen = 0
        self._statement = Statement()
        self._announcer.attached(frame.attached.consumer)
        self.restate()
        writer = asyncio.get_running_loop().create_task(self._write(stream))
        try:
            while (frame := await stream.read()) is not EOF:
                self._take(frame)
                if frame.goaway:
                    return
        finally:
            self._announcer.parted()
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)

    def _take(self, frame: worker_pb2.ConsumerFrame) -> None:
        bench = self._bench
        settled = frame.settled
        # First: a call may be settled here and dispatched anew in one frame.
        for start in range(0, len(settled), callid.SIZE):
            bench.settled(settled[start : start + callid.SIZE])
        for dispatch in frame.dispatches:
            self._seen += 1
            bench.dispatched(dispatch)
        for credit in frame.credits:
            bench.credited(credit)
        for cancellation in frame.cancellations:
            bench.cancelled(cancellation.call, cancellation.reason)
        if frame.dispatches:
            self.restate()

    async def _write(self, stream: grpc.aio.StreamStreamCall) -> None:  # type: ignore[type-arg]
        while True:
            await self._news.wait()
            self._news.clear()
            frame = worker_pb2.AgentFrame(reports=self._reports)
            self._reports.clear()
            if self._stale:
                slots = self._bench.slots()
                slots.seen = self._seen
                if not frame.reports and not self._statement.is_due(slots):
                    continue
                self._stale = False
                self._statement.note(slots)
                frame.slots.CopyFrom(slots)
            await stream.write(frame)
            if not self._reports:
                self._written.set()

    async def flush(self) -> None:
        """Return when every report is written."""
        while self._reports:
            self._written.clear()
            await self._written.wait()
