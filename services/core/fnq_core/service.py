"""The life of a process: start, run until told to stop, stop in order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol, TypeAlias

import structlog
import uvloop

from fnq_core.connection import RedisTooOldError

__all__ = ["Service", "Spawn", "Tasks", "run"]

#: Starts work under a name: `Tasks.start`.
Spawn: TypeAlias = "Callable[[Coroutine[Any, Any, None], str], object]"

_log = structlog.get_logger()


class Service(Protocol):
    """Something that works in the background of a process.

    `stop` before `start`, and twice, is fine.
    """

    async def start(self) -> None:
        """Begin; return when it works."""

    async def stop(self) -> None:
        """End in order; return when nothing of it runs."""


class Tasks:
    """What runs beside others; where it fails, the process stops."""

    def __init__(self, fatal: Callable[[BaseException], None]) -> None:
        self._fatal = fatal
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run `work` until `stop`; an exception out of it is fatal."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        problem = task.exception()
        if problem is not None:
            # First of all: what follows may fail too.
            self._fatal(problem)
            _log.error("a loop failed", loop=task.get_name(), exc_info=problem)

    async def stop(self) -> None:
        """Cancel what runs and wait for it."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def run(make: Callable[[Callable[[BaseException], None]], Awaitable[Service]]) -> int:
    """Run the service that `make` builds until SIGTERM or SIGINT; return the exit code.

    `make` gets the function to call with what must end the process. The code is 0
    after a signal, 1 after a failure, 2 when the service could not start.
    """
    return uvloop.run(_run(make))


async def _run(make: Callable[[Callable[[BaseException], None]], Awaitable[Service]]) -> int:
    loop = asyncio.get_running_loop()
    over: asyncio.Future[int] = loop.create_future()

    def end(code: int) -> None:
        if not over.done():
            over.set_result(code)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end, 0)
    service = await make(lambda problem: end(1))
    starting = loop.create_task(service.start())
    try:
        # A service that waits for Redis can be told to stop, too.
        await asyncio.wait((starting, over), return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
        else:
            starting.result()
    except (RedisTooOldError, PermissionError, OSError, RuntimeError) as problem:
        _log.error("cannot start", problem=str(problem))
        await service.stop()
        return 2
    code = await over
    await service.stop()
    return code
