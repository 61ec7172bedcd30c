"""What this consumer says at one limit: who waits here for a permit, and who holds one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Protocol

import structlog
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from fnq.v1 import record_pb2
from fnq_consumer.held import Held, Permit
from fnq_core.connection import UNREACHABLE, insist
from fnq_core.lease import LEASE_RENEW_S, LEASE_S
from fnq_core.permits import PermitDesk, Turn, Waiter, permit
from fnq_core.service import Spawn

__all__ = ["Desk", "Desks", "Granted"]

#: Seconds between two turns that name all who wait: should a permit of theirs have been lost.
_ROLL_CALL_S = LEASE_S / 2
#: Seconds until a limit that Redis refuses to tell is asked for again.
_BROKEN_S = 1.0
_log = structlog.get_logger()


class Granted(Protocol):
    """Who is told of a permit."""

    def granted(self, held: Held, permit: Permit, wait_s: float) -> None:
        """Take the permit of a call, which may be used in so many seconds."""


class Desk:
    """Gathers what changes at one limit, and says it in one turn at Redis.

    Whatever has a permit here is renewed until it is given back or dropped, and so is
    whatever waits.
    """

    def __init__(self, name: str, door: PermitDesk, consumer: str) -> None:
        self._name = name
        self._door = door
        self._consumer = consumer
        self._waiting: dict[bytes, tuple[Held, Waiter, Granted]] = {}
        self._held: set[bytes] = set()
        # What is to be said at the next turn.
        self._joined: dict[bytes, Waiter] = {}
        self._left: list[Waiter] = []
        self._taken: set[bytes] = set()
        self._released: list[bytes] = []
        self._news = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        #: Loop times at which all that is here is renewed, and at which all who wait are named.
        self._renew_at = self._roll_call_at = 0.0
        #: Loop time at which it was renewed last.
        self._renewed_at = 0.0
        self._complaint = ""

    def join(self, held: Held, station: Granted) -> None:
        """Have a call wait for a permit; `station` is told when it has one."""
        name = _permit_of(held)
        waiter = Waiter(name, held.entry)
        self._waiting[name] = held, waiter, station
        self._joined[name] = waiter
        self._news.set()

    def leave(self, held: Held) -> None:
        """Have a call wait no longer."""
        name = _permit_of(held)
        found = self._waiting.pop(name, None)
        if found is not None:
            self._joined.pop(name, None)
            self._left.append(found[1])
            self._news.set()

    def take_over(self, held: Held) -> Permit:
        """Return the permit of a run that goes on here."""
        return self._keep(_permit_of(held))

    def release(self, name: bytes) -> None:
        """Give a permit back: its run is over, or did not begin."""
        self.drop(name)
        self._released.append(name)
        self._news.set()

    def drop(self, name: bytes) -> None:
        """Renew a permit no longer: another consumer has its run."""
        self._held.discard(name)
        self._taken.discard(name)

    def obey(self, permits: Iterable[record_pb2.Permit]) -> None:
        """Take permits that another consumer's turn brought; look again where there are none."""
        for each in permits:
            self._take(each.name, each.wait_us / 1e6)
        self._news.set()

    def _keep(self, name: bytes) -> Permit:
        self._held.add(name)
        self._taken.add(name)
        self._news.set()
        return Permit(self, name)

    def _take(self, name: bytes, wait_s: float) -> None:
        """Hand a permit to the call that it is of; give it back where there is none."""
        found = self._waiting.pop(name, None)
        if found is not None:
            self._joined.pop(name, None)
            held, _, station = found
            station.granted(held, self._keep(name), wait_s)
        elif name not in self._held:
            self.release(name)

    async def serve_forever(self) -> None:
        """Take turns as there is something to say, until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                turn = await insist("asking for permits", self.take_turn)
            except ResponseError as problem:
                self._complain(problem)
                self._wake_at(self._now() + _BROKEN_S)
                continue
            for each in turn.grants:
                if each.consumer == self._consumer:
                    self._take(each.permit, max(0, each.from_us - turn.now_us) / 1e6)
            if self._waiting or self._held:
                again_s = LEASE_S if turn.again_s is None else turn.again_s
                self._wake_at(min(self._now() + again_s, self._renew_at))

    async def take_turn(self) -> Turn:
        """Say what changed; all that is here where it is time for that."""
        joined, renewed, now = list(self._joined.values()), set[bytes](), self._now()
        if now >= self._roll_call_at:
            joined = [waiter for _, waiter, _ in self._waiting.values()]
        if now >= self._renew_at:
            renewed = set(self._held)
            if now - self._renewed_at > LEASE_S:
                # They may have lapsed, but their runs go on.
                self._taken |= renewed
        taken, left, released = self._taken, self._left, self._released
        self._joined, self._taken, self._left, self._released = {}, set(), [], []
        try:
            turn = await self._door.turn(
                taken=taken,
                renewed=renewed,
                released=released,
                left=left,
                joined=joined,
                waits=bool(self._waiting),
            )
        except BaseException:
            self._taken |= taken & self._held
            self._left, self._released = left + self._left, released + self._released
            self._renew_at = self._roll_call_at = 0.0
            raise
        if now >= self._renew_at:
            self._renew_at, self._renewed_at = now + LEASE_RENEW_S, now
        if now >= self._roll_call_at:
            self._roll_call_at = now + _ROLL_CALL_S
        return turn

    async def close(self) -> None:
        """Say which permits are given back, and that no call waits here any more."""
        try:
            await self._door.turn(released=self._released, left=self._left)
        except UNREACHABLE:
            raise
        except ResponseError as problem:
            self._complain(problem)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _wake_at(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(at, self._news.set)

    def _complain(self, problem: ResponseError) -> None:
        """Log what Redis says of the limit, once for as long as it is the same."""
        if str(problem) != self._complaint:
            self._complaint = str(problem)
            _log.error("a limit cannot be asked", limit=self._name, problem=self._complaint)


class Desks:
    """The limits that functions served here name."""

    def __init__(self, redis: Redis, consumer: str, spawn: Spawn) -> None:
        self._redis = redis
        self._consumer = consumer
        self._spawn = spawn
        self._desks: dict[tuple[str, str], Desk] = {}

    def at(self, namespace: str, limit: str) -> Desk:
        """Return the desk of a limit, opened when it is first asked for."""
        key = (namespace, limit)
        if key not in self._desks:
            door = PermitDesk(self._redis, namespace, limit, self._consumer)
            desk = self._desks[key] = Desk(limit, door, self._consumer)
            self._spawn(desk.serve_forever(), "take turns at a limit")
        return self._desks[key]

    def obey(self, order: record_pb2.Order) -> None:
        """Tell a desk what another turn granted, or that its policy is another one."""
        desk = self._desks.get((order.limit_namespace, order.limit))
        if desk is not None:
            desk.obey(order.permits)

    async def close(self) -> None:
        """Say what is left to say: permits given back, and calls that wait no longer."""
        for desk in self._desks.values():
            await desk.close()


def _permit_of(held: Held) -> bytes:
    return permit(held.call.call, held.count.epoch)
