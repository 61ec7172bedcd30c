"""Call streams: what a server appends, takes back, and lets go of.

A call stream holds the entries of one function version at one depth. Consumers read
it through one group (see `reading`), and whose an entry is then is told by its lease
(see `lease`).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from redis.asyncio import Redis

from fnq_core import keys
from fnq_core.connection import error_of
from fnq_core.results import InboxGoneError

__all__ = [
    "Accepted",
    "CallStreams",
    "FencedError",
    "Offer",
    "Target",
]

#: Seconds that the record of a session outlives its last submission.
SESSION_TTL_S = 3600

# Appends what a session offers, each submission once, in order.
#   KEYS: session, inbox, then per stream its key and its depths key
#   ARGV: generation, ttl, group, channel, then per stream its cap and depth,
#         then per submission: stream index (0: refused), seq, call, entry, refusal
# A refusal is the tail of a Result (all but its call) that goes into the inbox
# in place of an entry that cannot be appended. Where that is gone the error is NOINBOX.
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
      local told = redis.pcall('XADD', KEYS[2], 'NOMKSTREAM', '*', 'e', said)
      if not done(told or {err = 'NOINBOX'}) then break end
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


class FencedError(Exception):
    """The session has moved to another server; this one must let go of it."""


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


class CallStreams:
    """The door to the call streams, but for reading them and what was read."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._accept = redis.register_script(_ACCEPT)
        self._drop_idle = redis.register_script(_DROP_IDLE)

    async def append(
        self, session: str, generation: int, inbox: str, offers: Sequence[Offer]
    ) -> Accepted:
        """Append what is above the session's mark, and move the mark with it.

        May be repeated. Stops at an offer that Redis refuses to take: what was decided
        before it is returned, and where that is nothing Redis' error is raised, or
        InboxGoneError at a refusal. Raises FencedError when the session moved to another
        server.
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
            raise InboxGoneError(inbox) if words == b"NOINBOX" else error_of(words.decode())
        return Accepted(mark, [entry.decode() for entry in entries])

    async def depths(self, namespace: str, version: str) -> list[int]:
        """Return the depths at which the version has streams, in order."""
        reply: Any = await self._redis.execute_command("SMEMBERS", keys.depths(namespace, version))
        return sorted(int(depth) for depth in reply)

    async def new_depths(self) -> AsyncGenerator[str, None]:
        """Yield the depths key of a version whenever it gets a call stream of a new depth.

        What came before is not told, nor what comes while Redis is away; that raises
        one of UNREACHABLE.
        """
        async with self._redis.pubsub() as pubsub:
            await pubsub.subscribe(keys.DEPTHS_CHANNEL)
            async for notice in pubsub.listen():
                if notice["type"] == "message":
                    yield notice["data"].decode()

    async def withdraw(self, stream: str, entry: str) -> None:
        """Delete an entry of a call that nobody waits for.

        Who has read it goes on with what it has; no further run can begin.
        """
        await self._redis.execute_command("XDEL", stream, entry)

    async def drop_idle(self, namespace: str, version: str, depth: int) -> bool:
        """Delete the stream of this depth if it is empty and nothing of it is pending."""
        names = [keys.call_stream(namespace, version, depth), keys.depths(namespace, version)]
        return bool(await self._drop_idle(keys=names, args=[keys.GROUP, depth]))
