"""The life of a process."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable

import pytest

from fnq_core import service
from fnq_core.connection import RedisTooOldError
from fnq_core.service import Tasks


class _Service:
    """Writes down what happens to it; `start` does what the test says."""

    def __init__(self, start: Callable[[], object] = lambda: None, waits: bool = False) -> None:
        self._start = start
        self._waits = waits
        self.happened: list[str] = []

    async def start(self) -> None:
        self.happened.append("start")
        self._start()
        if self._waits:
            await asyncio.Event().wait()

    async def stop(self) -> None:
        self.happened.append("stop")


def _run(made: _Service, fatal: bool = False) -> int:
    async def make(end: Callable[[BaseException], None]) -> service.Service:
        if fatal:
            asyncio.get_running_loop().call_later(0.01, end, RuntimeError("a loop failed"))
        return made

    return service.run(make)


def _terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def test_a_service_runs_until_it_is_told_to_stop() -> None:
    """It is stopped in order, and the exit code is 0."""
    made = _Service(_terminate)
    assert _run(made) == 0
    assert made.happened == ["start", "stop"]


def test_a_service_that_waits_for_redis_can_be_told_to_stop() -> None:
    """Its start is given up."""
    made = _Service(_terminate, waits=True)
    assert _run(made) == 0
    assert made.happened == ["start", "stop"]


def test_a_failure_ends_the_process() -> None:
    """With exit code 1: whoever started it starts another one."""
    for waits in (False, True):
        made = _Service(waits=waits)
        assert _run(made, fatal=True) == 1
        assert made.happened == ["start", "stop"]


@pytest.mark.parametrize("problem", [RedisTooOldError("old"), PermissionError("no"), OSError("x")])
def test_a_service_that_cannot_start_says_so(problem: Exception) -> None:
    """Exit code 2, after it has let go of what it had."""

    def fail() -> None:
        raise problem

    made = _Service(fail)
    assert _run(made) == 2
    assert made.happened == ["start", "stop"]


async def test_a_loop_that_fails_is_fatal() -> None:
    """One that is cancelled, or ends, is not."""
    fatal: list[BaseException] = []
    tasks = Tasks(fatal.append)

    async def fail() -> None:
        raise ValueError("wrong")

    await asyncio.gather(tasks.start(fail(), "fails"), return_exceptions=True)
    tasks.start(asyncio.sleep(0), "ends")
    tasks.start(asyncio.sleep(60), "lasts")
    await asyncio.sleep(0)
    await tasks.stop()
    await tasks.stop()
    assert [str(problem) for problem in fatal] == ["wrong"]
