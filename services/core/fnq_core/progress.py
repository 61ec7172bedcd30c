"""How far long packed calls have come: rows whose outcomes lie in an inbox.

Kept beside their call stream for whoever begins another run of the entry. Only the run
that has the lease moves it: what a late twin of a run says in vain may not be counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from fnq_core import keys
from fnq_core.lease import Tenure, no_group

__all__ = ["Progress"]

#: Seconds that a note outlives the last one of its stream, where nobody drops it.
_TTL_S = 86_400

# Notes rows of an entry that a consumer holds, where its run is the current one.
# KEYS: stream, hash. ARGV: group, consumer, entry, counter, rows, ttl.
_NOTE = """
local found = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1)
if #found == 0 or found[1][2] ~= ARGV[2] or found[1][4] ~= tonumber(ARGV[4]) then return 0 end
redis.call('HSET', KEYS[2], ARGV[3], ARGV[5])
redis.call('EXPIRE', KEYS[2], ARGV[6])
return 1
"""


class Progress:
    """The door to what is noted of packed calls, in a hash for each call stream."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._note = redis.register_script(_NOTE)

    async def note(self, stream: str, notes: str, consumer: str, run: Tenure, rows: int) -> bool:
        """Note that rows below `rows` are done; False where the run is not the current one."""
        entry, count = run
        args: list[Any] = [keys.GROUP, consumer, entry, count.counter, rows, _TTL_S]
        try:
            noted: int = await self._note(keys=[stream, notes], args=args)
        except ResponseError as problem:
            if not no_group(problem):
                raise
            return False
        return bool(noted)

    async def rows(self, notes: str, entry: str) -> int:
        """Return the rows of an entry that are done; 0 where nothing is noted."""
        found = await self._redis.execute_command("HGET", notes, entry)
        return int(found or 0)

    async def drop(self, notes: str, entries: Sequence[str]) -> None:
        """Delete what is noted of entries that have ended."""
        await self._redis.execute_command("HDEL", notes, *entries)
