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

from fnq.v1 import record_pb2
from fnq_core import keys
from fnq_core.connection import error_of
from fnq_core.results import InboxGoneError

__all__ = [
    "Accepted",
    "CallStreams",
    "FencedError",
    "Offer",
    "Target",
    "VersionGoneError",
]

#: Seconds that the record of a session outlives its last submission.
SESSION_TTL_S = 3600

# Appends what a session offers, each submission once, in order.
#   KEYS: session, inbox, then per stream its key and its depths key
#   ARGV: generation, ttl, group, channel, conflict, then per stream its cap and depth,
#         then per submission: stream index (0: refused), seq, call, entry, refusal, and what
#         is kept of it (see `keptrecord.admission`; "": it is attached)
# A refusal is the tail of a Result (all but its call) that goes into the inbox
# in place of an entry that cannot be appended. Where that is gone the error is NOINBOX;
# where the version of a stream is, which has one of depth 0 for as long as it is there, NOVERSION.
# That of a detached call is kept as its end; the conflict is one for a call whose key
# another one has with other arguments. One of which anything is kept was appended before.
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
    local known = redis.pcall('SISMEMBER', depths, '0')
    if not done(known) then return false end
    if known == 0 then return done({err = 'NOVERSION'}) end
    if not done(redis.pcall('SADD', depths, ARGV[5 + 2 * i])) then return false end
    redis.call('XGROUP', 'CREATE', key, ARGV[3], '0', 'MKSTREAM')
    redis.call('PUBLISH', ARGV[4], depths)
  end
  length[i] = redis.pcall('XLEN', key)
  return done(length[i])
end
if streams == 0 then redis.call('EXPIRE', KEYS[1], ARGV[2]) end
local function keep(kept, call, record, ms)
  if not done(redis.pcall('HSET', kept, call, record)) then return false end
  redis.call('HSETNX', kept, '', redis.call('TIME')[1] .. '000')
  if redis.call('PTTL', kept) < tonumber(ms) then redis.call('PEXPIRE', kept, ms) end
  return true
end
local function refuse(call, refusal, d)
  local said = '\\010\\016' .. call .. refusal
  if d then
    local now = redis.call('TIME')[1] .. '000'
    return keep(d.kept, call, table.concat({now, d.ms, d.size, d.head .. said}, '\\n'), d.ms)
  end
  local told = redis.pcall('XADD', KEYS[2], 'NOMKSTREAM', '*', 'e', said)
  return done(told or {err = 'NOINBOX'})
end
local function detached(about)
  local d, names = {}, {'spawned', 'kept', 'name', 'digest', 'ms', 'output', 'size', 'head'}
  local found = {string.match(about, '^' .. string.rep('([^\\n]*)\\n', 7) .. '(.*)$')}
  for i, name in ipairs(names) do d[name] = found[i] end
  return d
end
local function settled(call, d)
  if redis.call('HEXISTS', d.spawned, call) + redis.call('HEXISTS', d.kept, call) > 0 then
    return true
  end
  local other = d.name ~= '' and redis.call('GET', d.name)
  if not other then return false end
  if string.sub(other, 17) == d.digest then
    return keep(d.kept, call, '=' .. string.sub(other, 1, 16), d.ms)
  end
  return refuse(call, ARGV[5], d)
end
local out = {mark, problem}
for k = 6 + 2 * streams, #ARGV, 6 do
  local i, seq, call = tonumber(ARGV[k]), tonumber(ARGV[k + 1]), ARGV[k + 2]
  local id = ''
  if seq > mark then
    local d = ARGV[k + 5] ~= '' and detached(ARGV[k + 5])
    if d and settled(call, d) then i = -1 end
    if problem ~= '' or i > 0 and not length[i] and not open(i) then break end
    if i > 0 and length[i] < tonumber(ARGV[4 + 2 * i]) then
      id = redis.pcall('XADD', KEYS[1 + 2 * i], '*', 'e', ARGV[k + 3])
      if not done(id) then break end
      length[i] = length[i] + 1
      if d then
        if d.name ~= '' then redis.call('SET', d.name, call .. d.digest) end
        redis.call('HSET', d.spawned, call, table.concat(
          {id, KEYS[1 + 2 * i], d.name, d.ms, d.output, d.size, d.head}, '\\n'))
      end
    elseif i >= 0 and not refuse(call, ARGV[k + 4], d) then
      break
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

