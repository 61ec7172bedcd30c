"""An entry that this consumer holds, and what the death of its worker means. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from fnq.v1 import record_pb2
from fnq_consumer.attachment import Attachment
from fnq_core.lease import Count, Tenure

__all__ = ["MAX_REDELIVERIES", "Held", "Sequel", "after_death"]

#: Times that a call is dispatched again because its worker died.
MAX_REDELIVERIES = 3


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

    @property
    def run(self) -> Tenure:
        """What its lease is of."""
        return self.entry, self.count


class Sequel(Enum):
    """What follows the death of the worker that ran a call."""

    AGAIN = "dispatch it again"
    LOST = "end it: it was lost too often"
    CUT_OFF = "end it: chunks were delivered and it may not be repeated"


def after_death(held: Held) -> Sequel:
    """Return what becomes of a call whose worker died just now."""
    if held.streaming and not held.call.repeatable:
        return Sequel.CUT_OFF
    return Sequel.AGAIN if held.count.deaths < MAX_REDELIVERIES else Sequel.LOST
