"""Which items of a batch are tried together, until the guilty ones stand alone. Pure."""

from __future__ import annotations

from collections import deque

__all__ = ["Halving"]


class Halving:
    """Parts of a batch of `count` items, in order: `most` at once, and halves of what failed.

    Without `enabled` what failed is not tried again.
    """

    def __init__(self, count: int, most: int, *, enabled: bool) -> None:
        self._enabled = enabled
        starts = range(0, count, most)
        self._parts = deque(range(start, min(count, start + most)) for start in starts)

    def next(self) -> range | None:
        """Return the items to try now; None when all were."""
        return self._parts.popleft() if self._parts else None

    def failed(self, part: range) -> bool:
        """Take note that a part failed; return whether its halves are tried instead."""
        if len(part) < 2 or not self._enabled:
            return False
        middle = part.start + len(part) // 2
        self._parts.extendleft([range(middle, part.stop), range(part.start, middle)])
        return True
