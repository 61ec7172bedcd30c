"""Run sync functions: the main thread, its hub, and greenlets that take turns.

With one slot user code runs on the main thread, where a signal interrupts it,
each invocation in a greenlet of its own. The hub is the main greenlet: it waits on
the pipe, begins what was dispatched, and resumes the greenlet whose news have come.
A nested call switches to the hub, which runs deeper calls meanwhile. With several
slots, and for a lent slot while the main thread is inside user code (whose own
threads wait), invocations run in threads.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from fnq_runner.asyncstate import AsideLoop
from fnq_runner.docket import Docket
from fnq_runner.future import tell
from fnq_runner.host import Runs, Wakeable
from fnq_runner.interrupt import Interrupter
from fnq_runner.invocation import Invocation
from fnq_runner.leftover import leave_behind
from fnq_runner.pipe import Pipe, crash
from fnq_runner.strand import Strand, running, strand
from fnq_runner.threads import Threads
from fnq_runner.threadwait import wait_in_thread, waking

__all__ = ["Hub"]

#: Greenlets kept for the next invocations: a new one costs more than a short call.
_SPARE = 64


class _Parked:
    """A greenlet that waits, and whether it is to be resumed already."""

    __slots__ = ("done", "scheduled", "strand")

    def __init__(self, waiting: Strand) -> None:
        self.strand = waiting
        self.scheduled = False
        self.done = False


class Hub:
    """Serve dispatches of a sync function; see `host.Host` for what its methods promise."""

    def __init__(self, pipe: Pipe, docket: Docket, runs: Runs, threaded: bool) -> None:
        self._pipe = pipe
        self._docket = docket
        self._runs = runs
        self._threaded = threaded
        self._main = threading.get_ident()
        self._strand = running()
        self._bell = threading.Event()
        #: That of the imported module.
        self._context: contextvars.Context
        #: None until calls are served.
        self._threads: Threads | None = None
        self._spare: list[Strand] = []
        self._next: Invocation | None = None
        self._resumable: deque[_Parked] = deque()
        self._timers: list[tuple[float, int, _Parked]] = []
        self._interrupter = Interrupter(pipe)
        self._listeners: dict[asyncio.AbstractEventLoop, int] = {}

    def run(self) -> None:
        self._context = contextvars.copy_context()
        self._threads = Threads(self._runs.run, self._on_idle, self._context)
        while not self._docket.finished:
            if self._resumable:
                parked = self._resumable.popleft()
                parked.scheduled = False
                if not parked.done:
                    parked.strand.switch()
            elif not self._begin():
                self._pipe.flush()
                self._pipe.wait(self._bell, self._has_work, self._deadline())
                self._ring_timers()
        self._pipe.flush()

    def admit(self) -> None:
        if self._threads is None:
            return
        if self._threaded or self._interrupter.current is not None:
            while (invocation := self._docket.take()) is not None:
                self._threads.begin(invocation)
        elif threading.get_ident() != self._main:
            self._pipe.ring(self._bell)

    def flush(self) -> None:
        self._pipe.flush()

    def wait(self, news: Wakeable, ready: Callable[[], bool], timeout: float | None) -> bool:
        deadline = None if timeout is None else time.monotonic() + timeout
        if threading.get_ident() != self._main or self._interrupter.current is None:
            self.admit()
            return wait_in_thread(self._pipe, news, ready, deadline)
        invocation = self._interrupter.current
        parked = _Parked(running())
        if deadline is not None:
            heapq.heappush(self._timers, (deadline, id(parked), parked))
        with waking(news, invocation, partial(self._resume, parked)), AsideLoop():
            self._interrupter.current = None
            try:
                return self._park(invocation, ready, deadline)
            finally:
                parked.done = True
                self._interrupter.current = invocation

    async def wait_async(self, news: Wakeable, ready: Callable[[], bool]) -> None:
        loop = asyncio.get_running_loop()
        shielded = self.shield()
        try:
            self.admit()
            with self._listening(loop):
                while not ready():
                    future = loop.create_future()
                    news.wake = partial(tell, loop, future)
                    try:
                        if not ready():
                            self.expose(shielded)
                            await future
                    finally:
                        shielded = self.shield() or shielded
                        news.wake = None
        finally:
            self.expose(shielded)

    def shield(self) -> Invocation | None:
        return self._interrupter.shield()

    def expose(self, invocation: Invocation | None) -> None:
        self._interrupter.expose(invocation)

    def cancel(self, invocation: Invocation, reason: str) -> None:
        invocation.cancel(reason)
        if invocation.thread is not None:
            if invocation.began and not (invocation.parked or invocation.waits):
                self.abandon(invocation)
        elif invocation is self._interrupter.current and threading.get_ident() != self._main:
            self._interrupter.signal()

    def abandon(self, invocation: Invocation) -> None:
        # On the main thread only its end, or that of the process, helps.
        if invocation.thread is not None:
            leave_behind(self._pipe, self._docket, self._runs, invocation)
            self.drained()

    def ended(self, invocation: Invocation) -> None:
        if invocation.thread is not None:
            self._pipe.flush()

    def drained(self) -> None:
        if self._docket.finished and threading.get_ident() != self._main:
            self._pipe.ring(self._bell)

    def _on_idle(self) -> None:
        """Go on after an invocation has ended in a thread."""
        self.admit()
        self.drained()

    def _begin(self) -> bool:
        """Begin one invocation on the main thread; False when none may begin."""
        if self._threaded:
            self.admit()
            return False
        if not self._docket.queued:
            return False
        invocation = self._docket.take()
        if invocation is None:
            return False
        self._next = invocation
        worker = self._spare.pop() if self._spare else strand(self._work)
        worker.switch()
        return True

    def _work(self) -> None:
        """Run invocations in this greenlet, one after another."""
        try:
            while True:
                invocation, self._next = self._next, None
                assert invocation is not None
                self._interrupter.current = invocation
                self._context.copy().run(self._runs.run, invocation)
                self._interrupter.current = None
                del invocation
                if len(self._spare) >= _SPARE:
                    return
                self._spare.append(running())
                self._strand.switch()
        except Exception as problem:
            crash(problem)

    def _park(
        self, invocation: Invocation, ready: Callable[[], bool], deadline: float | None
    ) -> bool:
        """Switch to the hub until ready(); the hub resumes this greenlet when it was woken."""
        while not ready():
            invocation.interrupt()
            if deadline is not None and time.monotonic() >= deadline:
                return False
            self._strand.switch()
        return True

    def _resume(self, parked: _Parked) -> None:
        """Have the hub resume a greenlet; any thread may ask."""
        if not parked.scheduled:
            parked.scheduled = True
            self._resumable.append(parked)
            if threading.get_ident() != self._main:
                self._pipe.ring(self._bell)

    def _has_work(self) -> bool:
        if self._docket.finished or self._resumable:
            return True
        return not self._threaded and self._docket.startable()

    def _deadline(self) -> float | None:
        """Return when the hub must look again though nothing came."""
        while self._timers and self._timers[0][2].done:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def _ring_timers(self) -> None:
        while self._timers and (self._timers[0][2].done or self._timers[0][0] <= time.monotonic()):
            self._resume(heapq.heappop(self._timers)[2])

    def _read(self) -> None:
        """Read the pipe in a callback of a loop of the user's."""
        shielded = self.shield()
        try:
            self._pipe.drain()
        finally:
            self.expose(shielded)

    @contextmanager
    def _listening(self, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
        """Read the pipe on a loop of the user's while something on it waits."""
        count = self._listeners.get(loop, 0)
        self._listeners[loop] = count + 1
        if not count:
            loop.add_reader(self._pipe.fileno(), self._read)
        try:
            yield
        finally:
            self._listeners[loop] -= 1
            if not self._listeners[loop]:
                del self._listeners[loop]
                if not loop.is_closed():
                    loop.remove_reader(self._pipe.fileno())
