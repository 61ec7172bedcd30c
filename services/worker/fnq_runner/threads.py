"""Threads that run invocations which the main thread cannot."""

from __future__ import annotations

import contextvars
import queue
import threading
from collections.abc import Callable

from fnq_runner.invocation import Invocation

__all__ = ["Threads"]


class Threads:
    """Run each invocation in a thread of its own; idle threads are used again.

    There are as many threads as invocations ran at once at most, which slots and
    depth bound. They are daemons: user code that never returns keeps no runner alive.
    """

    def __init__(
        self,
        run: Callable[[Invocation], None],
        idle: Callable[[], None],
        context: contextvars.Context,
    ) -> None:
        """Run by `run`, in copies of `context`; call `idle` when a thread can take another."""
        self._run = run
        self._on_idle = idle
        self._context = context
        self._handed: queue.SimpleQueue[Invocation] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._idle = 0

    def begin(self, invocation: Invocation) -> None:
        """Run an invocation, in an idle thread or a new one."""
        with self._lock:
            found = self._idle > 0
            if found:
                self._idle -= 1
        if found:
            self._handed.put(invocation)
        else:
            thread = threading.Thread(target=self._work, args=(invocation,), daemon=True)
            # On behalf of nobody, whoever asks for it.
            contextvars.Context().run(thread.start)

    def _work(self, invocation: Invocation) -> None:
        while True:
            invocation.thread = threading.get_ident()
            self._context.copy().run(self._run, invocation)
            with self._lock:
                self._idle += 1
            self._on_idle()
            invocation = self._handed.get()
