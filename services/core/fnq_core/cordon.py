"""Cordons: which replicas of a version take no more calls, since they are to end.

Agents hear of it when they post their presence (see `presence`), at no further cost.
"""

from __future__ import annotations

from collections.abc import Sequence

from redis.asyncio import Redis

from fnq_core import keys
from fnq_core.connection import together

__all__ = ["CORDON_RENEW_S", "Cordons"]

#: Milliseconds that a cordon outlives its last renewal: without a leader nothing is cordoned.
_TTL_MS = 6_000
#: Seconds between two renewals.
CORDON_RENEW_S = 1.5

# Lifts a cordon that leaves no replica. KEYS: cordon.
_OPEN = """
if redis.call('GET', KEYS[1]) == '0' then redis.call('DEL', KEYS[1]) end
"""


class Cordons:
    """The door to the cordons of one Redis."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._open = redis.register_script(_OPEN)

    async def draw(self, namespace: str, version: str, first: int) -> None:
        """Have the replicas from index `first` on take no more calls, until it lapses."""
        key = keys.cordon(namespace, version)
        await self._redis.execute_command("SET", key, first, "PX", _TTL_MS)

    async def lift(self, namespace: str, version: str) -> None:
        """Have all replicas take calls."""
        await self._redis.execute_command("DEL", keys.cordon(namespace, version))

    async def open(self, namespace: str, version: str) -> None:
        """Have all replicas take calls, where none does; another cordon stays."""
        await self._open(keys=[keys.cordon(namespace, version)])

    async def of(self, versions: Sequence[tuple[str, str]]) -> list[int | None]:
        """Return the first index for each (namespace, version); None: all take calls."""
        found = await together(self._redis, [("GET", keys.cordon(*each)) for each in versions])
        return [None if first is None else int(first) for first in found]
