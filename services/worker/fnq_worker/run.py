"""One dispatch of a call, as its agent sees it."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from fnq.v1 import record_pb2, result_pb2, worker_pb2
from fnq_core.lease import Count, Tenure
from fnq_wire import callid
from fnq_wire.pipe import DispatchInfo, encode_dispatch

if TYPE_CHECKING:
    from fnq_wire.failure import Envelope
    from fnq_wire.pieces import Spooled
    from fnq_worker.batch import Batch
    from fnq_worker.runner import Runner

__all__ = ["Run"]

#: Deaths after which the rows of a packed call are run one by one.
_CAREFUL_DEATHS = 2
_log = structlog.get_logger()


@dataclass(slots=True, eq=False)
class Run:
    """A call that this agent was given, from its dispatch until it is settled."""

    stream: str
    entry: str
    epoch: int
    deaths: int
    call: record_pb2.Entry
    #: Executions before this one that failed and were repeated.
    attempt: int = 0
    runner: Runner | None = None
    #: It is on its way to the runner.
    sent: bool = False
    #: Loop time at which user code began; 0 before.
    started_at: float = 0.0
    #: Its start is published.
    announced: bool = False
    #: Its first chunk came from the runner.
    emitted: bool = False
    #: Rows whose outcomes are published, where its call is packed: all below this one.
    rows: int = 0
    #: Those of them that the consumer knows of, and loop time at which it was told last.
    told: int = 0
    told_at: float = 0.0
    #: The consumer knows that it has emitted.
    streaming: bool = False
    #: Its end came from the runner, or was decided here.
    ended: bool = False
    #: The end is published.
    published: bool = False
    #: Its call has ended or has another run: what it says is not published any more.
    disowned: bool = False
    #: Its caller has ended it.
    cancelled: bool = False
    #: Loop time of its deadline; 0: none.
    deadline: float = 0.0
    #: Its failure is one for which the attempt is repeated.
    repeats: bool = False
    #: Why the attempt failed, which is repeated at a loop time.
    failed: result_pb2.Failure | None = None
    again_at: float = 0.0
    #: Least depth that its lent slot admits; 0 while it does not wait.
    lends: int = 0
    #: The run that took its lent slot.
    borrower: Run | None = None
    #: The run whose lent slot it took; None: a slot of the worker.
    lender: Run | None = None
    #: Position and failure that end it, whatever its code makes of being stopped; position
    #: None: wherever it is.
    foregone: tuple[int | None, Envelope] | None = None
    #: Bytes that it has yielded, where they are kept.
    yielded: int = 0
    #: Nested calls in flight that end with it.
    children: set[bytes] = field(default_factory=set)
    #: What it goes to the runner with, where it does not go alone.
    batch: Batch | None = None

    @property
    def address(self) -> bytes:
        """What frames from and to the runner call it."""
        return self.call.call

    @property
    def home(self) -> Runner | None:
        """The runner that has it, alone or in a batch."""
        return self.runner if self.batch is None else self.batch.runner

    @property
    def parts(self) -> tuple[Run, ...]:
        """The runs that this one is of: itself alone, but for a batch."""
        return (self,)

    @property
    def careful(self) -> bool:
        """Whether what it is of runs one by one, for something of it may kill its workers."""
        return self.deaths >= _CAREFUL_DEATHS

    @property
    def blamed(self) -> tuple[Run, ...]:
        """The runs for which the death of its runner counts."""
        return self.parts

    @classmethod
    def of(cls, dispatch: worker_pb2.Dispatch) -> Run:
        """Return the run that a dispatch asks for."""
        return cls(
            dispatch.stream,
            dispatch.entry,
            dispatch.epoch,
            dispatch.deaths,
            dispatch.call,
            attempt=dispatch.attempt,
            rows=dispatch.first_row,
            told=dispatch.first_row,
        )

    @property
    def may_begin_anew(self) -> bool:
        """Whether it can be repeated without its caller being able to tell."""
        return self.call.repeatable or not self.emitted

    @property
    def tenure(self) -> Tenure:
        """What its lease is of."""
        return self.entry, Count(self.epoch, self.deaths, self.attempt)

    def log(self) -> structlog.typing.FilteringBoundLogger:
        """Return a logger whose lines name the call."""
        bound: structlog.typing.FilteringBoundLogger = _log.bind(
            call=callid.text(self.call.call), epoch=self.epoch
        )
        return bound

    @property
    def takes_no_chunk(self) -> bool:
        """Whether its end is decided, and comes before any more chunks.

        Outcomes of rows that ended before their run had to stop are still told.
        """
        return self.foregone is not None and (self.foregone[0] is not None or not self.call.packed)

    def frame(self, payload: bytes | Spooled) -> bytes:
        """Return what the runner is sent."""
        return encode_dispatch(self.call.call, self.epoch, self.call.depth, self.info(), payload)

    def info(self) -> DispatchInfo:
        """Return what the runner must know besides the arguments."""
        call = self.call
        return DispatchInfo(
            attempt=self.attempt,
            remaining_ms=self._remaining_ms(),
            parent=call.parent,
            root=call.root,
            window_chunks=call.window_chunks,
            window_bytes=call.window_bytes,
            rows=call.rows,
            set=call.set,
            packed=call.packed,
            first_row=self.rows,
            careful=self.careful,
        )

    def _remaining_ms(self) -> int:
        """Return the milliseconds to its deadline, at least 1; 0: it has none."""
        left_s = self.deadline - time.monotonic()
        return max(1, int(left_s * 1000)) if self.deadline else 0

    def failure_report(self) -> worker_pb2.Failed | None:
        """Return what a consumer must know of an attempt that is repeated; None: of no other."""
        if self.failed is None:
            return None
        wait_s = max(0.0, self.again_at - time.monotonic())
        return worker_pb2.Failed(failure=self.failed, wait_ms=math.ceil(wait_s * 1000))

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
            rows=self.rows,
            attempt=self.attempt,
            failed=self.failure_report(),
            detached=self.call.detached,
            keep_s=self.call.keep_s,
        )
