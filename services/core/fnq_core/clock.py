"""Redis' clock, as a process sees it: stored times are on it."""

from __future__ import annotations

import asyncio

from redis.asyncio import Redis

from fnq_core.connection import insist

__all__ = ["Clock", "Sample"]

#: Seconds by which two clocks may part per second: an old sample is worth less.
_DRIFT = 0.001


class Sample:
    """One look at another clock: how far it is ahead, and how wrong that may be.

    All in seconds; `asked` and `told` are when the question went and the answer came on
    the clock here, `theirs` is the answer.
    """

    __slots__ = ("_at", "_bound", "ahead")

    def __init__(self, asked: float, told: float, theirs: float) -> None:
        self._at = told
        self._bound = (told - asked) / 2
        self.ahead = theirs - (asked + told) / 2

    def bound(self, now: float) -> float:
        """Return by how much `ahead` may be wrong now."""
        return self._bound + (now - self._at) * _DRIFT

    def better(self, before: Sample | None) -> bool:
        """Whether it tells more than the sample `before` it."""
        return before is None or self.bound(self._at) <= before.bound(self._at)


class Clock:
    """The time of one Redis, from samples that are taken now and then."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._loop = asyncio.get_running_loop()
        self._latest: Sample | None = None

    async def sample(self) -> None:
        """Ask Redis for its time. Raises one of UNREACHABLE."""
        asked = self._loop.time()
        seconds, microseconds = await self._redis.execute_command("TIME")
        sample = Sample(asked, self._loop.time(), int(seconds) + int(microseconds) / 1e6)
        if sample.better(self._latest):
            self._latest = sample

    async def start(self) -> None:
        """Ask for the first time, as long as that takes."""
        await insist("asking for the time", self.sample)

    def at(self, redis_ms: float) -> float:
        """Return the loop time at which Redis' clock shows `redis_ms`, after the start."""
        assert self._latest is not None
        return redis_ms / 1000 - self._latest.ahead
