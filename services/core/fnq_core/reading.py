"""Reading new entries of a version's call streams, as many as there is room for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from fnq_core import keys
from fnq_core.connection import connect
from fnq_core.lease import Count, Read, no_group

__all__ = ["CallReader", "StreamGoneError"]

# Reads at most as many entries as there is room for, deepest stream first.
#   KEYS: streams, deepest first
#   ARGV: group, consumer, number of rooms, then per room least depth and count
#         (greatest depth first), then the depth of each stream
# Returns {entries, last ids}; the last ids only when there are no entries.
_READ_DEEPEST = """
local rooms = tonumber(ARGV[3])
local out = {}
for i = 1, #KEYS do
  local depth = tonumber(ARGV[3 + 2 * rooms + i])
  local room = 0
  for r = 1, rooms do
    if tonumber(ARGV[2 + 2 * r]) <= depth then room = room + tonumber(ARGV[3 + 2 * r]) end
  end
  if room > 0 and redis.call('EXISTS', KEYS[i]) == 1 then
    local got = redis.call(
      'XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', room, 'STREAMS', KEYS[i], '>')
    if got then
      out[#out + 1] = got[1]
      local used = #got[1][2]
      for r = 1, rooms do
        if used > 0 and tonumber(ARGV[2 + 2 * r]) <= depth then
          local take = math.min(used, tonumber(ARGV[3 + 2 * r]))
          ARGV[3 + 2 * r] = tostring(tonumber(ARGV[3 + 2 * r]) - take)
          used = used - take
        end
      end
    end
  end
end
local last = {}
if #out == 0 then
  for i = 1, #KEYS do
    local id = '0-0'
    if redis.call('EXISTS', KEYS[i]) == 1 then
      local info = redis.call('XINFO', 'STREAM', KEYS[i])
      for f = 1, #info, 2 do
        if info[f] == 'last-generated-id' then id = info[f + 1] end
      end
    end
    last[i] = id
  end
end
return {out, last}
"""


class StreamGoneError(Exception):
    """A deep stream was dropped since the reader last asked which depths there are."""


class CallReader:
    """Reads the call streams of one version for one consumer, over its own connection.

    A read that waits can be cut short with `interrupt`.
    """

    def __init__(self, url: str, redis: Redis, consumer: str) -> None:
        self._url = url
        self._redis = redis
        self._consumer = consumer
        self._waiting: Redis | None = None
        self._waiting_id = 0
        self._read_deepest = redis.register_script(_READ_DEEPEST)

    async def read(
        self, streams: Sequence[tuple[int, str]], rooms: Sequence[tuple[int, int]], block_ms: int
    ) -> list[Read]:
        """Return what fits into `rooms`, waiting up to `block_ms` for the first.

        `streams` are (depth, key), `rooms` (least depth, count). Deepest first. May
        return nothing early: when interrupted, and when a deep stream was appended to.
        """
        waiting = await self._connection()
        try:
            if len(streams) == 1 and len(rooms) == 1:
                return await self._read_one(waiting, streams[0][1], rooms[0][1], block_ms)
            found, order, last = await self._read_many(streams, rooms)
            if not found:
                await waiting.execute_command(
                    "XREAD", "COUNT", 1, "BLOCK", block_ms, "STREAMS", *order, *last
                )
            return found
        except ResponseError as problem:
            if no_group(problem) or "UNBLOCKED" in str(problem):
                raise StreamGoneError(str(problem)) from problem
            raise
        except BaseException:
            await self.close()
            raise

    async def _read_one(self, waiting: Redis, stream: str, count: int, block_ms: int) -> list[Read]:
        reply: Any = await waiting.execute_command(
            "XREADGROUP", "GROUP", keys.GROUP, self._consumer, "COUNT", count,
            "BLOCK", block_ms, "STREAMS", stream, ">",
        )  # fmt: skip
        return _reads(reply or ())

    async def _read_many(
        self, streams: Sequence[tuple[int, str]], rooms: Sequence[tuple[int, int]]
    ) -> tuple[list[Read], list[str], list[str]]:
        least = min(depth for depth, _ in rooms)
        wanted = sorted((each for each in streams if each[0] >= least), reverse=True)
        order = [key for _, key in wanted]
        args: list[Any] = [keys.GROUP, self._consumer, len(rooms)]
        for room in sorted(rooms, reverse=True):
            args += room
        args += [depth for depth, _ in wanted]
        reply: Any = await self._read_deepest(keys=order, args=args)
        return _reads(reply[0]), order, [entry.decode() for entry in reply[1]]

    async def _connection(self) -> Redis:
        if self._waiting is None:
            waiting = connect(self._url, single=True)
            try:
                self._waiting_id = await waiting.execute_command("CLIENT", "ID")
            except BaseException:
                await waiting.aclose()
                raise
            self._waiting = waiting
        return self._waiting

    async def interrupt(self) -> bool:
        """Make a read that waits return now; False when none waits at Redis."""
        if self._waiting is None:
            return False
        reply: Any = await self._redis.execute_command("CLIENT", "UNBLOCK", self._waiting_id)
        return bool(reply)

    async def close(self) -> None:
        """Give the connection up; the next read makes a new one."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            await waiting.aclose()


def _reads(reply: Any) -> list[Read]:
    first = Count(1, 0)
    return [
        Read(stream.decode(), entry.decode(), fields[1], first)
        for stream, entries in reply
        for entry, fields in entries
        if fields
    ]
