"""Calls that wait here for a moment of their own, in the order of these moments."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable

from fnq_consumer.held import Held

__all__ = ["Timetable"]

#: Calls, at least, among which those that wait no more are looked for.
_LEAST_PRUNED = 1_000


class Timetable:
    """Tells `come` of calls whose time has come, those of one moment together.

    `waits` says whether a call still waits: one that does not is told of to nobody, and
    most of them are forgotten before their time.
    """

    def __init__(self, waits: Callable[[Held], bool], come: Callable[[list[Held]], None]) -> None:
        self._waits = waits
        self._come = come
        self._loop = asyncio.get_running_loop()
        self._order: list[tuple[float, int, Held]] = []
        self._most = _LEAST_PRUNED
        self._numbers = itertools.count()
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        """Return how many calls it knows, also of those that wait no more."""
        return len(self._order)

    def add(self, at: float, held: Held) -> None:
        """Tell of a call at this time of the loop."""
        if len(self._order) >= self._most:
            self._prune()
        due = (at, next(self._numbers), held)
        heapq.heappush(self._order, due)
        if self._order[0] is due:
            self._set_timer()

    def close(self) -> None:
        """Say nothing any more."""
        self._order.clear()
        self._set_timer()

    def _prune(self) -> None:
        """Forget the calls that wait no more."""
        self._order = [each for each in self._order if self._waits(each[2])]
        heapq.heapify(self._order)
        self._most = max(_LEAST_PRUNED, 2 * len(self._order))

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._order[0][0], self._look) if self._order else None

    def _look(self) -> None:
        come: list[Held] = []
        while self._order and self._order[0][0] <= self._loop.time():
            _, _, held = heapq.heappop(self._order)
            if self._waits(held):
                come.append(held)
        self._set_timer()
        if come:
            self._come(come)
