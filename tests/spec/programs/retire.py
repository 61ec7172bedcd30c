"""Takes back what deployed.py asks for before anybody calls: two workers of `pair`."""

from __future__ import annotations

import chalkcompute


@chalkcompute.function
def pair(number: int) -> int:
    """Have a worker only while there are calls."""
    return number
