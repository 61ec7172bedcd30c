"""Wakes coroutines of one event loop from other threads, many at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from weakref import ref

__all__ = ["Bell"]


class Bell:
    """Settles futures of one loop; those of one moment share one wake-up of the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        # Weak: a bell is kept for as long as its loop lives, and must not keep it alive.
        self._loop = ref(loop)
        self._futures: deque[asyncio.Future[None]] = deque()
        self._rung = False

    def ring(self, future: asyncio.Future[None]) -> None:
        """Settle `future` soon; from any thread."""
        self._futures.append(future)
        if not self._rung:
            self._rung = True
            loop = self._loop()
            try:
                if loop is not None:
                    loop.call_soon_threadsafe(self._settle)
            except RuntimeError:
                return  # The loop was closed: nobody waits there any more.

    def _settle(self) -> None:
        self._rung = False
        while self._futures:
            future = self._futures.popleft()
            if not future.done():
                future.set_result(None)
