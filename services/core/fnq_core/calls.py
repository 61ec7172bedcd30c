"""Call streams: append, read, claim, renew, acknowledge.

A call stream holds the entries of one function version at one depth. Consumers
read it through one group. An entry's lease is its idle time in the group's
pending list: whoever holds it renews it (`renew`), and what was not renewed for
`LEASE_S` may be claimed by any consumer (`claim_idle`). The pending list's
delivery counter keeps epoch and deaths of an entry (see `Count`), so both
outlive every process.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from fnq_core import keys
from fnq_core.connection import error_of

__all__ = [
    "LEASE_S",
    "LEASE_RENEW_ALONE_S",
    "LEASE_RENEW_S",
    "Accepted",
    "CallStreams",
    "Count",
    "FencedError",
    "Offer",
    "Read",
    "Target",
]

#: Seconds without renewal after which an entry may be claimed by another consumer.
LEASE_S = 8.0
#: Seconds between two renewals; three may be missed.
LEASE_RENEW_S = 2.0
#: The same for an agent whose consumer cannot be reached: it must not pass for dead.
LEASE_RENEW_ALONE_S = 0.15
#: Seconds that the record of a session outlives its last submission.
SESSION_TTL_S = 3600

# Appends what a session offers, each submission once, in order.
#   KEYS: session, inbox, then per stream its key and its depths key
#   ARGV: generation, ttl, group, channel, then per stream its cap and depth,
#         then per submission: stream index (0: refused), seq, call, entry, refusal
# A refusal is the tail of a Result (all but its call) that goes into the inbox
# in place of an entry that cannot be appended.
# Returns the mark, an error or "", and the entry of each submission ("": none) up to
# the one that met the error.
# Where all are refused it begins with a write that needs no memory: a full Redis lets
# the rest pass then, so that it can say no.
_ACCEPT = """
local found = redis.call('HMGET', KEYS[1], 'gen', 'mark')
if found[1] ~= ARGV[1] then return {-1} end
local before = tonumber(found[2])
local mark = before
local streams = (#KEYS - 2) / 2
local length = {}
local problem = ''
local function done(reply)
  if type(reply) ~= 'table' or not reply['err'] then return true end
  problem = reply['err']
  return false
end
local function open(i)
  local key, depths = KEYS[1 + 2 * i], KEYS[2 + 2 * i]
  if redis.call('EXISTS', key) == 0 then
    if not done(redis.pcall('SADD', depths, ARGV[4 + 2 * i])) then return false end
    redis.call('XGROUP', 'CREATE', key, ARGV[3], '0', 'MKSTREAM')
    redis.call('PUBLISH', ARGV[4], depths)
  end
  length[i] = redis.pcall('XLEN', key)
  return done(length[i])
end
if streams == 0 then redis.call('EXPIRE', KEYS[1], ARGV[2]) end
local out = {mark, problem}
for k = 5 + 2 * streams, #ARGV, 5 do
  local i, seq = tonumber(ARGV[k]), tonumber(ARGV[k + 1])
  local id = ''
  if seq > mark then
    if i > 0 and not length[i] and not open(i) then break end
    if i > 0 and length[i] < tonumber(ARGV[3 + 2 * i]) then
      id = redis.pcall('XADD', KEYS[1 + 2 * i], '*', 'e', ARGV[k + 3])
      if not done(id) then break end
      length[i] = length[i] + 1
    else
      local said = '\\010\\016' .. ARGV[k + 2] .. ARGV[k + 4]
      if not done(redis.pcall('XADD', KEYS[2], '*', 'e', said)) then break end
    end
    mark = seq
  end
  out[#out + 1] = id
end
out[1], out[2] = mark, problem
if mark > before then redis.call('HSET', KEYS[1], 'mark', mark) end
redis.call('EXPIRE', KEYS[1], ARGV[2])
return out
"""

# Lets an idle deep stream go. KEYS: stream, depths. ARGV: group, depth.
_DROP_IDLE = """
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('SREM', KEYS[2], ARGV[2])
  return 1
end
if redis.call('XLEN', KEYS[1]) > 0 then return 0 end
if redis.call('XPENDING', KEYS[1], ARGV[1])[1] > 0 then return 0 end
redis.call('DEL', KEYS[1])
redis.call('SREM', KEYS[2], ARGV[2])
return 1
"""


# Takes over entries whose counter is as expected. KEYS: stream. ARGV: group,
# consumer, then pairs of entry and counter. Returns per pair 1 taken over,
# 0 not pending any more, -1 another run of it has begun.
_ADOPT = """
local out = {}
for k = 3, #ARGV, 2 do
  local found = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[k], ARGV[k], 1)
  if #found == 0 then
    out[#out + 1] = 0
  elseif found[1][4] ~= tonumber(ARGV[k + 1]) then
    out[#out + 1] = -1
  else
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[k], 'JUSTID')
    out[#out + 1] = 1
  end
end
return out
"""


# Sets the counter of an entry that a consumer holds. KEYS: stream. ARGV: group,
# consumer, entry, counter. Returns what lies in it; nil when it is gone, or not his.
_RECOUNT = """
local found = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1)
if #found == 0 or found[1][2] ~= ARGV[2] then return nil end
local reply = redis.call(
  'XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'RETRYCOUNT', ARGV[4])
return reply[1] and reply[1][2][2]
"""


# Lets entries go: out of the pending list and out of the stream, both or neither.
# KEYS: stream. ARGV: group, then entries.
_ACKNOWLEDGE = """
redis.call('XACK', KEYS[1], unpack(ARGV))
table.remove(ARGV, 1)
return redis.call('XDEL', KEYS[1], unpack(ARGV))
"""
#: Most that one of these takes: Lua's stack is bounded.
_MAX_ACKNOWLEDGED = 1_000


class FencedError(Exception):
    """The session has moved to another server; this one must let go of it."""


class Count(NamedTuple):
    """What the delivery counter of a pending entry holds: `epoch + (deaths << 20)`.

    Redis sets it to 1 at the first delivery: epoch 1, no deaths.
    """

    epoch: int
    deaths: int

    @classmethod
    def of(cls, counter: int) -> Count:
        """Return the two numbers that `counter` holds."""
        return cls(counter & 0xFFFFF, counter >> 20)

    @property
    def counter(self) -> int:
        """The number to store."""
        return self.epoch + (self.deaths << 20)


@dataclass(frozen=True, slots=True)
class Target:
    """A call stream that takes submissions; `cap` is the most entries it may hold."""

    namespace: str
    version: str
    depth: int
    cap: int


@dataclass(slots=True)
class Offer:
    """One submission on its way into a stream.

    `target` None refuses it. `refusal` is the serialized Result without its
    call that the caller gets when the stream is full, or the target None.
    `remaining_ms` is the time that it may wait for a worker; 0: for ever.
    """

    seq: int
    call: bytes
    target: Target | None
    entry: bytes
    refusal: bytes
    remaining_ms: int = 0


class Accepted(NamedTuple):
    """The mark, and the entry id of each offer that was decided ("" for one not appended)."""

    mark: int
    entries: list[str]


@dataclass(frozen=True, slots=True)
class Read:
    """An entry as it was read or claimed."""

    stream: str
    entry: str
    body: bytes
    count: Count


class CallStreams:
    """The door to the call streams, but for reading them (see `reading`)."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._accept = redis.register_script(_ACCEPT)
        self._acknowledge = redis.register_script(_ACKNOWLEDGE)
        self._adopt = redis.register_script(_ADOPT)
        self._recount = redis.register_script(_RECOUNT)
        self._drop_idle = redis.register_script(_DROP_IDLE)

    async def append(
        self, session: str, generation: int, inbox: str, offers: Sequence[Offer]
    ) -> Accepted:
        """Append what is above the session's mark, and move the mark with it.

        May be repeated. Stops at an offer that Redis refuses to take: what was decided
        before it is returned, and where that is nothing Redis' error is raised. Raises
        FencedError when the session moved to another server.
        """
        index: dict[Target, int] = {}
        names: list[str] = [session, inbox]
        head: list[Any] = [generation, SESSION_TTL_S, keys.GROUP, keys.DEPTHS_CHANNEL]
        tail: list[Any] = []
        for offer in offers:
            at, target = 0, offer.target
            if target is not None:
                at = index.get(target, 0)
                if not at:
                    at = index[target] = len(index) + 1
                    names.append(keys.call_stream(target.namespace, target.version, target.depth))
                    names.append(keys.depths(target.namespace, target.version))
                    head += (target.cap, target.depth)
            tail += (at, offer.seq, offer.call, offer.entry, offer.refusal)
        reply: Any = await self._accept(keys=names, args=head + tail)
        if reply[0] < 0:
            raise FencedError(session)
        mark, words, *entries = reply
        if words and not entries:
            raise error_of(words.decode())
        return Accepted(mark, [entry.decode() for entry in entries])

    async def depths(self, namespace: str, version: str) -> list[int]:
        """Return the depths at which the version has streams, in order."""
        reply: Any = await self._redis.execute_command("SMEMBERS", keys.depths(namespace, version))
        return sorted(int(depth) for depth in reply)

    async def acknowledge(self, stream: str, entries: Sequence[str]) -> None:
        """Let the entries go: out of the pending list and out of the stream. May be repeated."""
        for start in range(0, len(entries), _MAX_ACKNOWLEDGED):
            some = entries[start : start + _MAX_ACKNOWLEDGED]
            await self._acknowledge(keys=[stream], args=[keys.GROUP, *some])

    async def renew(self, stream: str, consumer: str, entries: Sequence[str]) -> None:
        """Take a new lease of the entries for `consumer`; acknowledged ones are passed over."""
        await self._redis.execute_command(
            "XCLAIM", stream, keys.GROUP, consumer, 0, *entries, "JUSTID"
        )

    async def silence(
        self, stream: str, consumer: str, entries: Sequence[str]
    ) -> list[float | None]:
        """Return the seconds since the lease of each entry was renewed.

        None for one that `consumer` does not hold: it has ended, or another one has it.
        """
        async with self._redis.pipeline(transaction=False) as pipe:
            for entry in entries:
                pipe.execute_command("XPENDING", stream, keys.GROUP, entry, entry, 1, consumer)
            replies: Any = await pipe.execute()
        return [reply[0][2] / 1000 if reply else None for reply in replies]

    async def release(self, stream: str, consumer: str, entries: Sequence[str]) -> None:
        """Give the lease of entries up: any consumer may claim them at once."""
        idle_ms = int(LEASE_S * 1000)
        await self._redis.execute_command(
            "XCLAIM", stream, keys.GROUP, consumer, 0, *entries, "IDLE", idle_ms, "JUSTID"
        )

    async def adopt(
        self, stream: str, consumer: str, pairs: Sequence[tuple[str, Count]]
    ) -> list[int]:
        """Take over running entries of another consumer, without a new dispatch.

        Returns for each 1: taken over; 0: not pending, it has ended; -1: another
        run of it has begun since.
        """
        args: list[Any] = [keys.GROUP, consumer]
        for entry, count in pairs:
            args += (entry, count.counter)
        reply: list[int] = await self._adopt(keys=[stream], args=args)
        return reply

    async def recount(self, stream: str, entry: str, consumer: str, count: Count) -> bytes | None:
        """Record `count` for an entry that `consumer` holds; return what lies in it.

        May be repeated. None when it is gone, or another consumer has it now.
        """
        try:
            found: bytes | None = await self._recount(
                keys=[stream], args=[keys.GROUP, consumer, entry, count.counter]
            )
        except ResponseError as problem:
            if "NOGROUP" in str(problem):
                return None
            raise
        return found

    async def claim_idle(
        self, stream: str, consumer: str, spare: Container[str], limit: int = 100
    ) -> list[Read]:
        """Claim entries whose lease has lapsed, each with its epoch raised.

        Those in `spare` are known to run: only their lease is renewed. Safe beside
        other consumers: Redis hands an idle entry to one claimer only.
        """
        claimed: list[Read] = []
        for entry, idle_ms, count in await self._idle(stream, int(LEASE_S * 1000), limit):
            if entry in spare:
                await self.renew(stream, consumer, [entry])
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
        try:
            found: Any = await self._redis.execute_command(
                "XPENDING", stream, keys.GROUP, "IDLE", least_ms, "-", "+", limit, *owner
            )
        except ResponseError as problem:
            if "NOGROUP" in str(problem):
                return []
            raise
        return [(name.decode(), idle, Count.of(counter)) for name, _, idle, counter in found]

    async def _claim(
        self, stream: str, consumer: str, entry: str, idle_ms: int, count: Count
    ) -> list[Read]:
        """Claim one entry unless somebody did or renewed it since it was idle for `idle_ms`."""
        count = Count(count.epoch + 1, count.deaths)
        reply: Any = await self._redis.execute_command(
            "XCLAIM", stream, keys.GROUP, consumer, idle_ms, entry, "RETRYCOUNT", count.counter
        )
        if reply == [None]:
            # Withdrawn after it was read: Redis before 7 leaves it pending for ever.
            await self._redis.execute_command("XACK", stream, keys.GROUP, entry)
        return [Read(stream, entry, item[1][1], count) for item in reply if item]

    async def withdraw(self, stream: str, entry: str) -> None:
        """Delete an entry that nobody has begun; one already read is left to its reader."""
        await self._redis.execute_command("XDEL", stream, entry)

    async def drop_idle(self, namespace: str, version: str, depth: int) -> bool:
        """Delete the stream of this depth if it is empty and nothing of it is pending."""
        names = [keys.call_stream(namespace, version, depth), keys.depths(namespace, version)]
        return bool(await self._drop_idle(keys=names, args=[keys.GROUP, depth]))
