"""One call of a batch, and the ends of its items."""

from __future__ import annotations

from collections.abc import Sequence

from fnq_runner.invocation import Invocation
from fnq_wire.batchframe import BatchMember
from fnq_wire.items import Arguments

__all__ = ["Member"]


class Member:
    """A call whose items are in a batch; it is stopped with the batch only.

    `position` is the row whose outcome comes next, where it is packed; 0 otherwise.
    `items` are those of its rows that are to be run, once they are read.
    """

    cancelled = False

    def __init__(self, batch: Invocation, what: BatchMember) -> None:
        self._batch = batch
        self.call = what.call
        self.epoch = what.epoch
        self.payload = what.payload
        self.packed = what.packed
        self.rows = what.rows
        self.position = what.first_row
        self.items: Sequence[Arguments] = ()

    @property
    def careful(self) -> bool:
        """Whether each outcome is told at once."""
        return self._batch.careful

    @property
    def ended(self) -> bool:
        """Whether nobody takes what it says any more."""
        return self._batch.ended

    @property
    def reason(self) -> str:
        """Why its batch was stopped."""
        return self._batch.reason
