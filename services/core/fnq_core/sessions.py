"""Records of sessions: who may go on with which calls, and which server may accept them.

A record is a hash: generation, secret, mark, and "lapsed" where the client's calls
were cancelled in its absence. Appending calls moves the mark (see `calls`).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Any, NamedTuple

from redis.asyncio import Redis

from fnq_core import keys
from fnq_core.calls import SESSION_TTL_S
from fnq_core.connection import together
from fnq_wire.callid import SESSION_LIMIT

__all__ = ["Granted", "SessionRecords", "TakenOver"]

# Notes that a session has lapsed. KEYS: session. ARGV: generation, ttl. Returns 0 where
# it is of another generation. It begins with a write that needs no memory: a full Redis
# lets the other pass then, since what lapses makes room.
_LAPSE = """
if redis.call('EXPIRE', KEYS[1], ARGV[2]) == 0 then return 1 end
if redis.call('HGET', KEYS[1], 'gen') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'lapsed', 1)
return 1
"""


class Granted(NamedTuple):
    """A new session: its tag, and the secret that entitles to it."""

    tag: int
    secret: bytes


class TakenOver(NamedTuple):
    """A session as it was found; `lapsed`: its calls were cancelled meanwhile."""

    generation: int
    mark: int
    lapsed: bool


class SessionRecords:
    """The door to the sessions of one Redis; a record expires SESSION_TTL_S after its last use."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._lapse = redis.register_script(_LAPSE)

    async def grant(self) -> Granted:
        """Make a session of generation 1 with nothing accepted."""
        count: Any = await self._redis.execute_command("INCR", keys.SESSIONS)
        granted = Granted(count % SESSION_LIMIT, secrets.token_bytes(16))
        key = keys.session(granted.tag)
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.execute_command("HSET", key, "gen", 1, "mark", 0, "secret", granted.secret)
            pipe.execute_command("EXPIRE", key, SESSION_TTL_S)
            await pipe.execute()
        return granted

    async def granted(self) -> int:
        """Return how many sessions were granted so far."""
        count: Any = await self._redis.execute_command("GET", keys.SESSIONS)
        return int(count or 0)

    async def take_over(self, tag: int, secret: bytes) -> TakenOver | None:
        """Raise the generation: from now on the server that had the session is fenced.

        None when there is no such session, or the secret is another one. Repeating
        it raises the generation again, which does no harm.
        """
        key = keys.session(tag)
        known: Any = await self._redis.execute_command("HGET", key, "secret")
        if known is None or not secrets.compare_digest(known, secret):
            return None
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.execute_command("HINCRBY", key, "gen", 1)
            pipe.execute_command("HMGET", key, "mark", "lapsed")
            pipe.execute_command("HDEL", key, "lapsed")
            pipe.execute_command("EXPIRE", key, SESSION_TTL_S)
            generation, (mark, lapsed), _, _ = await pipe.execute()
        return TakenOver(generation, int(mark or 0), lapsed is not None)

    async def mark(self, tag: int, generation: int) -> int | None:
        """Return up to where submissions are accepted; None when the session moved away."""
        found: Any = await self._redis.execute_command("HMGET", keys.session(tag), "gen", "mark")
        return int(found[1]) if int(found[0] or 0) == generation else None

    async def lapse(self, tag: int, generation: int) -> bool:
        """Note that the session's calls are cancelled while its client is away.

        False, and nothing is noted, when it has moved to another server; a record that
        is gone is not made again. May be repeated.
        """
        noted: int = await self._lapse(keys=[keys.session(tag)], args=[generation, SESSION_TTL_S])
        return bool(noted)

    async def renew(self, tags: Iterable[int]) -> None:
        """Keep the records of open sessions from expiring."""
        await together(self._redis, [("EXPIRE", keys.session(tag), SESSION_TTL_S) for tag in tags])

    async def delete(self, tag: int) -> None:
        """Delete the record of a client that said goodbye."""
        await self._redis.execute_command("DEL", keys.session(tag))
