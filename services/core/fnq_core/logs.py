"""What user code printed: a capped stream per function that expires."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

from redis.asyncio import Redis

from fnq_core import keys

__all__ = ["Line", "LogStreams"]

#: Lines kept per function, and seconds after the last line.
_MAX_LINES, _TTL_S = 10_000, 86_400
#: Milliseconds that a follower waits for a line at a time.
_BLOCK_MS = 1_000


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

    async def tail(self, namespace: str, names: Sequence[str], count: int) -> AsyncIterator[Line]:
        """Yield the last `count` lines of these functions together, oldest first."""
        lines, _ = await self._last(namespace, names, count)
        for line in lines:
            yield line

    async def _last(
        self, namespace: str, names: Sequence[str], count: int
    ) -> tuple[list[Line], dict[str, str]]:
        """Return the last lines, and for each log the entry that it ended with."""
        found: list[Line] = []
        positions: dict[str, str] = {}
        for name in names:
            key = keys.logs(namespace, name)
            reply: Any = await self._redis.execute_command(
                "XREVRANGE", key, "+", "-", "COUNT", count
            )
            positions[key] = reply[0][0].decode() if reply else "0-0"
            found += [_line(name, entry, fields) for entry, fields in reversed(reply)]
        return sorted(found, key=lambda each: each.at_ms)[-count:], positions

    async def follow(self, namespace: str, names: Sequence[str], count: int) -> AsyncIterator[Line]:
        """Yield the last `count` lines, then new ones as they come, until closed."""
        lines, positions = await self._last(namespace, names, count)
        for line in lines:
            yield line
        function = {keys.logs(namespace, name): name for name in names}
        while positions:
            news: Any = await self._waiting.execute_command(
                "XREAD", "BLOCK", _BLOCK_MS, "STREAMS", *positions, *positions.values()
            )
            for stream, entries in news or ():
                key = stream.decode()
                for entry, fields in entries:
                    positions[key] = entry.decode()
                    yield _line(function[key], entry, fields)


def _line(function: str, entry: bytes, fields: list[bytes]) -> Line:
    at_ms = int(entry.decode().partition("-")[0])
    return Line(at_ms, function, fields[1], fields[3].decode(), fields[5].decode())
