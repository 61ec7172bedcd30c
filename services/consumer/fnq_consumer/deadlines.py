"""When the time of a call is over, and which calls wait here beyond that."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fnq_consumer.held import Held
from fnq_consumer.timetable import Timetable
from fnq_core.clock import Clock
from fnq_core.results import order

__all__ = ["Deadlines"]


class Deadlines:
    """The deadlines of calls that wait at this consumer.

    A call has `remaining_ms` from the moment on at which its entry was appended, which its
    id says on Redis' clock. `waits` says whether a call still waits here, `passed` is told
    of each that does when its time is over.
    """

    def __init__(
        self, clock: Clock, waits: Callable[[Held], bool], passed: Callable[[Held], None]
    ) -> None:
        self._clock = clock
        self._passed = passed
        self._loop = asyncio.get_running_loop()
        self._times = Timetable(waits, self._pass)

    def left_s(self, held: Held) -> float:
        """Return the seconds that a call with a deadline has left; 0 or less: none."""
        return self._at(held) - self._loop.time()

    def _at(self, held: Held) -> float:
        appended_ms, _ = order(held.entry)
        return self._clock.at(appended_ms + held.call.remaining_ms)

    def watch(self, held: Held) -> None:
        """Say when the time of a call with a deadline is over."""
        self._times.add(self._at(held), held)

    def _pass(self, late: list[Held]) -> None:
        for held in late:
            self._passed(held)

    def close(self) -> None:
        """Say nothing any more."""
        self._times.close()
