"""Interrupt user code on the main thread when its call is cancelled.

The agent sends CANCEL, then SIGUSR1, which it repeats until the call has ended: one
signal may come in the moment before a system call that then sleeps on. The handler
reads the pipe to learn whom that concerns, and raises Interrupted if it is the code
that it interrupted. It must raise nowhere in the runner's own code: that is shielded,
and looks itself, when it hands back to user code, whether a signal came meanwhile.
"""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType
from typing import Any

from fnq_runner.invocation import Interrupted, Invocation
from fnq_runner.pipe import Pipe

__all__ = ["Interrupter"]


class Interrupter:
    """Deliver interruptions to `current`, whose code the main thread runs; None if nobody's."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._main = threading.get_ident()
        self._signalled = False
        self.current: Invocation | None = None
        signal.signal(signal.SIGUSR1, self._on_signal)
        sys.unraisablehook = self._on_unraisable

    def shield(self) -> Invocation | None:
        """Hold back signals; give the result to `expose`."""
        invocation = self.current
        if (
            invocation is None
            or not invocation.interruptible
            or threading.get_ident() != self._main
        ):
            return None
        invocation.interruptible = False
        return invocation

    def expose(self, invocation: Invocation | None) -> None:
        """Let signals interrupt again; raises Interrupted if one came meanwhile."""
        if invocation is None:
            return
        main = threading.get_ident() == self._main
        while True:
            invocation.interruptible = True
            # A signal before that line was noted, one after it is handled at once.
            if not (main and self._signalled):
                break
            invocation.interruptible = False
            self._signalled = False
            self._pipe.drain()
        invocation.interrupt()

    def signal(self) -> None:
        """Have the main thread look whether it is to be interrupted; from any thread."""
        signal.pthread_kill(self._main, signal.SIGUSR1)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        invocation = self.current
        if invocation is None:
            return
        if not invocation.interruptible:
            self._signalled = True
            return
        # Two signals may come at once: the second must not raise within the reading.
        invocation.interruptible = False
        self._pipe.drain()
        self.expose(invocation)

    def _on_unraisable(self, lost: Any) -> None:
        """Let the next signal interrupt what was in a finalizer, which raises nothing."""
        invocation = self.current
        came_to_nothing = isinstance(lost.exc_value, Interrupted)
        if not came_to_nothing or invocation is None or threading.get_ident() != self._main:
            sys.__unraisablehook__(lost)
            return
        invocation.interrupted = False
        invocation.interruptible = True
