"""An entry that this consumer holds, and what the death of its worker means. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from fnq.v1 import record_pb2
from fnq_consumer.attachment import Attachment
from fnq_core.lease import Count, Tenure

__all__ = [
    "MAX_REDELIVERIES",
    "Held",
    "Permit",
    "PermitKeeper",
    "Sequel",
    "after_death",
    "deaths_after",
]

#: Times that a call, or a row of it, is dispatched again because its worker died.
MAX_REDELIVERIES = 3


class PermitKeeper(Protocol):
    """What knows which permits are held here."""

    def release(self, name: bytes) -> None:
        """Give a permit back: its run is over, or did not begin."""

    def drop(self, name: bytes) -> None:
        """Renew a permit no longer: another consumer has its run."""


@dataclass(frozen=True, slots=True)
class Permit:
    """What lets one run of a call begin that names a limit."""

    keeper: PermitKeeper
    name: bytes

    def release(self) -> None:
        """Give it back: its run is over, or did not begin."""
        self.keeper.release(self.name)

    def drop(self) -> None:
        """Leave it to another consumer, or to its lapse."""
        self.keeper.drop(self.name)


@dataclass(slots=True, eq=False)
class Held:
    """One call: where its entry lies, and who runs it."""

    stream: str
    entry: str
    count: Count
    call: record_pb2.Entry
    namespace: str
    attachment: Attachment | None = None
    #: Chunks of it have been published.
    streaming: bool = False
    #: Rows of a packed call that need not run any more: all below this one.
    rows: int = 0
    #: The row at which its run began.
    first_row: int = 0
    #: Loop time at which its next attempt is due; 0: it may begin.
    due_at: float = 0.0
    #: Its caller has ended it: no run of it begins any more.
    cancelled: bool = False
    #: Of its run, where its function names a limit.
    permit: Permit | None = None

    @property
    def run(self) -> Tenure:
        """What its lease is of."""
        return self.entry, self.count

    def give_back(self) -> None:
        """Give its permit back, if it has one: its run is over, or did not begin."""
        if self.permit is not None:
            self.permit.release()
            self.permit = None

    def leave_behind(self) -> None:
        """Drop its permit, if it has one: another consumer has the run."""
        if self.permit is not None:
            self.permit.drop()
            self.permit = None


class Sequel(Enum):
    """What follows the death of the worker that ran a call."""

    AGAIN = "dispatch it again"
    SKIP = "end the row that it ran, and dispatch it again for those behind"
    LOST = "end it: it was lost too often"
    CUT_OFF = "end it: chunks were delivered and it may not be repeated"


def deaths_after(held: Held) -> int:
    """Return how many deaths count once the worker that ran a call has died just now.

    Each row has its own: where rows were done before, none of them was to blame.
    """
    return 1 if held.rows > held.first_row else held.count.deaths + 1


def after_death(held: Held) -> Sequel:
    """Return what becomes of a call whose worker died just now."""
    if held.streaming and not held.call.repeatable:
        return Sequel.CUT_OFF
    if deaths_after(held) <= MAX_REDELIVERIES:
        return Sequel.AGAIN
    return Sequel.SKIP if held.call.packed and held.call.rows > 1 else Sequel.LOST
