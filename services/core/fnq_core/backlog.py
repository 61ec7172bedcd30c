"""What lies in call streams, for who neither reads nor runs it: counted, and turned away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from fnq_core import keys
from fnq_core.connection import UNREACHABLE, together
from fnq_core.lease import LEASE_S, Count

__all__ = ["Backlog", "Counts", "Idle"]

#: Entries looked at by one command; each may hold what travels inline.
_PAGE = 50
#: Milliseconds before an attempt is due at which it needs a worker, which may have to start.
_SOON_MS = 500
#: Entries whose holders one script looks for.
_MOST_ASKED = 500

# Takes out an entry that nobody holds, and ends its call. KEYS: stream, inbox, dues.
#   ARGV: group, entry, lease ms, result
_TURN_AWAY = """
local found = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1)
if #found > 0 and found[1][3] < tonumber(ARGV[3]) then return 0 end
if redis.call('XDEL', KEYS[1], ARGV[2]) == 0 then return 0 end
if #found > 0 then
  redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
  redis.pcall('HDEL', KEYS[3], ARGV[2])
end
redis.call('XADD', KEYS[2], 'NOMKSTREAM', '*', 'e', ARGV[4])
return 1
"""

# Says who holds entries. KEYS: stream. ARGV: group, then entries. Returns for each the
# name of its consumer, "" where it waits to be read, and nil where it is gone.
_HOLDERS = """
local out = {}
for k = 2, #ARGV do
  local found = redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[k], ARGV[k], 1)
  if found[1] then
    out[k - 1] = found[1][2]
  else
    out[k - 1] = #redis.pcall('XRANGE', KEYS[1], ARGV[k], ARGV[k]) > 0 and ''
  end
end
return out
"""


# Counts attempts that are not due for a while. KEYS: dues. ARGV: that while, in ms.
_POSTPONED = """
local time, count = redis.call('TIME'), 0
local then_ms = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1]
for _, due in ipairs(redis.call('HVALS', KEYS[1])) do
  if tonumber(due) > then_ms then count = count + 1 end
end
return count
"""


class Counts(NamedTuple):
    """Calls of one version that wait, and calls that consumers hold.

    `postponed` of the latter wait for an attempt that is not due yet: they need no worker.
    """

    waiting: int
    held: int
    postponed: int = 0

    @property
    def due(self) -> int:
        """Calls that need a worker, or have one."""
        return self.waiting + max(0, self.held - self.postponed)


class Idle(NamedTuple):
    """An entry that nobody holds; `then` is the count that its next run would have."""

    stream: str
    entry: str
    body: bytes
    then: Count


class Backlog:
    """The door to what waits in the call streams of one Redis."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._turn_away = redis.register_script(_TURN_AWAY)
        self._holders = redis.register_script(_HOLDERS)

    async def count(self, versions: Sequence[tuple[str, str]]) -> list[Counts]:
        """Return the counts for each (namespace, version), over all depths.

        Takes three round trips for any number of versions, and two commands for one
        that has no calls.
        """
        depths = await self._all([("SMEMBERS", keys.depths(*each)) for each in versions])
        streams = [
            (index, keys.call_stream(*version, int(depth)))
            for index, version in enumerate(versions)
            for depth in depths[index] or ()
        ]
        lengths = await self._all([("XLEN", stream) for _, stream in streams])
        filled = [(*each, length) for each, length in zip(streams, lengths, strict=True) if length]
        replies = await self._all(
            [
                command
                for _, stream, _ in filled
                for command in (
                    ("XPENDING", stream, keys.GROUP),
                    ("EVAL", _POSTPONED, 1, keys.dues(stream), _SOON_MS),
                )
            ]
        )
        found = [Counts(0, 0)] * len(versions)
        for (index, _, length), summary, postponed in zip(
            filled, replies[::2], replies[1::2], strict=True
        ):
            if summary is None:
                continue  # Nobody can read what lies there.
            before, taken = found[index], summary[0]
            found[index] = Counts(
                before.waiting + max(0, length - taken),
                before.held + taken,
                before.postponed + (postponed or 0),
            )
        return found

    async def streams(self, namespace: str, version: str) -> list[str]:
        """Return the call streams of a version."""
        depths: Any = await self._redis.execute_command("SMEMBERS", keys.depths(namespace, version))
        return [keys.call_stream(namespace, version, int(depth)) for depth in depths]

    async def holders(self, stream: str, entries: Sequence[str]) -> list[str | None]:
        """Return the consumer that holds each entry; "" where it waits, None where it is gone."""
        found: list[str | None] = []
        for start in range(0, len(entries), _MOST_ASKED):
            some = entries[start : start + _MOST_ASKED]
            reply: Any = await self._holders(keys=[stream], args=[keys.GROUP, *some])
            found += [None if name is None else name.decode() for name in reply]
        return found

    async def idle(
        self, stream: str, first: str = "-", last: str = "+", count: int = _PAGE
    ) -> tuple[list[Idle], str]:
        """Return entries that nobody holds, and where the next page begins; "": nowhere.

        Those are idle that were never read, and those whose lease has lapsed.
        """
        found: Any = await self._redis.execute_command(
            "XRANGE", stream, first, last, "COUNT", count
        )
        if not found:
            return [], ""
        ids = [entry.decode() for entry, _ in found]
        [pending] = await self._all([("XPENDING", stream, keys.GROUP, ids[0], ids[-1], len(ids))])
        held = {entry.decode(): (idle, counter) for entry, _, idle, counter in pending or ()}
        never_read = (LEASE_S * 1000, 0)
        idle: list[Idle] = []
        for entry, (_, fields) in zip(ids, found, strict=True):
            idle_ms, counter = held.get(entry, never_read)
            if idle_ms >= LEASE_S * 1000:
                idle.append(Idle(stream, entry, fields[1], Count.of(counter).again()))
        return idle, f"({ids[-1]}" if len(ids) == count else ""

    async def turn_away(self, idle: Idle, inbox: str, result: bytes) -> bool:
        """Take an entry out and put the end of its call into its inbox, unless somebody has it.

        Returns whether it was taken out. Safe beside others who do the same, and may
        be repeated. `result` is a serialized Result; one whose inbox is gone has
        nobody to hear it.
        """
        gone: int = await self._turn_away(
            keys=[idle.stream, inbox, keys.dues(idle.stream)],
            args=[keys.GROUP, idle.entry, int(LEASE_S * 1000), result],
        )
        return bool(gone)

    async def _all(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Return the answers to commands that go in one round trip.

        None for one that Redis refuses: no group is there, or no stream.
        """
        return [_unless_broken(each) for each in await together(self._redis, commands, errors=True)]


def _unless_broken(reply: Any) -> Any:
    if isinstance(reply, ResponseError) and not isinstance(reply, UNREACHABLE):
        return None
    if isinstance(reply, Exception):
        raise reply
    return reply
