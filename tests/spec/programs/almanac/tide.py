"""A remote generator that calls a remote function of another module."""

from __future__ import annotations

from collections.abc import AsyncIterator

import chalkcompute

from .moon import phase


@chalkcompute.function
async def tides(upto: int) -> AsyncIterator[str]:
    """Yield a tide for each phase."""
    for number in range(upto):
        yield f"{phase(number)} tide"
