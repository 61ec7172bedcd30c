"""What lies in call streams, counted from outside: by who neither reads nor runs it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from fnq_core import keys
from fnq_core.connection import UNREACHABLE, together

__all__ = ["Backlog", "Counts"]


class Counts(NamedTuple):
    """Calls of one version that wait, and calls that consumers hold."""

    waiting: int
    held: int


class Backlog:
    """The door to what waits in the call streams of one Redis."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

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
        pending = await self._all([("XPENDING", stream, keys.GROUP) for _, stream, _ in filled])
        found = [Counts(0, 0)] * len(versions)
        for (index, _, length), summary in zip(filled, pending, strict=True):
            if summary is None:
                continue  # Nobody can read what lies there.
            (waiting, held), taken = found[index], summary[0]
            found[index] = Counts(waiting + max(0, length - taken), held + taken)
        return found

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
