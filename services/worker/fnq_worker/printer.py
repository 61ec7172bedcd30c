"""Keeps what user code prints: gathered, bounded, per call."""

from __future__ import annotations

import asyncio
from collections import deque

from redis.asyncio import Redis

from fnq_core.connection import insist
from fnq_core.logs import LogStreams

__all__ = ["Printer"]

#: Lines that wait to be stored; the oldest go when there are more.
_MAX_WAITING = 5_000
#: The last lines, for whoever asks how a process ended; and characters of each.
_LAST, _LAST_LINE = 5, 500
#: Characters kept of one line.
_MAX_LINE = 16_384


class Printer:
    """Stores lines in the log of one function."""

    def __init__(self, redis: Redis, namespace: str, function: str) -> None:
        self._logs = LogStreams(redis)
        self._namespace = namespace
        self._function = function
        self._lines: deque[tuple[bytes, str, str]] = deque(maxlen=_MAX_WAITING)
        self._news = asyncio.Event()
        self._last: deque[str] = deque(maxlen=_LAST)

    @property
    def last(self) -> str:
        """The last lines that were printed; empty where there was none."""
        return "\n".join(line[:_LAST_LINE] for line in self._last)

    def print(self, call: bytes, source: str, text: str) -> None:
        """Queue text, a line each; `call` is empty where it is not known."""
        for line in text.splitlines():
            self._lines.append((call, source, line[:_MAX_LINE]))
            self._last.append(line)
        self._news.set()

    async def print_forever(self) -> None:
        """Store what was queued, until cancelled; while Redis is away it waits.

        A line may be stored twice then.
        """
        while True:
            await self._news.wait()
            self._news.clear()
            lines = list(self._lines)
            self._lines.clear()
            await insist(
                "storing what was printed",
                lambda: self._logs.append(self._namespace, self._function, lines),
            )
