"""What the queues of a consumer share: the doors to Redis."""

from __future__ import annotations

from typing import NamedTuple

from redis.asyncio import Redis

from fnq_core.calls import CallStreams
from fnq_core.clock import Clock
from fnq_core.dues import Dues
from fnq_core.lease import Leases

__all__ = ["Doors"]


class Doors(NamedTuple):
    """The doors to call streams, to what is pending there, and to the time."""

    calls: CallStreams
    leases: Leases
    dues: Dues
    clock: Clock

    @classmethod
    def to(cls, redis: Redis) -> Doors:
        """Return the doors to one Redis."""
        return cls(CallStreams(redis), Leases(redis), Dues(redis), Clock(redis))
