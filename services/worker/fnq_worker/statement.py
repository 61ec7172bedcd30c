"""Which slots the consumer must hear of at once. Pure."""

from __future__ import annotations

from fnq.v1 import worker_pb2

__all__ = ["Statement"]


class Statement:
    """What a consumer was told of the slots; what it sent since it takes off itself."""

    def __init__(self) -> None:
        self._last: worker_pb2.Slots | None = None

    def note(self, slots: worker_pb2.Slots) -> None:
        """Take note of what it is told now."""
        self._last = slots

    def is_due(self, slots: worker_pb2.Slots) -> bool:
        """Return whether it must hear of `slots` now, and not with the next report.

        It must where it believes in more room than there is or knows of less than half,
        and of lent slots always.
        """
        last = self._last
        if last is None or last.lent or slots.lent:
            return True
        known = last.free - (slots.seen - last.seen)
        return slots.free < known or known * 2 < slots.free
