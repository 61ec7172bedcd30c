"""How many results one read asks for: Redis knows numbers only, and they may be large. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from fnq_wire.limits import FULL_FRAME

__all__ = ["next_portion"]

#: Entries read at once: as many whatever came before, if they are small, and the most.
_LEAST, _MOST = 64, 1_000


def next_portion(sizes: Sequence[int]) -> int:
    """Return how many entries to ask for after some with so many bytes.

    No more than fill a frame if they are like those, and many only after many.
    """
    if not sizes:
        return _LEAST
    fitting = FULL_FRAME * len(sizes) // max(1, sum(sizes))
    return max(1, min(fitting, _MOST, max(_LEAST, 2 * len(sizes))))
