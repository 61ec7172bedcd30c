"""Leases: which run of a call is the current one, and until when.

The lease of an entry is its idle time in the pending list of its stream's group. Who
runs it renews it (`renew`), and what was not renewed for `LEASE_S` may be claimed by
any consumer (`claim_idle`), which begins another run. The pending list's delivery
counter keeps epoch, deaths and attempt of an entry (see `Count`), so they outlive every
process; it rises with each run. So the counter tells whose an entry is: whoever was
away, and finds another one, touches nothing.

A stream or group that is gone has nothing pending, here and everywhere.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import ResponseError

from fnq_core import keys
from fnq_core.connection import no_group, together
from fnq_core.dues import Dues

__all__ = [
    "LEASE_S",
    "LEASE_RENEW_ALONE_S",
    "LEASE_RENEW_S",
    "MOST_EPOCH",
    "Count",
    "Leases",
    "Read",
    "Tenure",
    "no_group",
]

#: Seconds without renewal after which an entry may be claimed by another consumer.
LEASE_S = 8.0
#: Seconds between two renewals; three may be missed.
LEASE_RENEW_S = 2.0
#: The same for an agent whose consumer cannot be reached: it must not pass for dead.
LEASE_RENEW_ALONE_S = 0.15

# Sets the idle time of entries whose counter is as expected, and makes a consumer their
# owner. KEYS: stream. ARGV: group, consumer, idle ms, then pairs of entry and counter.
# Returns per pair 1, or 0 where nothing is pending or another run has begun.
_RENEW = """
local out = {}
for k = 4, #ARGV, 2 do
  local found = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[k], ARGV[k], 1)
  local ours = 0
  if #found > 0 and found[1][4] == tonumber(ARGV[k + 1]) then
    ours = #redis.call(
      'XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[k], 'IDLE', ARGV[3], 'JUSTID')
  end
  out[#out + 1] = ours
end
return out
"""

# Sets the counter of an entry that a consumer holds. KEYS: stream. ARGV: group,
# consumer, entry, counter now, counter then. Returns what lies in it; nil when it is
# gone, or not his, or another run of it has begun. It may have been set already.
_RECOUNT = """
local found = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1)
if #found == 0 or found[1][2] ~= ARGV[2] then return nil end
local counter = found[1][4]
if counter ~= tonumber(ARGV[4]) and counter ~= tonumber(ARGV[5]) then return nil end
local reply = redis.call(
  'XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'RETRYCOUNT', ARGV[5])
return reply[1] and reply[1][2][2]
"""

# Lets entries go whose counter is as expected: out of the pending list and out of the
# stream, both or neither. KEYS: stream, when its attempts are due. ARGV: group, then pairs
# of entry and counter; above 2^28 it holds attempts (see `Count`).
# What Redis does not know to be pending any more goes as well: it has ended.
_ACKNOWLEDGE = """
local gone = {}
for k = 2, #ARGV, 2 do
  local found = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[k], ARGV[k], 1)
  if #found == 0 or found[1][4] == tonumber(ARGV[k + 1]) then
    gone[#gone + 1] = ARGV[k]
    if tonumber(ARGV[k + 1]) >= 268435456 then redis.pcall('HDEL', KEYS[2], ARGV[k]) end
  end
end
if #gone > 0 then
  redis.call('XACK', KEYS[1], ARGV[1], unpack(gone))
  redis.call('XDEL', KEYS[1], unpack(gone))
end
return {}
"""
#: The highest epoch that a count can hold.
MOST_EPOCH = 0xFFFFF
#: Most entries that one script takes: Lua's stack is bounded, and others wait meanwhile.
_MOST = 1_000


class Count(NamedTuple):
    """What the delivery counter of a pending entry holds: 20 bits epoch, 8 deaths, 24 attempt.

    Redis sets it to 1 at the first delivery: epoch 1, no deaths, attempt 0. Scripts see it
    as a double, which is exact to 53 bits.
    """

    epoch: int
    deaths: int
    attempt: int = 0

    @classmethod
    def of(cls, counter: int) -> Count:
        """Return the numbers that `counter` holds."""
        return cls(counter & MOST_EPOCH, counter >> 20 & 0xFF, counter >> 28)

    @property
    def counter(self) -> int:
        """The number to store."""
        return self.epoch + (self.deaths << 20) + (self.attempt << 28)

    def again(self) -> Count:
        """Return the count of a run that takes the place of this one, free of charge."""
        return self._replace(epoch=self.epoch + 1)

    def after_death(self) -> Count:
        """Return the count of the run that follows the death of this one's worker."""
        return self._replace(epoch=self.epoch + 1, deaths=self.deaths + 1)

    def after_failure(self) -> Count:
        """Return the count of the next attempt."""
        return self._replace(epoch=self.epoch + 1, attempt=self.attempt + 1)


#: An entry, and the count of the run that somebody has of it.
Tenure: TypeAlias = "tuple[str, Count]"


@dataclass(frozen=True, slots=True)
class Read:
    """An entry as it was read or claimed; its run is not due for another `wait_ms`."""

    stream: str
    entry: str
    body: bytes
    count: Count
    wait_ms: int = 0


class Leases:
    """The door to what is pending in the call streams."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._renew = redis.register_script(_RENEW)
        self._recount = redis.register_script(_RECOUNT)
        self._acknowledge = redis.register_script(_ACKNOWLEDGE)
        self._dues = Dues(redis)

    async def renew(self, stream: str, consumer: str, runs: Sequence[Tenure]) -> list[bool]:
        """Take a new lease for `consumer` of entries, where the run is still the current one.

        So it also takes over running entries of another consumer. Returns for each run
        whether it is; False: its entry has ended, or another run of it has begun.
        """
        return [bool(ours) for ours in await self._each(stream, self._renew, (consumer, 0), runs)]

    async def release(self, stream: str, consumer: str, runs: Sequence[Tenure]) -> None:
        """Give leases up: any consumer may claim the entries at once."""
        await self._each(stream, self._renew, (consumer, int(LEASE_S * 1000)), runs)

    async def acknowledge(self, stream: str, runs: Sequence[Tenure]) -> None:
        """Let the entries of ended runs go, out of the pending list and out of the stream.

        An entry of which another run has begun stays. May be repeated.
        """
        await self._each(stream, self._acknowledge, (), runs)

    async def _each(
        self, stream: str, script: AsyncScript, head: Sequence[Any], runs: Sequence[Tenure]
    ) -> list[int]:
        """Run a script over `runs`, some at a time; return all that it says."""
        found: list[int] = []
        for start in range(0, len(runs), _MOST):
            some = runs[start : start + _MOST]
            args: list[Any] = [keys.GROUP, *head]
            for entry, count in some:
                args += (entry, count.counter)
            try:
                reply: Any = await script(keys=[stream, keys.dues(stream)], args=args)
            except ResponseError as problem:
                if not no_group(problem):
                    raise
                reply = [0] * len(some)
            found += reply
        return found

    async def silence(
        self, stream: str, consumer: str, entries: Sequence[str]
    ) -> list[float | None]:
        """Return the seconds since the lease of each entry was renewed.

        None for one that `consumer` does not hold: it has ended, or another one has it.
        """
        commands = [("XPENDING", stream, keys.GROUP, each, each, 1, consumer) for each in entries]
        try:
            replies = await together(self._redis, commands)
        except ResponseError as problem:
            if not no_group(problem):
                raise
            return [None] * len(entries)
        return [reply[0][2] / 1000 if reply else None for reply in replies]

    async def recount(
        self, stream: str, entry: str, consumer: str, now: Count, then: Count
    ) -> bytes | None:
        """Record `then` for an entry that `consumer` holds and that has `now`: a run begins.

        Returns what lies in the entry; None when it is gone, or another consumer or
        another run has it. May be repeated.
        """
        args: list[Any] = [keys.GROUP, consumer, entry, now.counter, then.counter]
        try:
            found: bytes | None = await self._recount(keys=[stream], args=args)
        except ResponseError as problem:
            if not no_group(problem):
                raise
            return None
        return found

    async def claim_idle(
        self, stream: str, consumer: str, ours: Mapping[str, Count], limit: int = 100
    ) -> list[Read]:
        """Claim entries whose lease has lapsed, each with its epoch raised.

        Runs in `ours` are known to go on: only their lease is renewed. Safe beside
        other consumers: Redis hands an idle entry to one claimer only.
        """
        claimed: list[Read] = []
        for entry, idle_ms, count in await self._idle(stream, int(LEASE_S * 1000), limit):
            if ours.get(entry) == count:
                await self._ask(("XCLAIM", stream, keys.GROUP, consumer, idle_ms, entry, "JUSTID"))
            else:
                claimed += await self._claim(stream, consumer, entry, idle_ms, count)
        return claimed

    async def claim_unheard(
        self, stream: str, consumer: str, known: Collection[str], silent_ms: int, limit: int = 500
    ) -> list[Read]:
        """Claim what Redis gave this consumer in an answer that was lost, its epoch raised.

        That is what is pending under its name and not `known` to it, for longer than the
        `silent_ms` milliseconds since the connection broke: it need not wait for its lease.
        """
        claimed: list[Read] = []
        limit += len(known)
        for entry, idle_ms, count in await self._idle(stream, silent_ms, limit, consumer):
            if entry not in known:
                claimed += await self._claim(stream, consumer, entry, idle_ms, count)
        return claimed

    async def _idle(
        self, stream: str, least_ms: int, limit: int, *owner: str
    ) -> list[tuple[str, int, Count]]:
        """Return pending entries with the milliseconds since they were read or renewed."""
        found = await self._ask(
            ("XPENDING", stream, keys.GROUP, "IDLE", least_ms, "-", "+", limit, *owner)
        )
        return [(name.decode(), idle, Count.of(counter)) for name, _, idle, counter in found]

    async def _claim(
        self, stream: str, consumer: str, entry: str, idle_ms: int, count: Count
    ) -> list[Read]:
        """Claim one entry unless somebody did or renewed it since it was idle for `idle_ms`."""
        count = count.again()
        reply = await self._ask(
            ("XCLAIM", stream, keys.GROUP, consumer, idle_ms, entry, "RETRYCOUNT", count.counter)
        )
        if reply == [None]:
            # Withdrawn after it was read: Redis before 7 leaves it pending for ever.
            await self._redis.execute_command("XACK", stream, keys.GROUP, entry)
        wait_ms = await self._dues.wait_ms(stream, entry) if count.attempt else 0
        return [Read(stream, entry, item[1][1], count, wait_ms) for item in reply if item]

    async def _ask(self, command: tuple[Any, ...]) -> list[Any]:
        """Return what Redis answers: nothing, where there is no such group."""
        try:
            reply: list[Any] = await self._redis.execute_command(*command)
        except ResponseError as problem:
            if not no_group(problem):
                raise
            return []
        return reply
