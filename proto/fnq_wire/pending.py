"""One call in flight, as the client of a session sees it. Pure."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from fnq.v1 import record_pb2, result_pb2, session_pb2
from fnq_wire import positions
from fnq_wire.fingerprint import fingerprint
from fnq_wire.limits import WINDOW_CHUNKS
from fnq_wire.parcel import Outgoing

__all__ = ["Pending"]


@dataclass(slots=True, eq=False)
class Pending:
    """One call in flight. `sink` is the owner's; it comes back in each Event."""

    call: bytes
    sink: object
    submission: session_pb2.Submission
    seq: int
    repeatable: bool
    divergent: bool = False
    #: Not yet said on this stream: the server knows nothing of it.
    waiting: bool = True
    accepted: bool = False
    inbox: str = ""
    position: int = 0
    epoch: int = 0
    consumer: str = ""
    credit: record_pb2.Credit | None = None
    cancelled: str = ""
    large: Outgoing | None = None
    #: Name of its arguments in the spool.
    spooled: str = ""
    fingerprint: int = 0
    #: Executions before the one that was heard last.
    attempt: int = 0
    #: Of its deadline, on time.monotonic(); 0: none.
    deadline: float = 0.0
    #: It is no call of its own, but a wish to hear of this one; empty: it is a call.
    watched: bytes = b""
    end_only: bool = False

    def advance(
        self, result: result_pb2.Result
    ) -> tuple[Sequence[result_pb2.Payload], result_pb2.End | None] | None:
        """Move forward by one result; return its new chunks and its end, or None: it is old.

        The first of the chunks may be a block whose first rows came before.
        """
        self.epoch = max(self.epoch, result.epoch)
        self.attempt = max(self.attempt, result.attempt)
        if result.HasField("started"):
            self.consumer = result.started.consumer
        if result.position > self.position and not (result.decreed or self.end_only):
            return None
        fresh = result.chunks[positions.below(result, self.position) :]
        end = result.end if result.HasField("end") else None
        if not fresh and end is None:
            return None
        if fresh:
            self.position = positions.after(result)
        if self.repeatable and not self.divergent and fresh:
            self.fingerprint = fingerprint(fresh[-1])
        return fresh, end

    def say_remaining(self) -> None:
        """Have the submission say what is left of the call's time, which it may have waited."""
        if self.deadline:
            left_ms = int((self.deadline - time.monotonic()) * 1000)
            self.submission.remaining_ms = max(1, left_ms)

    @property
    def spawned(self) -> bool:
        """Whether it outlives its caller, who need not hear of it once it is accepted."""
        return not self.watched and self.submission.detached

    def watch(self) -> session_pb2.Watch:
        """Return what a server must know to tell of the call that is watched."""
        return session_pb2.Watch(
            id=self.call,
            call=self.watched,
            after=self.position,
            credit=max(self.position + WINDOW_CHUNKS, self.credit.chunks if self.credit else 0),
            end_only=self.end_only,
        )

    def resumption(self) -> session_pb2.Resumption:
        """Return what a server must know to go on with it."""
        return session_pb2.Resumption(
            call=self.call,
            inbox=self.inbox,
            position=self.position,
            epoch=self.epoch,
            consumer=self.consumer,
            credit=self.credit,
            repeatable=self.repeatable,
            divergent=self.divergent,
            fingerprint=self.fingerprint,
        )
