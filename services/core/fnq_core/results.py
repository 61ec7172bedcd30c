"""Inboxes and control streams: what flows back to servers and down to consumers.

Both belong to one process, carry an expiry that this process renews, and are
written with NOMKSTREAM: when their owner is gone they vanish, and a writer
learns from that that nobody listens.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from redis.asyncio import Redis

from fnq_core.connection import together

__all__ = ["OWNED_TTL_S", "OWNED_RENEW_S", "InboxGoneError", "Mailboxes", "order"]

#: Seconds that an inbox or control stream outlives the last renewal by its owner.
#: An inbox must outlive its server by the lease of interest (30 s) and a restart.
OWNED_TTL_S = 60
#: Seconds between two renewals.
OWNED_RENEW_S = 5.0

# Appends results to inboxes. KEYS: inboxes. ARGV: pairs of inbox index and bytes.
# Returns the indexes of inboxes that do not exist.
# Deletes nothing first: a script that has begun with a write that needs no memory may
# go on with others also where Redis is full, and results are what lets it have room again.
_PUBLISH = """
redis.call('XDEL', KEYS[1], '0-0')
local missing, gone = {}, {}
for k = 1, #ARGV, 2 do
  local i = tonumber(ARGV[k])
  if not redis.call('XADD', KEYS[i], 'NOMKSTREAM', '*', 'e', ARGV[k + 1]) and not missing[i] then
    missing[i] = true
    gone[#gone + 1] = i
  end
end
return gone
"""

# Makes an owned stream with an expiry; keeps what is in it. KEYS: stream. ARGV: ttl.
# Returns 1 where it was missing. It begins like the one above.
_OPEN = """
redis.call('XDEL', KEYS[1], '0-0')
local missing = redis.call('EXISTS', KEYS[1]) == 0
if missing then
  redis.call('XDEL', KEYS[1], redis.call('XADD', KEYS[1], '*', 'e', ''))
end
redis.call('EXPIRE', KEYS[1], ARGV[1])
return missing and 1 or 0
"""


class InboxGoneError(Exception):
    """There is no inbox for what must go there: it is to be opened first."""


class Mailboxes:
    """The door to inboxes and control streams; `waiting` is for blocked reads."""

    def __init__(self, redis: Redis, waiting: Redis | None = None) -> None:
        self._redis = redis
        self._waiting = waiting or redis
        self._publish = redis.register_script(_PUBLISH)
        self._open = redis.register_script(_OPEN)

    async def open(self, stream: str) -> bool:
        """Make the stream if it is missing, and renew its expiry; return whether it was."""
        missing: int = await self._open(keys=[stream], args=[OWNED_TTL_S])
        return bool(missing)

    async def renew(self, stream: str) -> bool:
        """Renew the expiry of a stream of another process; return whether it is there."""
        there: int = await self._redis.execute_command("EXPIRE", stream, OWNED_TTL_S)
        return bool(there)

    async def close(self, *streams: str) -> None:
        """Delete streams that this process owns."""
        await self._redis.execute_command("DEL", *streams)

    async def missing(self, streams: Collection[str]) -> set[str]:
        """Return those of the streams that do not exist (any more)."""
        found = await together(self._redis, [("EXISTS", stream) for stream in streams])
        return {stream for stream, there in zip(streams, found, strict=True) if not there}

    async def publish(self, items: Sequence[tuple[str, bytes]]) -> set[str]:
        """Append (stream, bytes) pairs in order; return the streams that are gone.

        May be repeated: readers drop what they have seen.
        """
        index: dict[str, int] = {}
        args: list[Any] = []
        for stream, body in items:
            args += (index.setdefault(stream, len(index) + 1), body)
        names = list(index)
        gone: Any = await self._publish(keys=names, args=args)
        return {names[i - 1] for i in gone}

    async def read(
        self, positions: dict[str, str], count: int, block_ms: int
    ) -> list[tuple[str, str, bytes]]:
        """Return (stream, entry, bytes) after the given positions, waiting for the first."""
        reply: Any = await self._waiting.execute_command(
            "XREAD", "COUNT", count, "BLOCK", block_ms, "STREAMS", *positions, *positions.values()
        )
        return [
            (stream.decode(), entry.decode(), fields[1])
            for stream, entries in reply or ()
            for entry, fields in entries
        ]

    async def fetch(self, stream: str, entries: Sequence[str]) -> list[tuple[str, bytes]]:
        """Return (entry, bytes) of the given entries that are still there."""
        replies = await together(
            self._redis, [("XRANGE", stream, entry, entry) for entry in entries]
        )
        return [(item[0].decode(), item[1][1]) for reply in replies for item in reply]

    async def delete(self, stream: str, entries: Sequence[str]) -> None:
        """Delete entries that reached their reader."""
        await self._redis.execute_command("XDEL", stream, *entries)

    async def trim(self, stream: str, upto: str) -> None:
        """Delete all entries up to and with `upto`."""
        milliseconds, sequence = order(upto)
        await self._redis.execute_command(
            "XTRIM", stream, "MINID", f"{milliseconds}-{sequence + 1}"
        )


def order(entry: str) -> tuple[int, int]:
    """Return what entries of one stream are sorted by, as they were appended."""
    milliseconds, _, sequence = entry.partition("-")
    return int(milliseconds), int(sequence)
