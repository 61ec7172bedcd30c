"""What agents say of themselves: a hash that expires unless it is renewed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from redis.asyncio import Redis

from fnq_core import keys
from fnq_core.connection import together

__all__ = ["CANNOT_BEGIN", "POST_S", "TTL_S", "Presence", "PresenceBoard", "Running"]

#: Seconds that a presence outlives its last renewal.
TTL_S = 10
#: How an agent is once it has tried to import the function.
_SETTLED = {"ready", "cordoned", "failed"}
#: What the reason of one begins with that failed before it imported anything.
CANNOT_BEGIN = "its worker cannot begin"
#: Seconds between two posts of a presence.
POST_S = 2.0
#: Of a presence, what is a whole number, and what is seconds.
_NUMBERS = ("replica", "pid", "busy", "calls")
_SECONDS = ("idle_s", "run_s")

# Posts a presence, and names it in the sets that lead to it; members whose time has
# passed go. KEYS: presence, agents of the version, versions of the namespace, cordon.
#   ARGV: ttl, agent, version, then the fields
# Returns the first replica that is cordoned, or nil.
_POST = """
local now = redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
redis.call('HSET', KEYS[1], unpack(ARGV, 4))
redis.call('EXPIRE', KEYS[1], ARGV[1])
for i = 2, 3 do
  redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', now)
  redis.call('ZADD', KEYS[i], now + ARGV[1] * 1000, ARGV[i])
  redis.call('EXPIRE', KEYS[i], ARGV[1])
end
return redis.call('GET', KEYS[4])
"""

# Takes away the presences of all other agents with one index of a version. KEYS: agents of
# the version.   ARGV: what the keys of their presences begin with, agent, index
_SUCCEED = """
for _, agent in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local key = ARGV[1] .. agent
  if agent ~= ARGV[2] and redis.call('HGET', key, 'replica') == ARGV[3] then
    redis.call('DEL', key)
    redis.call('ZREM', KEYS[1], agent)
  end
end
"""

# Takes away the presence of an agent, unless it was posted lately. KEYS: presence, agents of
# the version.   ARGV: agent, milliseconds that one is left which was not
_LOSE = """
if redis.call('PTTL', KEYS[1]) <= tonumber(ARGV[2]) then
  redis.call('DEL', KEYS[1])
  redis.call('ZREM', KEYS[2], ARGV[1])
end
"""

# Returns for each version what its agents have posted. KEYS: agents of each.
#   ARGV: what the keys of presences of each begin with
_LOOK = """
local out = {}
for i, key in ipairs(KEYS) do
  out[i] = {}
  for k, agent in ipairs(redis.call('ZRANGE', key, 0, -1)) do
    out[i][k] = redis.call('HGETALL', ARGV[i] .. agent)
  end
end
return out
"""


class Running(NamedTuple):
    """A run that has begun, in milliseconds since 1970 on the agent's machine."""

    call: bytes
    epoch: int
    attempt: int
    started_ms: int

    def text(self) -> str:
        """Return it as one word."""
        return f"{self.call.hex()}:{self.epoch}:{self.attempt}:{self.started_ms}"

    @classmethod
    def read(cls, text: str) -> Running:
        """Return what `text` made a word of."""
        call, epoch, attempt, started_ms = text.split(":")
        return cls(bytes.fromhex(call), int(epoch), int(attempt), int(started_ms))


@dataclass(slots=True)
class Presence:
    """An agent as it was at its last renewal.

    `state` is "starting", "ready", "cordoned" (it takes no more calls, and is about to
    end) or "failed"; `reason` and `traceback` say why an import failed. `busy` counts
    invocations, `calls` the calls in them, `runners` are the runners' process ids with
    what each is busy with ("12:0 13:1"), `runs` names what runs: see `Running`.
    `idle_s` is for how long it has had no call, 0 while it has one; `run_s` how long
    calls take here, by those that ended and by what runs now; 0: not known.
    """

    namespace: str
    function: str
    version: str
    agent: str
    replica: int
    pid: int
    runners: str = ""
    busy: int = 0
    state: str = "starting"
    reason: str = ""
    traceback: str = ""
    runs: str = ""
    calls: int = 0
    idle_s: float = 0.0
    run_s: float = 0.0

    def processes(self) -> Iterator[tuple[int, int]]:
        """Return process id and number of invocations of each runner."""
        for word in self.runners.split():
            pid, busy = word.split(":")
            yield int(pid), int(busy)

    def running(self) -> list[Running]:
        """Return the runs that it names."""
        return [Running.read(text) for text in self.runs.split()]


