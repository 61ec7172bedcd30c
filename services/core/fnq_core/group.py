"""Names in the consumer group of a call stream: a consumer has one while it reads there.

Redis makes a name at a consumer's first read and keeps it for ever. It may go when
nothing is pending under it, and only then: what is pending would go with it. One
that goes while its consumer lives comes back at its next read.
"""

from __future__ import annotations

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from fnq_core import keys
from fnq_core.lease import LEASE_S, no_group

__all__ = ["Group"]

# Deletes names under which nothing is pending. KEYS: stream.
#   ARGV: group, idle ms, then "all but" or "only", and a name
_FORGET = """
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local count = 0
for _, info in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local about = {}
  for i = 1, #info, 2 do about[info[i]] = info[i + 1] end
  local asked = (about.name == ARGV[4]) == (ARGV[3] == 'only')
  if asked and about.pending == 0 and about.idle >= tonumber(ARGV[2]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], about.name)
    count = count + 1
  end
end
return count
"""


class Group:
    """The door to the names in the groups of one Redis' call streams."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._forget = redis.register_script(_FORGET)

    async def forget_dead(self, stream: str, consumer: str) -> int:
        """Delete the names of others that were idle for a lease; return how many went."""
        return await self._run(stream, int(LEASE_S * 1000), "all but", consumer)

    async def leave(self, stream: str, consumer: str) -> None:
        """Delete the name of a consumer that reads there no more."""
        await self._run(stream, 0, "only", consumer)

    async def _run(self, stream: str, idle_ms: int, which: str, consumer: str) -> int:
        try:
            gone: int = await self._forget(
                keys=[stream], args=[keys.GROUP, idle_ms, which, consumer]
            )
        except ResponseError as problem:
            if not no_group(problem):
                raise
            return 0
        return gone
