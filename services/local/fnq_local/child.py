"""One process that is kept alive."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from fnq_local.backoff import HEALTHY_S, MOST_S, Backoff
from fnq_local.logfile import LogFile
from fnq_local.process import Process
from fnq_wire.error import StackError

__all__ = ["Child", "Facts"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Facts:
    """Who a process is, for people and for `status`."""

    role: str
    address: str = ""
    namespace: str = ""
    function: str = ""
    version: str = ""
    replica: int = 0


class Child:
    """Starts a process, watches it and starts it again until told to stop.

    One that dies again and again is started every `most_pause_s` seconds in the end.

    `state` is "starting", "running", "waiting" (for the next start),
    "stopping" or "stopped"; `reason` says why it is not running.
    """

    def __init__(
        self,
        facts: Facts,
        launch: Callable[[], Awaitable[Process]],
        log: LogFile,
        *,
        probe: Callable[[], Awaitable[object]] | None = None,
        changed: Callable[[], None] = lambda: None,
        most_pause_s: float = MOST_S,
    ) -> None:
        self.facts = facts
        self.log = log
        self.state = "starting"
        self.reason = ""
        #: How it died last, or why it could not be started; empty when it never did.
        self.ending = ""
        self.process: Process | None = None
        self._launch = launch
        self._probe = probe
        self._changed = changed
        self._backoff = Backoff(most_pause_s)
        self._news = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._began = 0.0

    @property
    def pid(self) -> int:
        """The id of the running process; 0 while there is none."""
        return 0 if self.process is None or self.process.exit.done() else self.process.pid

    @property
    def deaths(self) -> int:
        """Deaths in a row, each within seconds of its start."""
        return self._backoff.deaths

    @property
    def crashing(self) -> bool:
        """Whether it has died more than once in a row, and not lived for HEALTHY_S since."""
        lives = self.state == "running" and time.monotonic() - self._began >= HEALTHY_S
        return self.deaths > 1 and not lives

    def start(self) -> None:
        """Begin to keep it alive."""
        self._keeper = asyncio.get_running_loop().create_task(self._keep(), name=self.facts.role)

    async def up(self, tries: int) -> None:
        """Return when it runs; raise StackError when it has died `tries` times in a row."""
        while self.state != "running":
            if self.deaths >= tries:
                raise StackError(f"{self.facts.role} does not start: {self.reason}")
            await self._news.wait()

    async def stop(self, grace_s: float) -> None:
        """End it for good, killing it after `grace_s` seconds. Safe to call twice."""
        if self.state != "stopped":
            self._turn("stopping", "")
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait({self._keeper})
        if self.process is not None and not self.process.exit.done():
            await self.process.stop(grace_s)
            _log.info("%s: stopped, %s", self.facts.role, self.process.exit.result())
        self._turn("stopped", "")

    async def _keep(self) -> None:
        while True:
            self._began = time.monotonic()
            self._turn("starting", self.reason)
            reason = self.ending = await self._live()
            pause = self._backoff.next(time.monotonic() - self._began)
            _log.warning("%s: %s; next start in %.1f s", self.facts.role, reason, pause)
            self._turn("waiting", reason)
            await asyncio.sleep(pause)

    async def _live(self) -> str:
        """Run it once; return how it ended."""
        try:
            self.process = process = await self._launch()
        except StackError as problem:
            return str(problem)
        _log.info("%s: started, pid %d", self.facts.role, process.pid)
        # The table in the runtime directory names it from now on.
        self._turn("starting", self.reason)
        await self._come_up(process)
        if not process.exit.done():
            self._turn("running", "")
        await asyncio.wait({process.exit})
        last = self.log.last_line()
        ending = f"ended with {process.exit.result()}"
        return (
            f"{ending}: {last} (see {self.log.path})" if last else f"{ending} (see {self.log.path})"
        )

    async def _come_up(self, process: Process) -> None:
        if self._probe is None:
            return
        probe = asyncio.ensure_future(self._probe())
        either: set[asyncio.Future[Any]] = {process.exit, probe}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            probe.cancel()

    def _turn(self, state: str, reason: str) -> None:
        self.state = state
        self.reason = reason
        self._changed()
        self._news.set()
        self._news = asyncio.Event()
