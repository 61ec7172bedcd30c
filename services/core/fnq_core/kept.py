"""Detached calls: what is kept of them, from their acceptance to the end of their time.

The accepting script (see `calls`) notes a call among those that are spawned: where its
entry lies, and who wants to hear of its end. Whoever ends it, a run or a decree, does so
here, in one script: the note goes, the end is kept, and who wants to hear of it is told.
The first end is the only one, and that of a run counts only while its run is the current
one. Both records are found by the id of the call alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import Enum
from typing import Any, NamedTuple

from redis.asyncio import Redis

from fnq_core import keys
from fnq_core.keptrecord import Ended, Pending, read_ended, read_pending
from fnq_core.lease import LEASE_S, Count

__all__ = ["By", "Ending", "Finished", "KeptCalls", "Missing"]

#: Calls that one script ends or looks for.
_MOST = 500

# Ends calls. KEYS: per call its spawned and its kept hash. ARGV: group, lease ms, what the
# keys of call streams and of their dues begin with, then per call: its id, by whom, counter,
# result. Returns per call "" where it had ended or is not to be ended by him, else
# {holder, entry}: "" where there is none, also where a run says again how it has ended.
# A result goes on with `kept` set. It begins with a write that needs no memory: see `results`.
_FINISH = """
redis.call('HDEL', KEYS[1], '')
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local function finish(spawned, kept, call, by, counter, result)
  local record = redis.call('HGET', spawned, call)
  if not record then
    local ended = by == 'run' and redis.call('HGET', kept, call)
    return ended and string.sub(ended, -#result) == result and {'', ''} or ''
  end
  local entry, stream, name, keep, output, size, rest = string.match(record,
    '^([^\\n]*)\\n([^\\n]*)\\n([^\\n]*)\\n([^\\n]*)\\n([^\\n]*)\\n([^\\n]*)\\n(.*)$')
  local found = redis.pcall('XPENDING', stream, ARGV[1], entry, entry, 1)[1]
  local body = ''
  if by == 'run' then
    if not found or found[4] ~= tonumber(counter) then return '' end
  else
    if by == 'nobody' and found and found[3] < tonumber(ARGV[2]) then return '' end
    local item = redis.pcall('XRANGE', stream, entry, entry)[1]
    if item then body = item[2][2] end
    redis.pcall('XDEL', stream, entry)
    redis.pcall('HDEL', ARGV[4] .. string.sub(stream, #ARGV[3] + 1), entry)
    if found and by == 'nobody' then redis.call('XACK', stream, ARGV[1], entry) end
  end
  redis.call('HDEL', spawned, call)
  redis.call('HSET', kept, call, table.concat(
    {now, keep, size, string.sub(rest, 1, size) .. result}, '\\n'))
  redis.call('HSETNX', kept, '', now)
  if redis.call('PTTL', kept) < tonumber(keep) then redis.call('PEXPIRE', kept, keep) end
  if name ~= '' then redis.call('PEXPIRE', name, keep) end
  local said = result .. '\\080\\001'
  for inbox in string.gmatch(string.sub(rest, size + 1), '[^\\n]+') do
    redis.call('XADD', inbox, 'NOMKSTREAM', '*', 'e', said)
  end
  if output ~= '' then
    redis.call('XADD', output, '*', 'e', said)
    redis.call('PEXPIRE', output, keep)
  end
  return {found and found[2] or '', body}
end
local out = {}
for k = 5, #ARGV, 4 do
  local i = (k - 5) / 2
  out[#out + 1] = finish(
    KEYS[i + 1], KEYS[i + 2], ARGV[k], ARGV[k + 1], ARGV[k + 2], ARGV[k + 3])
end
return out
"""

# Says what is kept of calls, and has an inbox hear of the end of those in flight ("": none).
# KEYS: per call its spawned and its kept hash. ARGV: inbox, then calls.
# Returns the time, and per call: {1, end}, {0, record}, or {-1, when its bucket was begun}.
_LOOK = """
local time = redis.call('TIME')
local out = {string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))}
for k = 2, #ARGV do
  local spawned, kept = KEYS[2 * k - 3], KEYS[2 * k - 2]
  local ended = redis.call('HGET', kept, ARGV[k])
  local record = not ended and redis.call('HGET', spawned, ARGV[k])
  if ended then
    out[k] = {1, ended}
  elseif not record then
    out[k] = {-1, redis.call('HGET', kept, '') or ''}
  else
    if ARGV[1] ~= '' and not string.find(record, ARGV[1], 1, true) then
      redis.call('HSET', spawned, ARGV[k], record .. ARGV[1] .. '\\n')
    end
    out[k] = {0, record}
  end
end
return out
"""

# Appends what a detached generator yields, unless its call has ended.
# KEYS: spawned, output. ARGV: call, then results.
_EMIT = """
redis.call('HDEL', KEYS[1], '')
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
for k = 2, #ARGV do redis.call('XADD', KEYS[2], '*', 'e', ARGV[k]) end
return 1
"""


class By(Enum):
    """Who ends a call."""

    #: The run of a count: only while it is the current one.
    RUN = "run"
    #: Whoever finds that nobody holds its entry, which goes.
    NOBODY = "nobody"
    #: Whoever may, whatever runs: its entry goes, and who holds it is to be told.
    ANYBODY = "anybody"


class Ending(NamedTuple):
    """A call, and the serialized Result that ends it; `run` counts the run that wrote it."""

    call: bytes
    result: bytes
    by: By
    run: Count = Count(0, 0)


class Finished(NamedTuple):
    """A call that was ended just now: the consumer that holds its entry, and that entry.

    Both are empty where there is none, and the entry where a run has ended it.
    """

    holder: str
    body: bytes


class Missing(NamedTuple):
    """Nothing is kept of a call; `begun_ms` is since when ends of its time are kept; 0: none is."""

    begun_ms: int


class KeptCalls:
    """The door to what is kept of detached calls."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._finish = redis.register_script(_FINISH)
        self._look = redis.register_script(_LOOK)
        self._emit = redis.register_script(_EMIT)

    async def finish(self, namespace: str, endings: Sequence[Ending]) -> list[Finished | None]:
        """End calls; None for one that had ended, or that this run may not end.

        May be repeated: a run is told again that it has ended its call.
        """
        found: list[Finished | None] = []
        stream = keys.call_stream(namespace, "", 0)
        begins = [key.removesuffix(":0") for key in (stream, keys.dues(stream))]
        for start in range(0, len(endings), _MOST):
            some = endings[start : start + _MOST]
            args: list[Any] = [keys.GROUP, int(LEASE_S * 1000), *begins]
            for each in some:
                args += (each.call, each.by.value, each.run.counter, each.result)
            names = _names(namespace, [each.call for each in some])
            reply: Any = await self._finish(keys=names, args=args)
            found += [Finished(each[0].decode(), each[1]) if each else None for each in reply]
        return found

    async def look(
        self, namespace: str, calls: Sequence[bytes], inbox: str = ""
    ) -> tuple[int, list[Pending | Ended | Missing]]:
        """Return Redis' clock in milliseconds, and what is kept of each call.

        `inbox` hears of the end of those that have not ended. May be repeated. The id of a
        call that another one stands for, by their key, gives that one's. Raises UnsoundError.
        """
        now_ms, found = 0, []
        for start in range(0, len(calls), _MOST):
            some = calls[start : start + _MOST]
            reply: Any = await self._look(keys=_names(namespace, some), args=[inbox, *some])
            now_ms = int(reply[0])
            for kind, record in reply[1:]:
                found.append(await self._read(namespace, inbox, kind, record))
        return now_ms, found

    async def _read(
        self, namespace: str, inbox: str, kind: int, record: bytes
    ) -> Pending | Ended | Missing:
        if kind < 0:
            return Missing(int(record or 0))
        if kind == 0:
            return read_pending(record)
        ended = read_ended(record)
        if isinstance(ended, Ended):
            return ended
        _, [found] = await self.look(namespace, [ended], inbox)
        return found if isinstance(found, Missing) else replace(found, call=ended)

    async def emit(self, namespace: str, call: bytes, results: Sequence[bytes]) -> bool:
        """Append serialized Results of a detached generator; False where its call has ended."""
        names = [keys.spawned(namespace, call), keys.output(namespace, call)]
        return bool(await self._emit(keys=names, args=[call, *results]))


def _names(namespace: str, calls: Sequence[bytes]) -> list[str]:
    return [
        name
        for call in calls
        for name in (keys.spawned(namespace, call), keys.kept(namespace, call))
    ]
