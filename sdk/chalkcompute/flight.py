"""One entry of a driver, from the moment it is sent until its rows were read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fnq_wire import outcomes

if TYPE_CHECKING:
    from chalkcompute.cargo import Cargo, Landed
    from chalkcompute.inflight import Outcome
    from chalkcompute.reply import Reply

__all__ = ["Flight"]


@dataclass(slots=True, eq=False)
class Flight:
    """Rows that travel together, `first` being the number of the first one.

    `reply` is None where they could not be sent, and `error` says why. `size` is what
    they and their results may have, in bytes; `flying` is how many entries were in
    flight when it was sent, itself too. `spare` is what its cargo needs to send it again.
    """

    first: int
    rows: int
    size: int = 0
    flying: int = 0
    spare: bytes = b""
    sent_at: float = 0.0
    reply: Reply | None = None
    error: Exception | None = None
    #: Its end came, and was counted.
    ended: bool = False
    #: It was read to its end.
    done: bool = False
    #: It is among those that the reader turns to.
    listed: bool = False
    #: Rows whose outcomes were read.
    answered: int = 0
    #: Bytes of them, and seconds that their run took.
    answer_bytes: int = 0
    ran_s: float = 0.0

    @property
    def news(self) -> bool:
        """Whether there is something to read."""
        if self.reply is None or self.done:
            return not self.done
        inflight = self.reply.inflight
        return bool(inflight.chunks) or inflight.outcome is not None

    def land(self, cargo: Cargo) -> Landed:
        """Return outcomes that came and were not read yet; none where there was only the end.

        Raises SerializationError when they cannot be read.
        """
        if self.reply is None:
            assert self.error is not None
            self.done = True
            return cargo.failed([self.error], self.first)
        inflight = self.reply.inflight
        # Read before the chunks: no chunk comes after an outcome.
        outcome = inflight.outcome
        if inflight.chunks:
            return self._block(cargo, self.reply, inflight.chunks.popleft())
        assert outcome is not None
        self.done = True
        return self._end(cargo, self.reply, outcome)

    def told(self) -> int:
        """Return how many rows have an outcome of their own, read or not."""
        assert self.reply is not None
        told = self.answered
        for block in self.reply.inflight.chunks:
            first, count = outcomes.span(block)
            told = max(told, first + count)
        return told

    def cut(self, rows: int) -> None:
        """Leave it with so many rows, which have outcomes of their own."""
        self.rows = rows
        self.done = rows == 0

    def run(self) -> tuple[float, int]:
        """Return the seconds that its run took, and the bytes of its outcomes, read or not."""
        assert self.reply is not None
        unread = list(self.reply.inflight.chunks)
        ran_s = self.ran_s + sum(map(_ran_s, unread))
        return ran_s, self.answer_bytes + sum(map(len, unread))

    def _block(self, cargo: Cargo, reply: Reply, payload: bytes | memoryview) -> Landed:
        landed = cargo.read_block(reply, payload, self.first, self.answered)
        self.answered += len(landed.values)
        self.answer_bytes += len(payload)
        self.ran_s += landed.ran_s
        return landed

    def _end(self, cargo: Cargo, reply: Reply, outcome: Outcome) -> Landed:
        """Return what the end says of the rows that have no outcome of their own."""
        if outcome.value is not None and self.rows == 1:
            return cargo.read_value(reply, outcome.value, self.first)
        rest = range(self.first + self.answered, self.first + self.rows)
        return cargo.failed([reply.problem(outcome) for _ in rest], rest.start)


def _ran_s(block: bytes | memoryview) -> float:
    try:
        return outcomes.unpack(block).ran_us / 1e6
    except ValueError:
        return 0.0  # Whoever reads it says so.
