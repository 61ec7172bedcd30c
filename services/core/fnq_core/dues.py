"""When the next attempts of calls are due, for calls whose last attempt failed.

Such an entry stays pending under its consumer's lease, and its counter holds the next
attempt already. The time at which that is due, in milliseconds on Redis' clock, lies in
a hash beside the call stream, so whoever takes the entry over waits for the rest. The
field goes when the attempt begins, or with the entry. A hash that is none keeps no
attempt from beginning, and no entry from being acknowledged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from fnq_core import keys
from fnq_core.connection import no_group

if TYPE_CHECKING:
    from fnq_core.lease import Count, Tenure

__all__ = ["Dues"]

#: Most entries that one script takes: others wait meanwhile.
_MOST = 500

#: What scripts begin with that need the time, in milliseconds.
_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""

# Records that an attempt failed: the counter of the next one, and when that is due.
#   KEYS: stream, dues. ARGV: group, consumer, entry, counter now, counter then, wait ms
# Returns what lies in the entry; nil when it is gone, or not his, or another run of it
# has begun. Where it was recorded before, the time stays.
_POSTPONE = (
    _NOW
    + """
local found = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1)
if #found == 0 or found[1][2] ~= ARGV[2] then return nil end
local counter = found[1][4]
if counter ~= tonumber(ARGV[4]) and counter ~= tonumber(ARGV[5]) then return nil end
local reply = redis.call(
  'XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'RETRYCOUNT', ARGV[5])
if not reply[1] then return nil end
if counter == tonumber(ARGV[4]) then
  redis.call('HSET', KEYS[2], ARGV[3], string.format('%.0f', now + ARGV[6]))
end
return reply[1][2][2]
"""
)

# Lets attempts begin. KEYS: stream, dues. ARGV: group, consumer, then pairs of entry and
# counter. Returns per pair 1, or 0 where the entry was withdrawn, is not his, or has
# another run; one that was withdrawn is not pending any more.
_BEGIN = """
local out = {}
for k = 3, #ARGV, 2 do
  local found = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[k], ARGV[k], 1)
  local begins = 0
  if #found > 0 and found[1][2] == ARGV[2] and found[1][4] == tonumber(ARGV[k + 1]) then
    redis.pcall('HDEL', KEYS[2], ARGV[k])
    if #redis.call('XRANGE', KEYS[1], ARGV[k], ARGV[k]) > 0 then
      begins = 1
    else
      redis.call('XACK', KEYS[1], ARGV[1], ARGV[k])
    end
  end
  out[#out + 1] = begins
end
return out
"""

# Says how long an entry has to wait. KEYS: dues. ARGV: entry. Returns milliseconds.
_LEFT = (
    _NOW
    + """
local due = tonumber(redis.pcall('HGET', KEYS[1], ARGV[1]) or 0)
return math.max(0, (due or 0) - now)
"""
)


class Dues:
    """The door to the times at which the next attempts are due."""

    def __init__(self, redis: Redis) -> None:
        self._postpone = redis.register_script(_POSTPONE)
        self._begin = redis.register_script(_BEGIN)
        self._left = redis.register_script(_LEFT)

    async def postpone(
        self, stream: str, entry: str, consumer: str, now: Count, then: Count, wait_ms: int
    ) -> bytes | None:
        """Record `then` for an entry that has `now`, as due in `wait_ms` milliseconds.

        Returns what lies in the entry; None when it is gone, or another consumer or
        another run has it. May be repeated.
        """
        args: list[Any] = [keys.GROUP, consumer, entry, now.counter, then.counter, wait_ms]
        try:
            found: bytes | None = await self._postpone(keys=[stream, keys.dues(stream)], args=args)
        except ResponseError as problem:
            if not no_group(problem):
                raise
            return None
        return found

    async def begin(self, stream: str, consumer: str, runs: Sequence[Tenure]) -> list[bool]:
        """Let attempts that are due begin; return for each whether it may.

        False: its entry was withdrawn or acknowledged, or is another consumer's.
        """
        found: list[bool] = []
        for start in range(0, len(runs), _MOST):
            found += await self._begin_some(stream, consumer, runs[start : start + _MOST])
        return found

    async def _begin_some(self, stream: str, consumer: str, runs: Sequence[Tenure]) -> list[bool]:
        args: list[Any] = [keys.GROUP, consumer]
        for entry, count in runs:
            args += (entry, count.counter)
        try:
            reply: Any = await self._begin(keys=[stream, keys.dues(stream)], args=args)
        except ResponseError as problem:
            if not no_group(problem):
                raise
            return [False] * len(runs)
        return [bool(begins) for begins in reply]

    async def wait_ms(self, stream: str, entry: str) -> int:
        """Return the milliseconds until the next attempt of an entry; 0: it is due."""
        left: int = await self._left(keys=[keys.dues(stream)], args=[entry])
        return left
