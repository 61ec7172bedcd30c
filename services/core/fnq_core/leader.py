"""Which server does what only one may do at a time: a lease in Redis."""

from __future__ import annotations

import asyncio

from redis.asyncio import Redis

from fnq_core import keys

__all__ = ["LEADER_TTL_S", "Leadership"]

#: Seconds after the last renewal at which another server may lead.
LEADER_TTL_S = 3.0
#: Seconds between two renewals, and between two tries of those who do not lead.
_RENEW_S = 1.0

# Takes or renews the lease, unless another one has it. KEYS: leader. ARGV: name, ms.
_HOLD = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
# Gives the lease back. KEYS: leader. ARGV: name.
_LEAVE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
"""


class Leadership:
    """One server's standing: `name` is its own, and no other's."""

    def __init__(self, redis: Redis, name: str) -> None:
        self._name = name
        self._hold = redis.register_script(_HOLD)
        self._leave = redis.register_script(_LEAVE)
        self._held = False
        self._asked_at = float("-inf")

    async def leads(self) -> bool:
        """Return whether this server leads now; costs a command once a second.

        Raises one of UNREACHABLE while that cannot be known. One that was held up for
        longer than the lease asks first.
        """
        now = asyncio.get_running_loop().time()
        if now - self._asked_at >= _RENEW_S:
            self._held = False
            held = await self._hold(keys=[keys.LEADER], args=[self._name, int(LEADER_TTL_S * 1000)])
            # As of when it was asked: the lease may have begun then.
            self._held, self._asked_at = bool(held), now
        return self._held

    async def leave(self) -> None:
        """Let another server lead at once."""
        self._held = False
        await self._leave(keys=[keys.LEADER], args=[self._name])
