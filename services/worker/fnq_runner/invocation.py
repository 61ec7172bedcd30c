"""One dispatch of a call, from the frame that brings it to its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from chalkcompute.context import CallContext
from fnq_wire import callid
from fnq_wire.batchframe import read_batch
from fnq_wire.pieces import Spooled
from fnq_wire.pipe import NO_CALL, Frame, Kind, read_dispatch

if TYPE_CHECKING:
    import asyncio

    from fnq_runner.slot import Slot

__all__ = ["CURRENT", "Interrupted", "Invocation"]


class Interrupted(KeyboardInterrupt):
    """Raised in user code whose call was cancelled, as Ctrl-C would in a script.

    `except Exception` lets it pass, asyncio and subprocess know what it means.
    """


class Invocation:
    """What the runner knows of one run of a call.

    `interruptible` is true while user code runs that a signal may interrupt;
    `interrupted` says that it was told so, which happens once. `waits` counts the
    nested calls that it waits for at this moment, from any of its threads and
    tasks; while there are any its slot is lent. Credits are totals from the first
    chunk on.
    """

    __slots__ = (
        "_payload",
        "abandoned",
        "attempt",
        "began",
        "call",
        "caller",
        "cancelled",
        "careful",
        "credit_bytes",
        "credit_chunks",
        "deadline",
        "depth",
        "emitted",
        "ended",
        "epoch",
        "interrupted",
        "interruptible",
        "packed",
        "parent",
        "parked",
        "partial",
        "position",
        "reason",
        "root",
        "rows",
        "set",
        "slot",
        "task",
        "thread",
        "waits",
        "wake",
        "wakes",
        "withdrawn",
    )

    def __init__(self, frame: Frame) -> None:
        info, self._payload = read_dispatch(frame)
        #: What frames call it: a call, or a batch.
        self.call = frame.call
        #: The call that it passes for: the first one of a batch.
        batch = frame.kind == Kind.BATCH
        self.caller = read_batch(self._payload)[0].call if batch else frame.call
        self.epoch, self.depth = frame.epoch, frame.number
        self.attempt = info.attempt
        self.parent, self.set = info.parent, info.set
        self.root = info.root if info.root != NO_CALL else self.caller
        #: On time.monotonic(); None without one.
        self.deadline = _deadline(info.remaining_ms)
        self.credit_chunks, self.credit_bytes = info.window_chunks, info.window_bytes
        #: It is answered row by row: its positions are rows.
        self.packed, self.rows, self.careful = info.packed, info.rows, info.careful
        self.position = info.first_row
        self.emitted = self.waits = 0
        self.slot: Slot | None = None
        self.began = self.ended = False
        #: Revoked after its start was told and before it began.
        self.withdrawn = False
        self.cancelled = False
        #: Its call has ended though its code goes on.
        self.abandoned = False
        self.interrupted = self.interruptible = False
        #: The thread that runs it waits.
        self.parked = False
        self.reason = ""
        #: Of the thread that runs it, where that is not the main one.
        self.thread: int | None = None
        self.task: asyncio.Task[Any] | None = None
        #: Rung when credit arrives.
        self.wake: Callable[[], None] | None = None
        #: Rung when the call is cancelled: one for each of its waits.
        self.wakes: set[Callable[[], None]] = set()
        #: Lines without an end yet, by number of the output stream.
        self.partial: dict[int, str] = {}

    def take_payload(self) -> bytes | Spooled:
        """Return the arguments' bytes, or where they lie, and let go of them."""
        payload, self._payload = self._payload, b""
        return payload

    def has_credit(self) -> bool:
        """Return whether the generator may go on."""
        return self.position < self.credit_chunks and self.emitted < self.credit_bytes

    def grant(self, chunks: int, size: int) -> None:
        """Raise the totals that may be emitted; they never fall."""
        self.credit_chunks = max(self.credit_chunks, chunks)
        self.credit_bytes = max(self.credit_bytes, size)
        wake = self.wake
        if wake is not None:
            wake()

    def cancel(self, reason: str) -> None:
        """Note that the call is cancelled and wake what waits on its behalf."""
        self.cancelled = True
        self.reason = reason
        for wake in tuple(self.wakes):
            wake()

    def interrupt(self) -> None:
        """Raise Interrupted if the call is cancelled and its code was not told yet."""
        if self.cancelled and not self.interrupted:
            self.interrupted = True
            self.interruptible = False
            raise Interrupted(self.reason)

    def remaining_ms(self) -> int:
        """Return the milliseconds left for nested calls, at least 1; 0 without a deadline."""
        if self.deadline is None:
            return 0
        return max(1, int((self.deadline - time.monotonic()) * 1000))

    def context(self, function: str, version: str) -> CallContext:
        """Return what `get_call_context()` shows."""
        deadline = None
        if self.deadline is not None:
            deadline = time.time() + self.deadline - time.monotonic()
        return CallContext(
            call_id=callid.text(self.caller),
            function=function,
            version=version,
            attempt=self.attempt,
            deadline=deadline,
            parent_call_id=None if self.parent == NO_CALL else callid.text(self.parent),
            root_call_id=callid.text(self.root),
            depth=self.depth,
        )


def _deadline(remaining_ms: int) -> float | None:
    """Return the moment on time.monotonic() that is so far away; None for 0."""
    return time.monotonic() + remaining_ms / 1000 if remaining_ms else None


#: The invocation on whose behalf code runs; None while the module is imported.
CURRENT: ContextVar[Invocation | None] = ContextVar("fnq_invocation", default=None)
