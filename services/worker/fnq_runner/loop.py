"""Run async functions: one event loop on the main thread, which also reads the pipe."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import Callable
from functools import partial

from fnq_runner import step
from fnq_runner.docket import Docket
from fnq_runner.future import resolve, tell
from fnq_runner.host import Runs, Wakeable
from fnq_runner.invocation import Invocation
from fnq_runner.leftover import leave_behind
from fnq_runner.pipe import Pipe
from fnq_runner.threadwait import wait_in_thread

__all__ = ["Loop"]

#: Frames that are routed in one go: each may have user code begin or go on, and what else
#: the user has on the loop waits for all of it.
_TURN = 8


class Loop:
    """Serve dispatches of an async function; see `host.Host` for what its methods promise."""

    def __init__(self, pipe: Pipe, docket: Docket, runs: Runs) -> None:
        self._pipe = pipe
        self._docket = docket
        self._runs = runs
        self._main = threading.get_ident()
        #: That of the imported module; None until calls are served.
        self._context: contextvars.Context | None = None
        self._loop = asyncio.new_event_loop()
        self._loop.set_task_factory(step.Steps().task)
        self._reading = False
        self._returning = False
        self._flushing = False
        asyncio.set_event_loop(self._loop)
        # For good: other threads only follow.
        pipe.lead()

    def run(self) -> None:
        self._context = contextvars.copy_context()
        self._loop.add_reader(self._pipe.fileno(), self._read)
        self._loop.call_soon(self._begin)
        while not self._docket.finished:
            try:
                self._loop.run_forever()
            except (SystemExit, KeyboardInterrupt):
                # Of a task of the user's, which has it too: the runner goes on.
                continue
        self._pipe.flush()

    def admit(self) -> None:
        if threading.get_ident() != self._main:
            self._loop.call_soon_threadsafe(self._begin)
        elif not self._reading:
            self._begin()

    def flush(self) -> None:
        if threading.get_ident() != self._main or not self._loop.is_running():
            self._pipe.flush()
        elif not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def wait(self, news: Wakeable, ready: Callable[[], bool], timeout: float | None) -> bool:
        deadline = None if timeout is None else time.monotonic() + timeout
        if threading.get_ident() != self._main:
            self.admit()
            return wait_in_thread(self._pipe, news, ready, deadline)
        park = step.park()
        if park is None:
            # In a callback, or while the module is imported: nothing to switch to.
            self._pipe.flush()
            return self._pipe.pump(ready, deadline)
        self._begin()
        while not ready():
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return False
            self._park(park, news, left)
        return True

    async def wait_async(self, news: Wakeable, ready: Callable[[], bool]) -> None:
        loop = asyncio.get_running_loop()
        self.admit()
        while not ready():
            future = loop.create_future()
            if loop is self._loop:
                news.wake = partial(resolve, future)
            else:
                news.wake = partial(tell, loop, future)
            try:
                if not ready():
                    await future
            finally:
                news.wake = None

    def shield(self) -> Invocation | None:
        return None

    def expose(self, invocation: Invocation | None) -> None:
        return

    def cancel(self, invocation: Invocation, reason: str) -> None:
        invocation.cancel(reason)
        if invocation.began and invocation.task is not None:
            invocation.task.cancel()

    def abandon(self, invocation: Invocation) -> None:
        leave_behind(self._pipe, self._docket, self._runs, invocation)
        self.drained()

    def ended(self, invocation: Invocation) -> None:
        self.flush()
        self._begin()
        self.drained()

    def drained(self) -> None:
        # What was read is still to be answered, if only by giving it back.
        if self._docket.finished and not self._pipe.has_more:
            self._loop.stop()

    def _read(self) -> None:
        if self._returning:
            return
        self._reading = True
        try:
            self._pipe.read_some(_TURN)
        finally:
            self._reading = False
            if self._pipe.has_more:
                self._loop.call_soon(self._return)
                self._returning = True
        self._begin()

    def _return(self) -> None:
        """Read on, after what else the loop had to do."""
        self._returning = False
        self._read()
        self.drained()

    def _begin(self) -> None:
        """Begin what may begin: one write says so before the first of their steps."""
        if self._context is None:
            return
        begun: list[Invocation] = []
        while (invocation := self._docket.take()) is not None:
            begun.append(invocation)
        if not begun:
            return
        self._pipe.send(*map(self._runs.started, begun))
        for invocation in begun:
            task = self._runs.run_async(invocation)
            invocation.task = self._loop.create_task(task, context=self._context.copy())

    def _flush(self) -> None:
        self._flushing = False
        self._pipe.flush()

    def _park(
        self, park: Callable[[asyncio.Future[None]], None], news: Wakeable, left: float | None
    ) -> None:
        """Let the loop go on until news come, or for `left` seconds."""
        future: asyncio.Future[None] = self._loop.create_future()
        wake = news.wake = partial(resolve, future)
        timer = None if left is None else self._loop.call_later(left, wake)
        try:
            park(future)
        finally:
            news.wake = None
            if timer is not None:
                timer.cancel()