# Lets an idle deep stream go. KEYS: stream, depths, dues. ARGV: group, depth.
_DROP_IDLE = """
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('SREM', KEYS[2], ARGV[2])
  return 1
end
if redis.call('XLEN', KEYS[1]) > 0 then return 0 end
if redis.call('XPENDING', KEYS[1], ARGV[1])[1] > 0 then return 0 end
redis.call('DEL', KEYS[1], KEYS[3])
redis.call('SREM', KEYS[2], ARGV[2])
return 1
"""

# Deletes an entry, and tells the consumer that has read it. KEYS: stream, dues.
#   ARGV: group, entry, what a control stream's key begins with, the order
_WITHDRAW = """
redis.call('XDEL', KEYS[1], ARGV[2])
redis.pcall('HDEL', KEYS[2], ARGV[2])
local found = redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1)
if found[1] then
  redis.call('XADD', ARGV[3] .. found[1][2], 'NOMKSTREAM', '*', 'e', ARGV[4])
end
"""


class VersionGoneError(Exception):
    """The version of the first call was deleted, and nothing of it is left."""


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
    #: What is kept of a detached call: see `keptrecord.admission`; empty: it is attached.
    kept: bytes = b""


class Accepted(NamedTuple):
    """The mark, and the entry id of each offer that was decided ("" for one not appended)."""

    mark: int
    entries: list[str]


class CallStreams:
    """The door to the call streams, but for reading them and what was read."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        #: Tail of the Result of a call whose key is taken, as in `Offer.refusal`.
        self.conflict = b""
        self._accept = redis.register_script(_ACCEPT)
        self._drop_idle = redis.register_script(_DROP_IDLE)
        self._withdraw = redis.register_script(_WITHDRAW)

    async def append(
        self, session: str, generation: int, inbox: str, offers: Sequence[Offer]
    ) -> Accepted:
        """Append what is above the session's mark, and move the mark with it.

        May be repeated. Stops at an offer that Redis refuses to take: what was decided
        before it is returned, and where that is nothing Redis' error is raised, or
        InboxGoneError at a refusal, VersionGoneError at a stream whose version is gone.
        Raises FencedError when the session moved to another server.
        """
        index: dict[Target, int] = {}
        names: list[str] = [session, inbox]
        head: list[Any] = [
            generation, SESSION_TTL_S, keys.GROUP, keys.DEPTHS_CHANNEL, self.conflict
        ]  # fmt: skip
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
            tail += (at, offer.seq, offer.call, offer.entry, offer.refusal, offer.kept)
        reply: Any = await self._accept(keys=names, args=head + tail)
        if reply[0] < 0:
            raise FencedError(session)
        mark, words, *entries = reply
        if words and not entries:
            if words == b"NOVERSION":
                raise VersionGoneError
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

        A consumer at which it waits is told, and lets it go. What runs goes on; no further
        run can begin.
        """
        order = record_pb2.Order()
        order.withdrawals.add(stream=stream, entry=entry)
        args: list[Any] = [keys.GROUP, entry, keys.control(""), order.SerializeToString()]
        await self._withdraw(keys=[stream, keys.dues(stream)], args=args)

    async def drop_idle(self, namespace: str, version: str, depth: int) -> bool:
        """Delete the stream of this depth if it is empty and nothing of it is pending."""
        stream = keys.call_stream(namespace, version, depth)
        names = [stream, keys.depths(namespace, version), keys.dues(stream)]
        return bool(await self._drop_idle(keys=names, args=[keys.GROUP, depth]))
