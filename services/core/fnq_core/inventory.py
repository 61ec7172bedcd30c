"""What lies in call streams, entry by entry, for people who look at calls."""

from __future__ import annotations

from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from fnq_core import keys
from fnq_core.connection import UNREACHABLE, together
from fnq_core.lease import Count, no_group

__all__ = ["Inventory", "Item"]

#: Entries looked at by one command; each may hold what travels inline.
_PAGE = 50
#: Entries that one script looks at: it holds up all others meanwhile.
_MOST_SEARCHED = 5_000
#: Bytes at the head of an entry among which its call's id is.
_HEAD = 32
#: Entries ahead of one that are counted.
MOST_AHEAD = 1_000

# Finds the entry of a call. KEYS: stream. ARGV: first id, bytes that name the call,
# bytes that they are among, entries looked at, and at once.
# Returns the entry or "", and where to go on or "".
_FIND = """
local first = ARGV[1]
for _ = 1, ARGV[4] / ARGV[5] do
  local page = redis.call('XRANGE', KEYS[1], first, '+', 'COUNT', ARGV[5])
  for _, item in ipairs(page) do
    if string.find(string.sub(item[2][2], 1, ARGV[3]), ARGV[2], 1, true) then
      return {item[1], ''}
    end
  end
  if #page < tonumber(ARGV[5]) then return {'', ''} end
  first = '(' .. page[#page][1]
end
return {'', first}
"""

# Counts the entries before one that nobody has read. KEYS: stream.
#   ARGV: group, entry, most, entries looked at at once
_AHEAD = """
local last = '0-0'
for _, info in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local about = {}
  for i = 1, #info, 2 do about[info[i]] = info[i + 1] end
  if about.name == ARGV[1] then last = about['last-delivered-id'] end
end
local count, first = 0, '(' .. last
while count < tonumber(ARGV[3]) do
  local page = redis.call('XRANGE', KEYS[1], first, '(' .. ARGV[2], 'COUNT', ARGV[4])
  count = count + #page
  if #page < tonumber(ARGV[4]) then break end
  first = '(' .. page[#page][1]
end
return count
"""


class Item(NamedTuple):
    """An entry, and who holds it: `consumer` is "" and `tally` None while it waits unread.

    `wait_s`: seconds until its next attempt is due, where one failed and none has begun since.
    """

    stream: str
    entry: str
    body: bytes
    consumer: str
    tally: Count | None
    wait_s: float | None = None


class Inventory:
    """The door to single entries of the call streams of one Redis; nothing is changed."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._find = redis.register_script(_FIND)
        self._ahead = redis.register_script(_AHEAD)

    async def page(
        self, stream: str, first: str = "-", last: str = "+", count: int = _PAGE
    ) -> tuple[list[Item], str]:
        """Return entries in their order, and where the next page begins; "": nowhere."""
        found: Any = await self._redis.execute_command(
            "XRANGE", stream, first, last, "COUNT", min(count, _PAGE)
        )
        if not found:
            return [], ""
        ids = [entry.decode() for entry, _ in found]
        held = await self._held(stream, ids)
        waits = await self._waits(stream, [each for each in held if held[each][1].attempt])
        items = []
        for entry, (_, fields) in zip(ids, found, strict=True):
            consumer, counted = held.get(entry, ("", None))
            items.append(Item(stream, entry, fields[1], consumer, counted, waits.get(entry)))
        return items, f"({ids[-1]}" if len(ids) == min(count, _PAGE) else ""

    async def _held(self, stream: str, ids: list[str]) -> dict[str, tuple[str, Count]]:
        """Return consumer and count of those of the entries that were read."""
        [pending] = await together(
            self._redis,
            [("XPENDING", stream, keys.GROUP, ids[0], ids[-1], len(ids))],
            errors=True,
        )
        if isinstance(pending, ResponseError) and no_group(pending):
            pending = []
        if isinstance(pending, Exception):
            raise pending
        return {
            entry.decode(): (consumer.decode(), Count.of(counter))
            for entry, consumer, _, counter in pending
        }

    async def _waits(self, stream: str, entries: list[str]) -> dict[str, float]:
        """Return the seconds until the next attempts of those that wait for one."""
        if not entries:
            return {}
        dues: Any = await self._redis.execute_command("HMGET", keys.dues(stream), *entries)
        now_ms = await self.now_ms()
        return {
            entry: max(0.0, (int(due) - now_ms) / 1000)
            for entry, due in zip(entries, dues, strict=True)
            if due is not None
        }

    async def find(self, stream: str, call: bytes, since_ms: int) -> Item | None:
        """Return the entry of a call that was appended at `since_ms` on Redis' clock or later."""
        first = str(max(0, since_ms))
        while first:
            reply: Any = await self._find(
                keys=[stream], args=[first, call, _HEAD, _MOST_SEARCHED, _PAGE]
            )
            entry, first = (part.decode() for part in reply)
            if entry:
                items, _ = await self.page(stream, entry, entry, 1)
                return items[0] if items else None
        return None

    async def ahead(self, stream: str, entry: str) -> int:
        """Return how many unread entries are before this one, MOST_AHEAD at most."""
        try:
            count: int = await self._ahead(
                keys=[stream], args=[keys.GROUP, entry, MOST_AHEAD, _PAGE]
            )
        except ResponseError as problem:
            if isinstance(problem, UNREACHABLE):
                raise
            return 0  # The stream is gone, and all that was ahead with it.
        return min(count, MOST_AHEAD)

    async def oldest_ms(self, stream: str) -> int:
        """Return when the oldest entry was appended, on Redis' clock; 0 where there is none."""
        found: Any = await self._redis.execute_command("XRANGE", stream, "-", "+", "COUNT", 1)
        return int(found[0][0].partition(b"-")[0]) if found else 0

    async def now_ms(self) -> int:
        """Return Redis' clock."""
        seconds, micros = await self._redis.execute_command("TIME")
        return int(seconds) * 1000 + int(micros) // 1000
