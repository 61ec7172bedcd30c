"""Stops running code: asks it, signals it, leaves it behind, kills its runner in the end."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

from fnq_wire import pipe
from fnq_wire.pipe import Kind
from fnq_worker.run import Run

__all__ = ["Stopper"]

#: Seconds between two signals to cancelled user code.
_INTERRUPT_S = 0.1
#: Seconds that cancelled user code has to end by itself, and its runner to end it then
#: before it is killed.
_GRACE_S, _ANSWER_S = 5.0, 1.0


class Stopper:
    """Stops the runs of one agent; code that `signals` reach is interrupted by them.

    `killed` ends a run whose runner is killed now, since nothing else would.
    """

    def __init__(self, signals: bool, killed: Callable[[Run], None]) -> None:
        self._signals = signals
        self._killed = killed
        self._loop = asyncio.get_running_loop()

    def stop(self, run: Run, reason: str) -> None:
        """Have the code of a run, which was sent to its runner, come to an end."""
        assert run.runner is not None
        run.runner.send(pipe.encode(Kind.CANCEL, run.address, run.epoch, 0, reason.encode()))
        if self._signals:
            # After the frame is out: the handler reads it to learn whom it concerns.
            self._loop.call_soon(self._interrupt, run)
        self._loop.call_later(_GRACE_S, self._abandon, run)

    def _interrupt(self, run: Run) -> None:
        """Signal the runner, again and again: one signal may come just before a long sleep."""
        if not run.ended and run.runner is not None:
            run.runner.kill(signal.SIGUSR1)
            self._loop.call_later(_INTERRUPT_S, self._interrupt, run)

    def _abandon(self, run: Run) -> None:
        """Have a run end without its code, whose neighbours go on; kill it where it has none."""
        if self._signals:
            self._kill_if_running(run)
        elif not run.ended and run.runner is not None:
            run.runner.send(pipe.encode(Kind.ABANDON, run.address, run.epoch))
            self._loop.call_later(_ANSWER_S, self._kill_if_running, run)

    def _kill_if_running(self, run: Run) -> None:
        if not run.ended and run.runner is not None:
            text = "cancelled code does not end: its runner is killed"
            run.log().warning(text, runner=run.runner.pid)
            self._killed(run)
            run.runner.destroy("it was killed, since code whose call was cancelled did not end")