class PresenceBoard:
    """The door to the presences of one Redis.

    A look costs one script, with a command for each version and one more for each agent
    that is found: a sorted set for each version names its agents, one for each namespace
    the versions that have any. Both expire with the last agent in them.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._post = redis.register_script(_POST)
        self._look = redis.register_script(_LOOK)
        self._succeed = redis.register_script(_SUCCEED)
        self._lose = redis.register_script(_LOSE)

    async def post(self, presence: Presence) -> bool:
        """Say how an agent is; holds for TTL_S. Return whether it is cordoned."""
        namespace, version = presence.namespace, presence.version
        names = [
            keys.presence(namespace, version, presence.agent),
            keys.workers(namespace, version),
            keys.attended(namespace),
            keys.cordon(namespace, version),
        ]
        args: list[Any] = [TTL_S, presence.agent, version]
        for name in Presence.__slots__:
            args += (name, getattr(presence, name))
        first: bytes | None = await self._post(keys=names, args=args)
        return first is not None and presence.replica >= int(first)

    async def arrive(self, presence: Presence) -> bool:
        """Post the first time: those who had its index before are dead, or will post again.

        Return whether it is cordoned.
        """
        cordoned = await self.post(presence)
        namespace, version = presence.namespace, presence.version
        await self._succeed(
            keys=[keys.workers(namespace, version)],
            args=[keys.presence(namespace, version, ""), presence.agent, presence.replica],
        )
        return cordoned

    async def lose(self, namespace: str, version: str, agent: str, silent_s: float) -> None:
        """Take away the presence of an agent that has not posted for so many seconds."""
        await self._lose(
            keys=[keys.presence(namespace, version, agent), keys.workers(namespace, version)],
            args=[agent, int((TTL_S - silent_s) * 1_000)],
        )

    async def withdraw(self, presence: Presence) -> None:
        """Take the agent's presence away: it ends."""
        namespace, version = presence.namespace, presence.version
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.execute_command("DEL", keys.presence(namespace, version, presence.agent))
            pipe.execute_command("ZREM", keys.workers(namespace, version), presence.agent)
            await pipe.execute()

    async def missing(self, versions: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return those of the versions (namespace, id) that have no agent; one round trip.

        One that had some is not among them for up to TTL_S after their end.
        """
        counts = await together(self._redis, [("ZCARD", keys.workers(*each)) for each in versions])
        return [each for each, count in zip(versions, counts, strict=True) if not count]

    async def failed(self, namespace: str, versions: Sequence[str]) -> list[str]:
        """Return those of the versions that could not be imported by any agent, and by some.

        One round trip for any number of versions.
        """
        states: dict[str, set[str]] = {each: set() for each in versions}
        for presence in await self.of_versions([(namespace, each) for each in versions]):
            states[presence.version].add(presence.state)
        return [each for each in versions if states[each] & _SETTLED == {"failed"}]

    async def of(self, namespace: str, version: str = "") -> list[Presence]:
        """Return the presences of a version's agents, or of all of the namespace."""
        versions = [(namespace, version)] if version else await self.attended([namespace])
        return await self.of_versions(versions)

    async def attended(self, namespaces: Sequence[str]) -> list[tuple[str, str]]:
        """Return the versions (namespace, id) that have agents; one round trip."""
        named = await together(
            self._redis, [("ZRANGE", keys.attended(each), 0, -1) for each in namespaces]
        )
        return [
            (namespace, version.decode())
            for namespace, versions in zip(namespaces, named, strict=True)
            for version in versions
        ]

    async def of_versions(self, versions: Sequence[tuple[str, str]]) -> list[Presence]:
        """Return the presences of the agents of some (namespace, id); one round trip."""
        names = [keys.workers(*each) for each in versions]
        heads = [keys.presence(*each, "") for each in versions]
        # What expired a moment ago may still be named.
        posted = await self._look(keys=names, args=heads) if names else []
        found = [_presence(reply) for some in posted for reply in some if reply]
        known = [each for each in found if each is not None]
        return sorted(known, key=lambda each: (each.function, each.replica))


def _presence(reply: list[bytes]) -> Presence | None:
    """Return what an agent has posted, be it of another release; None where it is damaged."""
    try:
        texts = [text.decode() for text in reply]
        fields: dict[str, Any] = dict(zip(texts[::2], texts[1::2], strict=True))
        for name in _NUMBERS:
            if name in fields:
                fields[name] = int(fields[name])
        for name in _SECONDS:
            if name in fields:
                fields[name] = float(fields[name])
        known = {name: fields[name] for name in Presence.__slots__ if name in fields}
        return Presence(**known)
    except (TypeError, ValueError):
        return None
