"""What user code prints is kept: per call, bounded, and beyond an outage of Redis."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from fnq_core.connection import connect
from fnq_core.logs import Line, LogStreams
from fnq_worker.printer import _MAX_WAITING, Printer
from tests.loop import eventually
from tests.redis import RedisServer

CALL = b"c" * 16


class Press:
    """A printer at work, and the log that it fills."""

    def __init__(self, logs: LogStreams, printing: Printer) -> None:
        self.printer = printing
        self._logs = logs

    async def lines(self, count: int) -> list[Line]:
        """Return the lines in the log, once there are as many."""
        found: list[Line] = []
        async with asyncio.timeout(10.0):
            while len(found) < count:
                found = [line async for line in self._logs.tail("default", ["f"], 20_000)]
                await asyncio.sleep(0.005)
        return found


@asynccontextmanager
async def press(server: RedisServer) -> AsyncIterator[Press]:
    """Run a printer."""
    client = connect(server.url)
    made = Printer(client, "default", "f")
    task = asyncio.get_running_loop().create_task(made.print_forever())
    try:
        yield Press(LogStreams(client), made)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await client.aclose()


async def test_each_line_is_kept_with_its_call_and_stream(server: RedisServer) -> None:
    """In order."""
    async with press(server) as p:
        p.printer.print(CALL, "stdout", "one\ntwo\n")
        p.printer.print(b"", "stderr", "three")
        lines = await p.lines(3)
        assert [(each.call, each.source, each.text) for each in lines] == [
            (CALL, "stdout", "one"),
            (CALL, "stdout", "two"),
            (b"", "stderr", "three"),
        ]


async def test_a_long_line_loses_its_end(server: RedisServer) -> None:
    """No line takes more than its share of the log."""
    async with press(server) as p:
        p.printer.print(CALL, "stdout", "x" * 100_000)
        [line] = await p.lines(1)
        assert line.text == "x" * 16_384


async def test_of_too_many_lines_at_once_the_last_are_kept(server: RedisServer) -> None:
    """The agent's memory is bounded, whatever is printed."""
    async with press(server) as p:
        p.printer.print(CALL, "stdout", "\n".join(map(str, range(6_000))))
        lines = await p.lines(5_000)
        assert [each.text for each in lines] == [str(number) for number in range(1_000, 6_000)]


@pytest.fixture
def mortal() -> Iterator[RedisServer]:
    """A Redis of the test's own."""
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        made = RedisServer(Path(folder))
        made.start()
        yield made
        made.kill()


async def test_lines_printed_while_redis_is_away_are_kept_until_it_is_back(
    mortal: RedisServer,
) -> None:
    """As many as may wait."""
    async with press(mortal) as p:
        mortal.kill()
        p.printer.print(CALL, "stdout", "early")
        await eventually(lambda: not p.printer._lines)
        p.printer.print(CALL, "stdout", "\n".join(map(str, range(_MAX_WAITING + 1))))
        await asyncio.to_thread(mortal.start)
        lines = await p.lines(_MAX_WAITING + 1)
        assert len(lines) == _MAX_WAITING + 1
        assert [each.text for each in lines[:2]] == ["early", "1"]
