"""Bounds how long a run may take, and when it must have ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fnq_wire import failure
from fnq_worker.run import Run

__all__ = ["TimeLimit"]

_LATE = "its deadline passed before it had ended"


class TimeLimit:
    """The function's `timeout`, in seconds from where its code begins, and the deadlines of calls.

    0 is no timeout; a call may have its own. A run whose time is over ends with
    CallTimeoutError, as soon as its code has; `stop` sees to that. Where the timeout
    passed, and `repeats`, the attempt is one to repeat.
    """

    def __init__(self, seconds: float, repeats: bool, stop: Callable[[Run, str], None]) -> None:
        self._seconds = seconds
        self._repeats = repeats
        self._stop = stop
        self._loop = asyncio.get_running_loop()
        self._timers: dict[Run, asyncio.TimerHandle] = {}

    def arrive(self, run: Run, remaining_ms: int) -> None:
        """Take note of a run whose call has a deadline."""
        run.deadline = self._loop.time() + remaining_ms / 1000
        self._timers[run] = self._loop.call_at(run.deadline, self._pass, run, _LATE, False)

    def begin(self, run: Run) -> None:
        """Let the time of a run begin."""
        seconds = run.call.timeout_ms / 1000 or self._seconds
        if not seconds:
            return
        over = self._loop.time() + seconds
        if run.deadline and run.deadline <= over:
            return
        self.end(run)
        text = f"it ran for longer than its timeout of {seconds:g} s"
        self._timers[run] = self._loop.call_at(over, self._pass, run, text, self._repeats)

    def end(self, run: Run) -> None:
        """Forget a run that has ended, whether or not its time had begun."""
        timer = self._timers.pop(run, None)
        if timer is not None:
            timer.cancel()

    def _pass(self, run: Run, text: str, repeats: bool) -> None:
        del self._timers[run]
        if run.foregone is None and not run.disowned:
            run.foregone = None, failure.make("CallTimeoutError", text)
            run.repeats = repeats
            self._stop(run, text)
