"""Permits: who may run now of the calls that name a limit.

A permit is of one run: it is named by call and epoch. Whose run ended gives it back, and
until then its consumer renews it, as it renews the place of a call that waits. What was
not renewed for `LEASE_S` is gone: a consumer that died keeps no permit from others, and
holds nobody up. All is decided by one script on Redis' clock (`permit_turn`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, NamedTuple

from redis.asyncio import Redis

from fnq.v1 import record_pb2
from fnq_core import keys
from fnq_core.lease import LEASE_S
from fnq_core.permit_turn import TURN
from fnq_core.results import order

__all__ = [
    "AHEAD_S",
    "WAITER_BYTES",
    "Grant",
    "PermitDesk",
    "Turn",
    "Waiter",
    "call_of_waiter",
    "permit",
]

#: Seconds by which a permit may be granted before its time: a consumer that is late by
#: less uses each of them in time, and the rate loses nothing.
AHEAD_S = 0.1
#: Bytes of a waiter, see `permit_turn`: its order, its call, and the epoch.
_ORDER, _CALL, _EPOCH = 8, 16, 4
#: Bytes of a waiter before its consumer.
WAITER_BYTES = _ORDER + _CALL + _EPOCH


class Waiter(NamedTuple):
    """A call that waits: the name of its permit, and the entry, whose id says since when."""

    permit: bytes
    entry: str


class Grant(NamedTuple):
    """A permit of a call at `consumer`, which may be used from `from_us` on, on Redis' clock."""

    permit: bytes
    consumer: str
    from_us: int


@dataclass(frozen=True, slots=True)
class Turn:
    """What came of a turn at `now_us`: permits, and the seconds until the next should come.

    The permits are all that it granted; other consumers are told of theirs by an order.
    """

    now_us: int
    again_s: float | None
    grants: list[Grant]


class PermitDesk:
    """The door to the permits of one limit, for one consumer."""

    def __init__(self, redis: Redis, namespace: str, limit: str, consumer: str) -> None:
        self._turn = redis.register_script(TURN)
        self._consumer = consumer
        self._keys = [
            keys.limits(namespace),
            keys.permits(namespace, limit),
            keys.permit_queue(namespace, limit),
            keys.permit_consumers(namespace, limit),
            keys.permit_due(namespace, limit),
        ]
        told = record_pb2.Order(limit_namespace=namespace, limit=limit)
        self._head: list[Any] = [
            limit,
            consumer,
            int(LEASE_S * 1e3),
            int(AHEAD_S * 1e6),
            keys.control(""),
            told.SerializeToString(),
        ]

    async def turn(
        self,
        *,
        taken: Collection[bytes] = (),
        renewed: Collection[bytes] = (),
        released: Collection[bytes] = (),
        left: Collection[Waiter] = (),
        joined: Collection[Waiter] = (),
        waits: bool = False,
    ) -> Turn:
        """Say what changed, and have permits granted to those who waited longest.

        `taken` are permits of runs that go on here, whether they have lapsed or not,
        `renewed` those that go on unless another consumer has released them; `joined` are
        also waiters that go on waiting; `waits`: whether any call waits here at all. May be
        repeated.
        """
        args = [*self._head]
        for each in (taken, renewed, released):
            args += (len(each), *each)
        for waiters in (left, joined):
            args += (len(waiters), *(self._member(each) for each in waiters))
        args += (len(joined), *(order(each.entry)[0] for each in joined), int(waits))
        now, again_us, grants = await self._turn(keys=self._keys, args=args)
        found = [
            Grant(name, consumer.decode(), int(from_us))
            for name, consumer, from_us in zip(*(grants[k::3] for k in range(3)), strict=True)
        ]
        return Turn(int(now), again_us / 1e6 if again_us >= 0 else None, found)

    def _member(self, waiter: Waiter) -> bytes:
        number = order(waiter.entry)[1].to_bytes(_ORDER, "big")
        return number + waiter.permit + self._consumer.encode()


def permit(call: bytes, epoch: int) -> bytes:
    """Return the name of the permit of a run."""
    return call + epoch.to_bytes(_EPOCH, "big")


def call_of_waiter(member: bytes) -> bytes:
    """Return the call that a member of the queue is of."""
    return member[_ORDER : _ORDER + _CALL]
