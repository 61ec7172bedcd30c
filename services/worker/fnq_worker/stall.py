"""Finds calls that take so long that nothing should wait behind them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

__all__ = ["STALL_S", "Stall"]

#: Seconds after which calls do not wait here for the one that runs.
STALL_S = 0.05


class Stall:
    """Looks at what runs while something may wait behind it.

    `newest` returns the loop time at which the newest running call began, 0 where
    none runs; `found` is called when that was too long ago.
    """

    def __init__(self, newest: Callable[[], float], found: Callable[[], None]) -> None:
        self._newest = newest
        self._found = found
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        #: Whether the running call was found to take too long.
        self.lasts = False

    def watch(self) -> None:
        """Look in STALL_S, unless that is due anyway."""
        if self._timer is None:
            self._timer = self._loop.call_later(STALL_S, self._look)

    def over(self) -> None:
        """Take note that a call has ended."""
        self.lasts = False

    def _look(self) -> None:
        self._timer = None
        began = self._newest()
        if not began:
            return
        if began > self._loop.time() - STALL_S:
            self.watch()
        else:
            self.lasts = True
            self._found()
