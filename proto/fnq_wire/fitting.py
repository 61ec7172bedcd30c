"""How much goes into one frame, or into one command of Redis. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from fnq_wire.limits import FULL_FRAME

__all__ = ["fitting"]


def fitting(sizes: Iterable[int]) -> int:
    """Return how many of the first items, of so many bytes each, go together.

    The one that makes them more than FULL_FRAME is the last: there is always one.
    """
    count, total = 0, 0
    for size in sizes:
        count += 1
        total += size
        if total > FULL_FRAME:
            break
    return count
