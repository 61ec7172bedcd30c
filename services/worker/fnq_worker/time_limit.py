"""Bounds how long the code of a run may take."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fnq_wire import failure
from fnq_worker.run import Run

__all__ = ["TimeLimit"]


class TimeLimit:
    """The function's `timeout`, in seconds from where its code begins; 0: none.

    A run whose time is over ends with CallTimeoutError, as soon as its code has; `stop`
    sees to that.
    """

    def __init__(self, seconds: float, stop: Callable[[Run, str], None]) -> None:
        self._seconds = seconds
        self._stop = stop
        self._loop = asyncio.get_running_loop()
        self._timers: dict[Run, asyncio.TimerHandle] = {}

    def begin(self, run: Run) -> None:
        """Let the time of a run begin."""
        if self._seconds:
            self._timers[run] = self._loop.call_later(self._seconds, self._pass, run)

    def end(self, run: Run) -> None:
        """Forget a run that has ended, whether or not its time had begun."""
        timer = self._timers.pop(run, None)
        if timer is not None:
            timer.cancel()

    def _pass(self, run: Run) -> None:
        del self._timers[run]
        if run.foregone is None and not run.disowned:
            text = f"it ran for longer than its timeout of {self._seconds:g} s"
            run.foregone = None, failure.make("CallTimeoutError", text)
            self._stop(run, text)
