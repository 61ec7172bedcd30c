"""The least script there is: one function, one call."""

from __future__ import annotations

import chalkcompute


@chalkcompute.function
def add(x: int, y: int) -> int:
    """Return the sum."""
    return x + y


print(add(3, 5), flush=True)
