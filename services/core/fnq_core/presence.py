"""What agents say of themselves: a hash that expires unless it is renewed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from fnq_core import keys

__all__ = ["TTL_S", "Presence", "PresenceBoard"]

#: Seconds that a presence outlives its last renewal.
TTL_S = 10


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
    """The door to the presences of one Redis."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def post(self, presence: Presence) -> None:
        """Say how an agent is; holds for TTL_S."""
        key = keys.presence(presence.namespace, presence.version, presence.agent)
        fields: list[Any] = []
        for name in Presence.__slots__:
            fields += (name, getattr(presence, name))
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.execute_command("HSET", key, *fields)
            pipe.execute_command("EXPIRE", key, TTL_S)
            await pipe.execute()

    async def withdraw(self, presence: Presence) -> None:
        """Take the agent's presence away: it ends."""
        key = keys.presence(presence.namespace, presence.version, presence.agent)
        await self._redis.execute_command("DEL", key)

    async def of(self, namespace: str, version: str = "*") -> list[Presence]:
        """Return the presences of a version's agents, or of all of the namespace."""
        pattern = keys.presence_pattern(namespace, version)
        found: list[Presence] = []
        cursor: Any = 0
        while True:
            cursor, names = await self._redis.execute_command(
                "SCAN", cursor, "MATCH", pattern, "COUNT", 1000
            )
            for name in names:
                reply: Any = await self._redis.execute_command("HGETALL", name)
                if reply:
                    found.append(_presence(reply))
            if int(cursor) == 0:
                return sorted(found, key=lambda each: (each.function, each.replica))


def _presence(reply: list[bytes]) -> Presence:
    texts = [text.decode() for text in reply]
    fields: dict[str, Any] = dict(zip(texts[::2], texts[1::2], strict=True))
    for name in ("replica", "pid", "runner", "busy"):
        fields[name] = int(fields[name])
    return Presence(**fields)
