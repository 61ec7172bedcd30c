"""Limits: the policies of a namespace, and what holds and waits for their permits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from fnq.v1 import record_pb2
from fnq_core import keys
from fnq_core.connection import together
from fnq_core.permits import WAITER_BYTES, call_of_waiter
from fnq_wire.policy import Policy

__all__ = ["Limit", "LimitBook"]

# Sets a policy, or deletes it, and has the consumers with calls that wait look again.
# KEYS: policies, consumers. ARGV: limit, policy ("": none), what a control stream's key
# begins with, the order. Returns whether there was a policy.
_SET = """
local before = redis.call('HEXISTS', KEYS[1], ARGV[1])
if ARGV[2] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
end
for _, consumer in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  redis.call('XADD', ARGV[3] .. consumer, 'NOMKSTREAM', '*', 'e', ARGV[4])
end
return before
"""

# Says what is at a limit. KEYS: permits, queue, consumers. ARGV: length of a waiter
# without its consumer. Returns how many permits are held, and the waiters in order.
_LOOK = """
local time = redis.call('TIME')
local now_ms = math.floor(time[1] * 1000 + time[2] / 1000)
local waiting, alive = {}, {}
for _, waiter in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  local consumer = string.sub(waiter, ARGV[1] + 1)
  if alive[consumer] == nil then
    alive[consumer] = tonumber(redis.call('ZSCORE', KEYS[3], consumer) or 0) > now_ms
  end
  if alive[consumer] then waiting[#waiting + 1] = waiter end
end
return {redis.call('ZCOUNT', KEYS[1], '(' .. now_ms, '+inf'), waiting}
"""


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit as it is now: `policy` None where none is set, calls in their order."""

    name: str
    policy: Policy | None
    held: int
    waiting: Sequence[bytes]


class LimitBook:
    """The door to the limits of one Redis."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._set = redis.register_script(_SET)
        self._look = redis.register_script(_LOOK)

    async def set(self, namespace: str, limit: str, policy: Policy) -> None:
        """Set the policy of a limit; calls that wait are decided on anew at once."""
        await self._change(namespace, limit, _words(policy))

    async def delete(self, namespace: str, limit: str) -> bool:
        """Delete the policy of a limit, so that nothing is limited; return whether it was set."""
        return await self._change(namespace, limit, "")

    async def _change(self, namespace: str, limit: str, words: str) -> bool:
        names = [keys.limits(namespace), keys.permit_consumers(namespace, limit)]
        order = record_pb2.Order(limit_namespace=namespace, limit=limit)
        args: list[Any] = [limit, words, keys.control(""), order.SerializeToString()]
        return bool(await self._set(keys=names, args=args))

    async def policies(self, namespace: str) -> dict[str, Policy]:
        """Return the policies of a namespace by the name of their limit, sorted."""
        reply: Any = await self._redis.execute_command("HGETALL", keys.limits(namespace))
        found = zip(reply[::2], reply[1::2], strict=True)
        return {name.decode(): _policy(words) for name, words in sorted(found)}

    async def missing(self, namespace: str, limits: Sequence[str]) -> list[str]:
        """Return those of the limits that have no policy, in order, each once."""
        asked = list(dict.fromkeys(limits))
        if not asked:
            return []
        found = await together(self._redis, [("HMGET", keys.limits(namespace), *asked)])
        return [name for name, words in zip(asked, found[0], strict=True) if words is None]

    async def look(self, namespace: str, limit: str) -> Limit:
        """Return what is at a limit now: its policy, what is held and what waits."""
        words: Any = await self._redis.execute_command("HGET", keys.limits(namespace), limit)
        names = [
            keys.permits(namespace, limit),
            keys.permit_queue(namespace, limit),
            keys.permit_consumers(namespace, limit),
        ]
        held, waiters = await self._look(keys=names, args=[WAITER_BYTES])
        calls = [call_of_waiter(each) for each in waiters]
        return Limit(limit, _policy(words) if words else None, held, calls)


def _words(policy: Policy) -> str:
    """Return a policy as it is stored; the scripts read the first three words."""
    return (
        f"{policy.max_concurrency} {policy.interval_us!r} {policy.burst} "
        f"{policy.rate!r} {policy.per_s}"
    )


def _policy(words: bytes) -> Policy:
    cap, _, burst, rate, per_s = words.decode().split()
    return Policy(int(cap), float(rate), int(per_s), int(burst))
