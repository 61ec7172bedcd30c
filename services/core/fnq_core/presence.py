"""What agents say of themselves: a hash that expires unless it is renewed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from fnq_core import keys
from fnq_core.connection import together

__all__ = ["POST_S", "TTL_S", "Presence", "PresenceBoard"]

#: Seconds that a presence outlives its last renewal.
TTL_S = 10
#: Seconds between two posts of a presence.
POST_S = 2.0

# Posts a presence, and names it in the sets that lead to it; members whose time has
# passed go. KEYS: presence, agents of the version, versions of the namespace.
#   ARGV: ttl, agent, version, then the fields
_POST = """
local now = redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
redis.call('HSET', KEYS[1], unpack(ARGV, 4))
redis.call('EXPIRE', KEYS[1], ARGV[1])
for i = 2, 3 do
  redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', now)
  redis.call('ZADD', KEYS[i], now + ARGV[1] * 1000, ARGV[i])
  redis.call('EXPIRE', KEYS[i], ARGV[1])
end
"""


@dataclass(slots=True)
class Presence:
    """An agent as it was at its last renewal.

    `state` is "starting", "ready" or "failed"; `reason` and `traceback` say why
    an import failed. `busy` counts invocations, `runner` is a process id or 0.
    """

    namespace: str
    function: str
    version: str
    agent: str
    replica: int
    pid: int
    runner: int = 0
    busy: int = 0
    state: str = "starting"
    reason: str = ""
    traceback: str = ""


class PresenceBoard:
    """The door to the presences of one Redis.

    A look costs one command and one more for each agent that is found: a sorted set
    for each version names its agents, one for each namespace the versions that have
    any. Both expire with the last agent in them.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._post = redis.register_script(_POST)

    async def post(self, presence: Presence) -> None:
        """Say how an agent is; holds for TTL_S."""
        namespace, version = presence.namespace, presence.version
        names = [
            keys.presence(namespace, version, presence.agent),
            keys.workers(namespace, version),
            keys.attended(namespace),
        ]
        args: list[Any] = [TTL_S, presence.agent, version]
        for name in Presence.__slots__:
            args += (name, getattr(presence, name))
        await self._post(keys=names, args=args)

    async def withdraw(self, presence: Presence) -> None:
        """Take the agent's presence away: it ends."""
        namespace, version = presence.namespace, presence.version
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.execute_command("DEL", keys.presence(namespace, version, presence.agent))
            pipe.execute_command("ZREM", keys.workers(namespace, version), presence.agent)
            await pipe.execute()

    async def missing(self, versions: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return those of the versions (namespace, id) that have no agent; one round trip.

        One that had some is not among them for up to TTL_S after their end.
        """
        counts = await together(self._redis, [("ZCARD", keys.workers(*each)) for each in versions])
        return [each for each, count in zip(versions, counts, strict=True) if not count]

    async def of(self, namespace: str, version: str = "") -> list[Presence]:
        """Return the presences of a version's agents, or of all of the namespace."""
        versions = [version]
        if not version:
            named: Any = await self._redis.execute_command(
                "ZRANGE", keys.attended(namespace), 0, -1
            )
            versions = [name.decode() for name in named]
        agents = await together(
            self._redis, [("ZRANGE", keys.workers(namespace, each), 0, -1) for each in versions]
        )
        posted = await together(
            self._redis,
            [
                ("HGETALL", keys.presence(namespace, each, name.decode()))
                for each, names in zip(versions, agents, strict=True)
                for name in names
            ],
        )
        # What expired a moment ago may still be named.
        found = [_presence(reply) for reply in posted if reply]
        return sorted(found, key=lambda each: (each.function, each.replica))


def _presence(reply: list[bytes]) -> Presence:
    texts = [text.decode() for text in reply]
    fields: dict[str, Any] = dict(zip(texts[::2], texts[1::2], strict=True))
    for name in ("replica", "pid", "runner", "busy"):
        fields[name] = int(fields[name])
    return Presence(**fields)
