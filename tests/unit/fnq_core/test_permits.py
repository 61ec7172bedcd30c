"""Permits of a limit: who gets one, when, and how it comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fnq.v1 import record_pb2
from fnq_core import keys
from fnq_core.lease import LEASE_S
from fnq_core.limits import LimitBook
from fnq_core.permits import AHEAD_S, Grant, PermitDesk, Turn, Waiter, permit
from fnq_core.results import Mailboxes
from fnq_wire.policy import Policy
from tests.redis import RedisServer
from tests.unit.fnq_core.permit_model import Model
from tests.unit.fnq_core.streams import connected

LIMIT = "api"
CONSUMERS = ("c1", "c2", "c3")


def call(number: int, epoch: int = 1) -> Waiter:
    """Return a call that waits, accepted at its number."""
    return Waiter(permit(f"call-{number}".encode().ljust(16, b"."), epoch), f"{number}-0")


class House:
    """One limit, and consumers that serve it."""

    def __init__(self, server: RedisServer, client: Any) -> None:
        self.server = server
        self.limits = LimitBook(client)
        self.mailboxes = Mailboxes(client)
        self.desks = {each: PermitDesk(client, "default", LIMIT, each) for each in CONSUMERS}

    async def open(self) -> None:
        """Give each consumer its control stream."""
        for each in CONSUMERS:
            await self.mailboxes.open(keys.control(each))

    async def set(self, **policy: Any) -> None:
        """Set the policy."""
        await self.limits.set("default", LIMIT, Policy(**policy))

    async def join(self, consumer: str, *numbers: int) -> list[Grant]:
        """Have calls wait at a consumer; return what its turn grants."""
        joined = [call(each) for each in numbers]
        return (await self.desks[consumer].turn(joined=joined, waits=True)).grants

    async def release(self, consumer: str, *numbers: int) -> list[Grant]:
        """Give permits back; return what that grants."""
        released = [call(each).permit for each in numbers]
        return (await self.desks[consumer].turn(released=released)).grants

    def orders(self, consumer: str) -> list[record_pb2.Order]:
        """Return what the control stream of a consumer holds."""
        found = self.server.ask("XRANGE", keys.control(consumer), "-", "+")
        return [record_pb2.Order.FromString(fields[1]) for _, fields in found]

    def lapse(self, key: str, member: bytes | str) -> None:
        """Have a member of a set lapse now."""
        self.server.ask("ZADD", key, "XX", 1, member)


@asynccontextmanager
async def house(server: RedisServer) -> AsyncIterator[House]:
    """Give a limit at an empty Redis."""
    async with connected(server) as client:
        made = House(server, client)
        await made.open()
        yield made
        await made.limits.delete("default", LIMIT)


def names(grants: list[Grant]) -> list[bytes]:
    """Return the permits that were granted."""
    return [each.permit for each in grants]


async def test_without_a_policy_nobody_waits(server: RedisServer) -> None:
    """Each call gets its permit at once."""
    async with house(server) as made:
        grants = await made.join("c1", 1, 2, 3)
        assert names(grants) == [call(each).permit for each in (1, 2, 3)]


async def test_a_cap_lets_so_many_go_and_the_next_when_one_comes_back(server: RedisServer) -> None:
    """Whoever waited longest is next, at whichever consumer."""
    async with house(server) as made:
        await made.set(max_concurrency=2)
        assert names(await made.join("c1", 1, 2, 5)) == [call(1).permit, call(2).permit]
        assert await made.join("c2", 3) == []
        [given] = await made.release("c1", 1)
        assert (given.permit, given.consumer) == (call(3).permit, "c2")
        [order] = made.orders("c2")
        assert (order.limit_namespace, order.limit) == ("default", LIMIT)
        assert [each.name for each in order.permits] == [call(3).permit]


async def test_a_rate_spreads_permits_evenly(server: RedisServer) -> None:
    """Those of the next moment are granted with the time from which they may be used."""
    async with house(server) as made:
        await made.set(rate=50.0, per_s=1)
        turn = await made.desks["c1"].turn(joined=[call(each) for each in range(9)], waits=True)
        starts = [each.from_us - turn.now_us for each in turn.grants]
        assert starts == [0, 20_000, 40_000, 60_000, 80_000, 100_000]
        assert turn.again_s == pytest.approx(0.12 - AHEAD_S / 2)


async def test_a_burst_goes_together_after_a_pause(server: RedisServer) -> None:
    """The next one waits for its interval."""
    async with house(server) as made:
        await made.set(rate=1.0, per_s=60, burst=3)
        turn = await made.desks["c1"].turn(joined=[call(each) for each in range(9)], waits=True)
        assert [each.from_us - turn.now_us for each in turn.grants] == [0, 0, 0]
        assert turn.again_s == pytest.approx(60 - AHEAD_S / 2)


async def test_a_permit_whose_holder_is_gone_comes_back_with_its_lease(
    server: RedisServer,
) -> None:
    """And whoever waits for it knows when to come again."""
    async with house(server) as made:
        await made.set(max_concurrency=1)
        await made.join("c1", 1)
        turn = await made.desks["c2"].turn(joined=[call(2)], waits=True)
        assert turn.again_s == pytest.approx(LEASE_S, abs=0.5)
        made.lapse(keys.permits("default", LIMIT), call(1).permit)
        assert names((await made.desks["c2"].turn(waits=True)).grants) == [call(2).permit]


async def test_those_who_wait_at_a_dead_consumer_hold_nobody_up(server: RedisServer) -> None:
    """Neither one whose lease has lapsed, nor one whose control stream is gone."""
    async with house(server) as made:
        await made.set(max_concurrency=1)
        await made.join("c1", 1)
        for number, consumer in enumerate(CONSUMERS, 2):
            await made.join(consumer, number)
        made.lapse(keys.permit_consumers("default", LIMIT), "c1")
        await made.mailboxes.close(keys.control("c2"))
        assert names(await made.release("c3", 1)) == [call(4).permit]


async def test_what_another_consumer_is_given_lapses_with_its_lease(server: RedisServer) -> None:
    """Until it renews it: it may have died before it was told."""
    async with house(server) as made:
        await made.set(max_concurrency=1)
        await made.join("c1", 1)
        await made.join("c2", 2)
        at = server.ask("ZSCORE", keys.permit_consumers("default", LIMIT), "c2")
        await made.release("c1", 1)
        assert server.ask("ZSCORE", keys.permits("default", LIMIT), call(2).permit) == at
        await made.desks["c2"].turn(taken=[call(2).permit])
        assert server.ask("ZSCORE", keys.permits("default", LIMIT), call(2).permit) >= at


async def test_a_released_permit_is_not_renewed_by_who_had_it_before(server: RedisServer) -> None:
    """Its run went elsewhere, and ended there; but a run that goes on may be taken over."""
    async with house(server) as made:
        await made.set(max_concurrency=1)
        await made.join("c1", 1)
        await made.release("c2", 1)
        await made.desks["c1"].turn(renewed=[call(1).permit])
        assert (await made.limits.look("default", LIMIT)).held == 0
        await made.desks["c1"].turn(taken=[call(1).permit])
        assert (await made.limits.look("default", LIMIT)).held == 1


async def test_a_turn_may_be_repeated(server: RedisServer) -> None:
    """Its answer was lost: the permit is there, and is no other one."""
    async with house(server) as made:
        await made.set(max_concurrency=2)
        first = await made.join("c1", 1)
        assert names(await made.join("c1", 1)) == names(first)
        assert (await made.limits.look("default", LIMIT)).held == 1


async def test_who_leaves_waits_no_longer(server: RedisServer) -> None:
    """The next one is granted in its place."""
    async with house(server) as made:
        await made.set(max_concurrency=1)
        await made.join("c1", 1, 2, 3)
        await made.desks["c1"].turn(left=[call(2)], waits=True)
        assert names(await made.release("c1", 1)) == [call(3).permit]


async def test_a_policy_that_changes_has_consumers_look_again(server: RedisServer) -> None:
    """Also one that goes: what waited runs at once."""
    async with house(server) as made:
        await made.set(rate=1.0, per_s=86_400)
        await made.join("c1", 1, 2, 3)
        assert (await made.limits.look("default", LIMIT)).waiting == [
            call(each).permit[:16] for each in (2, 3)
        ]
        await made.set(rate=10.0)
        [order] = made.orders("c1")
        assert (order.limit, list(order.permits)) == (LIMIT, [])
        turn = await made.desks["c1"].turn(waits=True)
        # What the old rate had ahead is no more than one grant of the new one.
        assert turn.again_s is not None
        assert turn.again_s < 0.3
        await made.limits.delete("default", LIMIT)
        assert len(made.orders("c1")) == 2
        turn = await made.desks["c1"].turn(waits=True)
        assert call(3).permit in names(turn.grants)


async def test_a_full_redis_grants_all_the_same(server: RedisServer) -> None:
    """Calls that were accepted go on, and end."""
    async with house(server) as made:
        await made.set(max_concurrency=1)
        server.ask("CONFIG", "SET", "maxmemory", 1)
        try:
            assert names(await made.join("c1", 1)) == [call(1).permit]
        finally:
            server.ask("CONFIG", "SET", "maxmemory", 0)


_POLICIES = st.none() | st.builds(
    Policy,
    max_concurrency=st.integers(0, 4),
    rate=st.sampled_from([0.0, 1.0, 37.0, 400.0, 2_500.0, 20_000.0]),
    per_s=st.sampled_from([1, 60]),
    burst=st.integers(1, 3),
)
_STEPS = st.lists(
    st.tuples(
        st.sampled_from(CONSUMERS),
        st.sampled_from(["join", "join", "release", "release", "leave", "lapse", "permit", "set"]),
        st.integers(0, 3),
        _POLICIES,
    ),
    max_size=40,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_STEPS)
def test_the_script_decides_as_the_model_does(server: RedisServer, steps: list[Any]) -> None:
    """Whoever joins, leaves, dies and comes back, and whatever the policy becomes."""
    server.ask("FLUSHALL")
    asyncio.run(_compare(server, steps))


async def _compare(server: RedisServer, steps: list[Any]) -> None:
    async with house(server) as made:
        model, pair = Model(), _Pair(made)
        for consumer, what, count, policy in steps:
            if what == "set":
                model.policy = policy
                await _set(made, policy)
            else:
                await pair.step(model, consumer, what, count)


async def _set(made: House, policy: Policy | None) -> None:
    if policy is None:
        await made.limits.delete("default", LIMIT)
    else:
        await made.limits.set("default", LIMIT, policy)


class _Pair:
    """Does the same to a limit and to its model, and compares what they grant."""

    def __init__(self, made: House) -> None:
        self._made = made
        self._numbers = 0
        self._held: list[bytes] = []

    async def step(self, model: Model, consumer: str, what: str, count: int) -> None:
        """Do one thing, and compare."""
        released, left, joined = list[bytes](), list[Waiter](), list[Waiter]()
        mine = [each for each in sorted(model.queue) if each[2] == consumer]
        if what == "join":
            joined = [call(self._numbers + each) for each in range(count)]
            self._numbers += count
        elif what == "release":
            released, self._held = self._held[:count], self._held[count:]
        elif what == "leave":
            left = [Waiter(name, f"{at}-0") for at, name, _ in mine[:count]]
        elif what == "lapse" and consumer in model.consumers:
            self._made.lapse(keys.permit_consumers("default", LIMIT), consumer)
            model.consumers[consumer] = 1
            return
        elif what == "permit" and self._held:
            self._made.lapse(keys.permits("default", LIMIT), self._held[0])
            model.permits[self._held.pop(0)] = 1
        waits = bool(joined) or len(mine) > len(left)
        turn: Turn = await self._made.desks[consumer].turn(
            released=released, left=left, joined=joined, waits=waits
        )
        expected = model.turn(
            turn.now_us,
            consumer,
            released=released,
            left=[each.permit for each in left],
            joined=[(int(each.entry[:-2]), each.permit) for each in joined],
            waits=waits,
        )
        assert turn.grants == expected
        self._held += [each.permit for each in turn.grants]
        found = await self._made.limits.look("default", LIMIT)
        assert found.held == len(model.permits)
