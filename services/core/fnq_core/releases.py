"""Releases: versions on their way from a deploy to being current, and back.

A version is recorded first, with its number, and is live from the moment on in which its
set becomes current, all of it in one step. What was live once may become current again at
any time: by a deploy of the same source, or a rollback.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from redis.asyncio import Redis

from fnq.v1 import spec_pb2
from fnq_core import keys
from fnq_core.connection import together
from fnq_core.registry import bundles_of
from fnq_wire.version import set_id

__all__ = ["Releases"]

# Records the versions of a set that are not there, none of them current.
#   KEYS: functions, namespaces, deleted, set, revision, then per version: its record, current,
#         numbers, sets, call stream, depths
#   ARGV: namespace, now, id of the set and as sets have it, what the keys of bundles and of
#         their users begin with, group, then per version: id, name, spec, bundles and spaces
#         between
# Returns the bundles that are not there: then nothing was recorded.
# One that was deleted and is not gone yet begins anew.
_RECORD = """
local missing = {}
for k = 8, #ARGV, 4 do
  for digest in string.gmatch(ARGV[k + 3], '%S+') do
    if redis.call('EXISTS', ARGV[5] .. digest) == 0 then missing[#missing + 1] = digest end
  end
end
if #missing > 0 then return missing end
for k = 8, #ARGV, 4 do
  local i, id, name, spec = (k - 8) / 4 * 6 + 6, ARGV[k], ARGV[k + 1], ARGV[k + 2]
  local record, current, numbers, sets = KEYS[i], KEYS[i + 1], KEYS[i + 2], KEYS[i + 3]
  local member = ARGV[1] .. ' ' .. id
  local found = redis.call('HMGET', record, 'number', 'deleted', 'live')
  if not found[1] or found[2] then
    local number = redis.call('HINCRBY', current, 'last', 1)
    redis.call('HDEL', record, 'deleted', 'live', 'failure')
    redis.call(
      'HSET', record, 'spec', spec, 'number', number, 'created_ms', ARGV[2], 'set', ARGV[3])
    redis.call('HSET', numbers, number, id)
    redis.call('SADD', KEYS[1], name)
    redis.call('SADD', KEYS[2], ARGV[1])
    redis.call('ZREM', KEYS[3], member)
  elseif not found[3] then
    redis.call('HSET', record, 'set', ARGV[3])
  end
  for digest in string.gmatch(ARGV[k + 3], '%S+') do
    redis.call('SADD', ARGV[6] .. digest, member)
    redis.call('PERSIST', ARGV[5] .. digest)
  end
  redis.call('HSET', KEYS[4], name, id)
  redis.call('SADD', sets, ARGV[4])
  if redis.call('EXISTS', KEYS[i + 4]) == 0 then
    redis.call('XGROUP', 'CREATE', KEYS[i + 4], ARGV[7], '0', 'MKSTREAM')
    redis.call('SADD', KEYS[i + 5], 0)
  end
end
redis.call('INCR', KEYS[5])
return missing
"""

# Makes all versions of a set current.
#   KEYS: set, revision, then per version: its record, current, sets
#   ARGV: now, id of the set and as sets have it, then per version: id, name
# Returns 0 where one of them is not recorded any more: then nothing has changed.
_GO_LIVE = """
for k = 4, #ARGV, 2 do
  local found = redis.call('HMGET', KEYS[(k - 4) / 2 * 3 + 3], 'number', 'deleted')
  if not found[1] or found[2] then return 0 end
end
for k = 4, #ARGV, 2 do
  local i, id, name = (k - 4) / 2 * 3 + 3, ARGV[k], ARGV[k + 1]
  redis.call('HSETNX', KEYS[i], 'live', ARGV[1])
  redis.call('HDEL', KEYS[i], 'failure')
  redis.call('HSET', KEYS[i], 'set', ARGV[2])
  redis.call('HSET', KEYS[i + 1], 'current', id)
  redis.call('HSET', KEYS[1], name, id)
  redis.call('SADD', KEYS[i + 2], ARGV[3])
end
redis.call('INCR', KEYS[2])
return 1
"""

# Makes a version current that was live before. KEYS: record, current, revision. ARGV: id.
_ROLL_BACK = """
local found = redis.call('HMGET', KEYS[1], 'live', 'deleted')
if not found[1] or found[2] then return 0 end
redis.call('HSET', KEYS[2], 'current', ARGV[1])
redis.call('INCR', KEYS[3])
return 1
"""

# Notes why a version could not go live, unless it did. KEYS: record. ARGV: failure.
_FAIL = """
local found = redis.call('HMGET', KEYS[1], 'number', 'live')
if found[1] and not found[2] then redis.call('HSET', KEYS[1], 'failure', ARGV[1]) end
"""


class Releases:
    """The door through which versions are recorded and become current."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._record = redis.register_script(_RECORD)
        self._go_live = redis.register_script(_GO_LIVE)
        self._roll_back = redis.register_script(_ROLL_BACK)
        self._fail = redis.register_script(_FAIL)

    async def record(
        self, namespace: str, specs: Mapping[str, spec_pb2.FunctionSpec], now_ms: int
    ) -> list[str]:
        """Store the versions of a set, specs by id, where they are not; none becomes current.

        Each has its stream of calls from now on: a consumer waits there for the first.

        Return the bundles that are missing: nothing is stored then. Otherwise bundles stay
        from now on. May be repeated.
        """
        members = set_id({spec.name: identity for identity, spec in specs.items()})
        names = [
            keys.functions(namespace), keys.NAMESPACES, keys.DELETED,
            keys.mates(namespace, members), keys.REVISION,
        ]  # fmt: skip
        args: list[Any] = [namespace, now_ms, members, f"{members:016x}"]
        args += (keys.bundle(""), keys.bundle_users(""), keys.GROUP)
        for identity, spec in specs.items():
            names += (
                keys.version(namespace, identity),
                keys.current(namespace, spec.name),
                keys.numbers(namespace, spec.name),
                keys.sets(namespace, identity),
                keys.call_stream(namespace, identity, 0),
                keys.depths(namespace, identity),
            )
            body = spec.SerializeToString(deterministic=True)
            args += (identity, spec.name, body, " ".join(bundles_of(spec)))
        missing: list[bytes] = await self._record(keys=names, args=args)
        return list(dict.fromkeys(digest.decode() for digest in missing))

    async def go_live(self, namespace: str, members: Mapping[str, str], now_ms: int) -> int:
        """Make versions, ids by name, current in one step, as one set; return its id.

        Nested calls resolve in the set that their call was made in. 0 where a version is
        not recorded, or is deleted: nothing has changed then. May be repeated.
        """
        identity = set_id(members)
        names = [keys.mates(namespace, identity), keys.REVISION]
        args: list[Any] = [now_ms, identity, f"{identity:016x}"]
        for name, version in members.items():
            names += (
                keys.version(namespace, version),
                keys.current(namespace, name),
                keys.sets(namespace, version),
            )
            args += (version, name)
        went: int = await self._go_live(keys=names, args=args)
        return identity if went else 0

    async def roll_back(self, namespace: str, name: str, version: str) -> bool:
        """Make a version current that was live before; return whether it was."""
        names = [keys.version(namespace, version), keys.current(namespace, name), keys.REVISION]
        return bool(await self._roll_back(keys=names, args=[version]))

    async def fail(self, namespace: str, version: str, failure: str) -> None:
        """Note in one sentence why a version could not go live, unless it has by now."""
        await self._fail(keys=[keys.version(namespace, version)], args=[failure])

    async def current(self, namespace: str, names: Sequence[str]) -> list[str]:
        """Return the id of each function's current version; "" where it has none."""
        found = await together(
            self._redis, [("HGET", keys.current(namespace, name), "current") for name in names]
        )
        return [identity.decode() if identity else "" for identity in found]
