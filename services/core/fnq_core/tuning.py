"""How a Redis is set, as far as it tells."""

from __future__ import annotations

from typing import NamedTuple

from redis.asyncio import Redis
from redis.exceptions import RedisError

from fnq_core import info
from fnq_core.connection import UNREACHABLE, together

__all__ = ["Tuning", "tuning"]


class Tuning(NamedTuple):
    """Settings by the names that Redis gives them; `appendfsync` is "" where it is not told.

    `maxmemory` is in bytes, 0 for no bound, as `used`, which its data take.
    """

    version: str
    appendonly: bool
    appendfsync: str
    policy: str
    maxmemory: int
    used: int


async def tuning(client: Redis) -> Tuning:
    """Return how the Redis of a client is set. Raises what is raised while it is away."""
    fields = info.fields(await client.execute_command("INFO"))
    return Tuning(
        version=info.release(fields),
        appendonly=fields["aof_enabled"] == "1",
        appendfsync=await _setting(client, "appendfsync"),
        policy=fields["maxmemory_policy"],
        maxmemory=int(fields["maxmemory"]),
        used=int(fields["used_memory"]),
    )


async def _setting(client: Redis, name: str) -> str:
    """Return a setting; "" where it may not be asked for, as with many that are rented."""
    [reply] = await together(client, [("CONFIG", "GET", name)], errors=True)
    if isinstance(reply, UNREACHABLE):
        raise reply
    if isinstance(reply, RedisError) or not reply:
        return ""
    text: str = reply[1].decode()
    return text
