"""One dispatch of a call, as its agent sees it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from fnq.v1 import record_pb2, worker_pb2
from fnq_wire import callid
from fnq_wire.pipe import DispatchInfo, encode_dispatch

if TYPE_CHECKING:
    from fnq_wire.failure import Envelope
    from fnq_worker.runner import Runner

__all__ = ["Run"]

_log = structlog.get_logger()


@dataclass(slots=True, eq=False)
class Run:
    """A call that this agent was given, from its dispatch until it is settled."""

    stream: str
    entry: str
    epoch: int
    deaths: int
    call: record_pb2.Entry
    runner: Runner | None = None
    #: It is on its way to the runner.
    sent: bool = False
    #: Loop time at which user code began; 0 before.
    started_at: float = 0.0
    #: Its start is published.
    announced: bool = False
    #: Its first chunk came from the runner.
    emitted: bool = False
    #: The consumer knows that it has emitted.
    streaming: bool = False
    #: Its end came from the runner, or was decided here.
    ended: bool = False
    #: The end is published.
    published: bool = False
    #: Its call has ended or has another run: what it says is not published any more.
    disowned: bool = False
    #: Least depth that its lent slot admits; 0 while it does not wait.
    lends: int = 0
    #: The run that took its lent slot.
    borrower: Run | None = None
    #: The run whose lent slot it took; None: a slot of the worker.
    lender: Run | None = None
    #: Position and failure that end it, whatever its code makes of being stopped; position
    #: None: wherever it is.
    foregone: tuple[int | None, Envelope] | None = None
    #: Nested calls in flight that end with it.
    children: set[bytes] = field(default_factory=set)

    def log(self) -> structlog.typing.FilteringBoundLogger:
        """Return a logger whose lines name the call."""
        bound: structlog.typing.FilteringBoundLogger = _log.bind(
            call=callid.text(self.call.call), epoch=self.epoch
        )
        return bound

    def frame(self, payload: bytes) -> bytes:
        """Return what the runner is sent."""
        call = self.call
        info = DispatchInfo(
            attempt=call.attempt,
            remaining_ms=call.remaining_ms,
            parent=call.parent,
            root=call.root,
            window_chunks=call.window_chunks,
            window_bytes=call.window_bytes,
            rows=call.rows,
            set=call.set,
        )
        return encode_dispatch(call.call, self.epoch, call.depth, info, payload)

    def running(self) -> worker_pb2.Running:
        """Return what another consumer must know to take it over."""
        return worker_pb2.Running(
            stream=self.stream,
            entry=self.entry,
            call=self.call.call,
            epoch=self.epoch,
            deaths=self.deaths,
            inbox=self.call.inbox,
            depth=self.call.depth,
            ended=self.published,
            streaming=self.streaming,
            repeatable=self.call.repeatable,
        )
