"""The outcomes of a packed run, gathered until they go out as a block."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from fnq_runner.depot import Depot, NoRoomError
from fnq_runner.fault import UnsendableError, no_room, told, too_large
from fnq_runner.host import Host
from fnq_runner.invocation import Interrupted, Invocation
from fnq_runner.member import Member
from fnq_runner.pipe import Pipe
from fnq_wire import outcomes
from fnq_wire.error import SerializationError
from fnq_wire.limits import FULL_FRAME
from fnq_wire.pieces import behind
from fnq_wire.pipe import Kind, encode

if TYPE_CHECKING:
    from fnq_wire.column.growing import GrowingText
    from fnq_wire.failure import Envelope
    from fnq_wire.pieces import Payload
    from fnq_wire.rows import Rows

__all__ = ["BLOCK_S", "LOT", "PLAIN", "SHORT", "Harvest"]

#: Seconds of outcomes that go into one block.
BLOCK_S = 0.1
#: Types of values that may be appended to `Harvest.values` as they are, and the length up to
#: which strings may.
PLAIN, SHORT = frozenset({type(None), bool, int, float}), 64
#: Values that are looked at together, and become a part of a column together.
LOT = 1 << 10
#: Types of values that have a length, or are None.
_NONE = type(None)
_TEXTS = frozenset({_NONE, str, bytes})
#: Bytes that a block may have besides those of its values.
_ROOM = 1 << 16


class Harvest:
    """Take the outcomes of rows in their order, and send them.

    A run of one row has no failures of rows: it fails.
    """

    def __init__(
        self,
        invocation: Invocation | Member,
        rows: Rows,
        name: str,
        depot: Depot,
        pipe: Pipe,
        host: Host,
    ) -> None:
        #: Values of the rows that did not fail, since the last block.
        self.values: list[Any] = []
        self._failures: dict[int, Envelope] = {}
        #: Values before those in `values`, as a column already, where it is worth while.
        self._grown: GrowingText | None = None
        self._grows = False
        self._size = 0
        self._since = time.monotonic()
        self._invocation = invocation
        self._rows = rows
        self._name = name
        self._depot = depot
        self._most = depot.most
        self._pipe = pipe
        self._host = host

    @property
    def pending(self) -> int:
        """Outcomes since the last block."""
        grown = len(self._grown) if self._grown is not None else 0
        return grown + len(self.values) + len(self._failures)

    @property
    def row(self) -> int:
        """The row whose outcome comes next."""
        return self._invocation.position + self.pending

    def kept(self, value: object) -> Any:
        """Return what stands for a value as it is now; raises what its row fails with."""
        try:
            kept = self._rows.keep(value)
        except SerializationError as problem:
            raise UnsendableError(f"the value that {self._name!r} returned: {problem}") from problem
        if (size := _weight(kept)) > max(self._most - _ROOM, self._most // 2):
            raise too_large(self._name, "returned", size, self._most)
        return kept

    def add(self, kept: Any) -> None:
        """Take the value of a row."""
        self._make_room(_weight(kept))
        self.values.append(kept)

    def grow(self) -> None:
        """Have settled values made a column as they come: there will be many."""
        self._grown = self._rows.growing()
        self._grows = self._grown is not None

    def settle(self, start: int) -> None:
        """Look at the values that were appended from `start` on, as they were returned."""
        if self._grown is not None and len(self.values) >= LOT:
            before = self._absorb(self._grown)
            if before is None:
                return
            start += before
        fresh = self.values[start:]
        kinds = set(map(type, fresh))
        if kinds <= PLAIN:
            return
        if kinds <= _TEXTS:
            size = sum(map(len, filter(None, fresh) if _NONE in kinds else fresh))
            if self._size + size <= FULL_FRAME:
                self._size += size
                return
        del self.values[start:]
        for value in fresh:
            try:
                kept = self.kept(value)
            except Exception as problem:
                self.fail(problem)
            else:
                self.add(kept)

    def fail(self, problem: BaseException) -> None:
        """Take the failure of a row; raises it where there is no other row."""
        if self._invocation.rows == 1:
            raise problem
        envelope = told(problem)
        self._make_room(len(envelope["message"]) + len(envelope["traceback"]))
        self._failures[self.pending] = envelope

    def due(self, now: float) -> bool:
        """Return whether a block should go out, at `now` on time.monotonic()."""
        return self._invocation.careful or now - self._since >= BLOCK_S

    def send(self) -> None:
        """Send what there is as a block."""
        shielded = self._host.shield()
        try:
            self._pipe.send(self._take())
        finally:
            self._host.expose(shielded)

    def finish(self) -> None:
        """Have what is left sent with the end of the run."""
        shielded = self._host.shield()
        try:
            if self.pending and not self._invocation.ended:
                self._pipe.post(self._take())
        finally:
            self._host.expose(shielded)

    def _make_room(self, size: int) -> None:
        if self.pending and self._size + size > FULL_FRAME:
            self.send()
        self._size += size

    def _take(self) -> bytes:
        """Return the frame with the outcomes since the last block; the next one begins."""
        invocation, count = self._invocation, self.pending
        if invocation.ended:
            # Abandoned: nobody takes what it says any more.
            raise Interrupted(invocation.reason)
        now = time.monotonic()
        values = self._encode()
        position, ran_us = invocation.position, int((now - self._since) * 1_000_000)
        block = behind(outcomes.head(self._failures, count, position, ran_us), values)
        try:
            placed = self._depot.put(block)
        except NoRoomError as problem:
            raise no_room(self._name, "returned", len(block), problem) from problem
        self.values.clear()
        self._failures.clear()
        self._size, self._since = 0, now
        if self._grows:
            self.grow()
        invocation.position += count
        return encode(Kind.CHUNK, invocation.call, invocation.epoch, position, placed)

    def _encode(self) -> Payload:
        """Return the payload of the values; nothing where all rows failed."""
        if self._grown is not None and len(self._grown):
            # What was looked at was counted.
            if not self.values or self._grown.take(self.values, FULL_FRAME) is not None:
                return self._grown.encode()
            self._shrink()
        return self._rows.encode_results(self.values) if self.values else b""

    def _absorb(self, grown: GrowingText) -> int | None:
        """Have the values become a part of the column.

        Where they cannot be, the column is values again; return how many come before them.
        """
        # Stopped halfway, rows would be told twice.
        shielded = self._host.shield()
        try:
            size = grown.take(self.values, FULL_FRAME - self._size)
            if size is None:
                return self._shrink()
            self._size += size
            self.values.clear()
            return None
        finally:
            self._host.expose(shielded)

    def _shrink(self) -> int:
        """Have values again in place of a column, until the next block; return how many."""
        assert self._grown is not None
        values, self._grown = self._grown.values(), None
        self.values[:0] = values
        return len(values)


def _weight(kept: Any) -> int:
    """Return about how many bytes a kept value takes in a block."""
    if isinstance(kept, str | bytes):
        return len(kept)
    if isinstance(kept, list):
        return sum(len(item) if isinstance(item, str | bytes) else 8 for item in kept)
    return 8
