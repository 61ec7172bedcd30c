"""What user code printed: a capped stream per function that expires."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

from redis.asyncio import Redis

from fnq_core import keys

__all__ = ["Line", "LogStreams", "Names"]

#: Lines kept per function, and seconds after the last line.
_MAX_LINES, _TTL_S = 10_000, 86_400
#: Milliseconds that a follower waits for a line before it asks which functions there are.
_BLOCK_MS = 1_000
#: Lines read at a time in search of those of one call.
_PAGE = 1_000

#: Tells which functions' logs are meant, as of now.
Names: TypeAlias = Callable[[], Awaitable[Sequence[str]]]


class Line(NamedTuple):
    """One line; `source` is "stdout", "stderr" or "system"; `call` 16 bytes or empty."""

    at_ms: int
    function: str
    call: bytes
    source: str
    text: str


class LogStreams:
    """The door to the logs of one Redis; `waiting` is for followers."""

    def __init__(self, redis: Redis, waiting: Redis | None = None) -> None:
        self._redis = redis
        self._waiting = waiting or redis

    async def append(
        self, namespace: str, function: str, lines: Sequence[tuple[bytes, str, str]]
    ) -> None:
        """Append (call, source, text) lines; the oldest beyond the cap go."""
        key = keys.logs(namespace, function)
        async with self._redis.pipeline(transaction=False) as pipe:
            for call, source, text in lines:
                pipe.execute_command(
                    "XADD", key, "MAXLEN", "~", _MAX_LINES, "*",
                    "c", call, "s", source, "t", text.encode("utf-8", "replace"),
                )  # fmt: skip
            pipe.execute_command("EXPIRE", key, _TTL_S)
            await pipe.execute()

    async def tail(
        self, namespace: str, names: Sequence[str], count: int, call: str = ""
    ) -> AsyncGenerator[Line]:
        """Yield the last `count` lines of these functions together, oldest first.

        `call` is the end of a call's id in hex: only its lines count then.
        """
        lines, _ = await self._last(namespace, names, count, call)
        for line in lines:
            yield line

    async def follow(
        self, namespace: str, names: Names, count: int, call: str = ""
    ) -> AsyncGenerator[Line]:
        """Yield the last `count` lines, then new ones as they come, until closed.

        `names` is asked again and again: one that comes later is followed from its
        first line on. `call` is as for `tail`.
        """
        lines, positions = await self._last(namespace, await names(), count, call)
        for line in lines:
            yield line
        while True:
            for name in await names():
                positions.setdefault(name, "0-0")
            for line in await self._next(namespace, positions):
                if line.call.hex().endswith(call):
                    yield line

    async def _next(self, namespace: str, positions: dict[str, str]) -> list[Line]:
        """Return what comes within a moment, and move the positions past it."""
        if not positions:
            await asyncio.sleep(_BLOCK_MS / 1000)
            return []
        functions = {keys.logs(namespace, name): name for name in positions}
        news: Any = await self._waiting.execute_command(
            "XREAD", "BLOCK", _BLOCK_MS, "STREAMS", *functions, *positions.values()
        )
        found: list[Line] = []
        for stream, entries in news or ():
            name = functions[stream.decode()]
            found += [_line(name, entry, fields) for entry, fields in entries]
            positions[name] = entries[-1][0].decode()
        return found

    async def _last(
        self, namespace: str, names: Sequence[str], count: int, call: str
    ) -> tuple[list[Line], dict[str, str]]:
        """Return the last lines, and for each function the entry that its log ended with."""
        found: list[Line] = []
        positions: dict[str, str] = {}
        for name in names:
            lines, positions[name] = await self._last_of(namespace, name, count, call)
            found += reversed(lines)
        return sorted(found, key=lambda each: each.at_ms)[-count:], positions

    async def _last_of(
        self, namespace: str, name: str, count: int, call: str
    ) -> tuple[list[Line], str]:
        """Return a function's last lines, the latest first, and the entry that its log ended with.

        Lines of one call may lie far back: the log is read page by page until there
        are enough.
        """
        key, upto, end = keys.logs(namespace, name), "+", ""
        page = max(_PAGE, count) if call else count
        found: list[Line] = []
        while True:
            entries: Any = await self._redis.execute_command(
                "XREVRANGE", key, upto, "-", "COUNT", page
            )
            end = end or (entries[0][0].decode() if entries else "0-0")
            lines = (_line(name, entry, fields) for entry, fields in entries)
            found += [line for line in lines if line.call.hex().endswith(call)]
            if len(found) >= count or len(entries) < page:
                return found[:count], end
            upto = f"({entries[-1][0].decode()}"


def _line(function: str, entry: bytes, fields: list[bytes]) -> Line:
    at_ms = int(entry.decode().partition("-")[0])
    return Line(at_ms, function, fields[1], fields[3].decode(), fields[5].decode())
