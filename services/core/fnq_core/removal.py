"""The end of functions: a version that is deleted goes once nothing of it runs or waits.

Until then its record stays, marked, for the workers that finish its calls; it is found by
no name, and takes no calls. Bundles go with the last version that refers to them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from redis.asyncio import Redis

from fnq_core import keys
from fnq_core.registry import Version, bundles_of

__all__ = ["Deleted", "Removal"]

# Deletes a function. KEYS: functions, namespaces, deleted, current, numbers, secrets of
#   its own, scalings, revision. ARGV: name, namespace, what the keys of versions begin with
# Returns the ids of its versions. It begins with a write that needs no memory: a full Redis
# lets the rest pass then, which makes room.
_DELETE = """
redis.call('SREM', KEYS[1], ARGV[1])
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local found = redis.call('HVALS', KEYS[5])
for _, id in ipairs(found) do
  redis.call('HSET', ARGV[3] .. id, 'deleted', 1)
  redis.call('ZADD', KEYS[3], now, ARGV[2] .. ' ' .. id)
end
redis.call('DEL', KEYS[4], KEYS[5], KEYS[6])
redis.call('HDEL', KEYS[7], ARGV[1])
redis.call('SREM', KEYS[1], ARGV[1])
if redis.call('SCARD', KEYS[1]) == 0 then redis.call('SREM', KEYS[2], ARGV[2]) end
redis.call('INCR', KEYS[8])
return found
"""

# Lets all go that there is of a deleted version without calls.
#   KEYS: deleted, record, depths, sets, functions, logs, workers, attended
#   ARGV: member of deleted, id, name, group, what the keys begin with of: call streams,
#         progress, dues, sets, bundles, users of bundles; then bundles
# Returns 0 where it is not deleted any more, or has calls.
_PURGE = """
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
local depths = redis.call('SMEMBERS', KEYS[3])
for _, depth in ipairs(depths) do
  if redis.call('XLEN', ARGV[5] .. depth) > 0 then return 0 end
  local pending = redis.pcall('XPENDING', ARGV[5] .. depth, ARGV[4])
  if pending[1] and tonumber(pending[1]) > 0 then return 0 end
end
for _, depth in ipairs(depths) do
  redis.call('DEL', ARGV[5] .. depth, ARGV[6] .. depth, ARGV[7] .. depth)
end
for _, members in ipairs(redis.call('SMEMBERS', KEYS[4])) do
  redis.call('HDEL', ARGV[8] .. members, ARGV[3])
end
for k = 11, #ARGV do
  local users = ARGV[10] .. ARGV[k]
  redis.call('SREM', users, ARGV[1])
  if redis.call('EXISTS', users) == 0 then redis.call('DEL', ARGV[9] .. ARGV[k]) end
end
redis.call('DEL', KEYS[2], KEYS[3], KEYS[4], KEYS[7])
redis.call('ZREM', KEYS[8], ARGV[2])
redis.call('ZREM', KEYS[1], ARGV[1])
if redis.call('SISMEMBER', KEYS[5], ARGV[3]) == 0 then redis.call('DEL', KEYS[6]) end
return 1
"""


class Deleted(NamedTuple):
    """A version that is deleted and not gone yet, since so many seconds."""

    namespace: str
    version: str
    age_s: float


class Removal:
    """The door through which functions leave one Redis."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._delete = redis.register_script(_DELETE)
        self._purge = redis.register_script(_PURGE)

    async def delete(self, namespace: str, name: str) -> list[str]:
        """Delete a function; return the ids of its versions, none where it is not there.

        From now on nobody finds them by its name. May be repeated.
        """
        names = [
            keys.functions(namespace),
            keys.NAMESPACES,
            keys.DELETED,
            keys.current(namespace, name),
            keys.numbers(namespace, name),
            keys.local_secrets(namespace, name),
            keys.scalings(namespace),
            keys.REVISION,
        ]
        found: list[bytes] = await self._delete(
            keys=names, args=[name, namespace, keys.version(namespace, "")]
        )
        return [identity.decode() for identity in found]

    async def deleted(self) -> list[Deleted]:
        """Return the versions, of all namespaces, that are deleted and not gone yet."""
        found: Any = await self._redis.execute_command("ZRANGE", keys.DELETED, 0, -1, "WITHSCORES")
        if not found:
            return []
        seconds, micros = await self._redis.execute_command("TIME")
        now_s = int(seconds) + int(micros) / 1e6
        named = [
            (*member.decode().rsplit(" ", 1), now_s - float(since) / 1000)
            for member, since in zip(found[::2], found[1::2], strict=True)
        ]
        return [Deleted(*each) for each in named]

    async def forget(self, namespace: str, version: str) -> None:
        """Look no more after a deleted version whose record is gone, or cannot be read."""
        await self._redis.execute_command("ZREM", keys.DELETED, _member(namespace, version))

    async def purge(self, namespace: str, version: Version) -> bool:
        """Let everything of a deleted version go; False where it has calls, or is back.

        Safe beside others who do the same.
        """
        name, identity = version.spec.name, version.id
        stream = keys.call_stream(namespace, identity, 0).removesuffix("0")
        names = [
            keys.DELETED,
            keys.version(namespace, identity),
            keys.depths(namespace, identity),
            keys.sets(namespace, identity),
            keys.functions(namespace),
            keys.logs(namespace, name),
            keys.workers(namespace, identity),
            keys.attended(namespace),
        ]
        args: list[Any] = [_member(namespace, identity), identity, name, keys.GROUP, stream]
        args += (
            keys.progress(namespace, identity, 0).removesuffix("0"),
            keys.dues(f"{stream}0").removesuffix("0"),
            keys.mates(namespace, 0).removesuffix(f"{0:016x}"),
            keys.bundle(""),
            keys.bundle_users(""),
            *bundles_of(version.spec),
        )
        return bool(await self._purge(keys=names, args=args))


def _member(namespace: str, version: str) -> str:
    return f"{namespace} {version}"
