"""Calls that wait for a permit, where they stand and what becomes of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from fnq.v1 import record_pb2, result_pb2
from fnq_consumer import consumer as consumer_module
from fnq_consumer import desk as desk_module
from fnq_consumer.consumer import Consumer
from fnq_core import keys
from fnq_core.calls import CallStreams
from fnq_core.connection import connect
from fnq_core.limits import Limit, LimitBook
from fnq_core.results import Mailboxes
from fnq_wire.policy import Policy
from tests.loop import eventually
from tests.redis import RedisServer
from tests.toy import service
from tests.toy.agent import ToyAgent
from tests.unit.fnq_consumer.inlet import INBOX, STREAM, VERSION, queue, results

LIMIT = "api"
PERMITS = keys.permits("default", LIMIT)
QUEUE = keys.permit_queue("default", LIMIT)


@pytest.fixture(autouse=True)
def _clean(server: RedisServer) -> Iterator[None]:
    """Leave no policy."""
    yield
    server.ask("DEL", keys.limits("default"))


class Bench:
    """A function under a limit."""

    def __init__(self, server: RedisServer, client: Any) -> None:
        self.server = server
        self.client = client
        self.book = LimitBook(client)

    async def set(self, **policy: Any) -> None:
        """Set the policy."""
        await self.book.set("default", LIMIT, Policy(**policy))

    async def look(self) -> Limit:
        """Return what is at the limit."""
        return await self.book.look("default", LIMIT)

    def held(self) -> int:
        """Return how many permits are held."""
        return int(self.server.ask("ZCARD", PERMITS))

    def waiting(self) -> int:
        """Return how many calls wait for one."""
        return int(self.server.ask("ZCARD", QUEUE))


@asynccontextmanager
async def bench(server: RedisServer, **policy: Any) -> AsyncIterator[Bench]:
    """Have the function deployed, with a policy where one is given."""
    await service.deploy(server, VERSION, rate_limit_key=LIMIT)
    client = connect(server.url)
    await Mailboxes(client).open(INBOX)
    made = Bench(server, client)
    if policy:
        await made.set(**policy)
    try:
        yield made
    finally:
        await client.aclose()
        server.ask("DEL", INBOX)


async def test_calls_that_wait_take_no_slot_and_no_more_are_read_than_there_is_room_for(
    server: RedisServer, tmp_path: Path
) -> None:
    """They count against the room; a permit is asked for those alone."""
    async with (
        bench(server, max_concurrency=2) as made,
        service.consumer(server, tmp_path) as (consumer, address),
        ToyAgent(server.url, VERSION, slots=5) as agent,
    ):
        await agent.attach(address)
        queue(server, 20)
        await eventually(lambda: len(agent.runs) == 2)
        await eventually(lambda: len(consumer.ledger) == 5)
        assert (made.held(), made.waiting()) == (2, 3)
        assert server.ask("XPENDING", STREAM, keys.GROUP)[0] == 5


async def test_whoever_waited_longest_goes_when_a_run_ends(
    server: RedisServer, tmp_path: Path
) -> None:
    """In the order in which they were accepted."""
    async with (
        bench(server, max_concurrency=1) as made,
        service.consumer(server, tmp_path) as (_, address),
        ToyAgent(server.url, VERSION, slots=4) as agent,
    ):
        await agent.attach(address)
        calls = queue(server, 4)
        for call in calls:
            await eventually(lambda: call in agent.runs)  # noqa: B023 - waited for within the turn
            assert agent.runs.keys() - agent.published == {call}
            assert call not in (await made.look()).waiting
            await agent.end(agent.runs[call])
        await eventually(lambda: made.held() == 0)
        assert [each.call.call for each in agent.dispatched] == calls


async def test_a_call_that_waits_is_known_with_its_place(
    server: RedisServer, tmp_path: Path
) -> None:
    """To any server, from what lies in Redis."""
    async with (
        bench(server, max_concurrency=1) as made,
        service.consumer(server, tmp_path) as (_, address),
        ToyAgent(server.url, VERSION, slots=3) as agent,
    ):
        await agent.attach(address)
        calls = queue(server, 3)
        await eventually(lambda: made.waiting() == 2)
        assert await made.look() == Limit(LIMIT, Policy(1), 1, calls[1:])


@pytest.mark.parametrize("how", ["ended", "lost", "returned", "cancelled"])
async def test_a_permit_comes_back_however_its_run_ends(
    server: RedisServer, tmp_path: Path, how: str
) -> None:
    """A run that begins again waits for another one."""
    async with (
        bench(server, max_concurrency=1) as made,
        service.consumer(server, tmp_path) as (consumer, address),
        ToyAgent(server.url, VERSION, slots=2) as agent,
    ):
        await agent.attach(address)
        first, second = queue(server, 2)
        await eventually(lambda: first in agent.runs and made.waiting() == 1)
        run = agent.runs[first]
        if how == "cancelled":
            _cancel(server, consumer, first)
            await eventually(lambda: agent.cancelled)
            await agent.end(run)
        elif how == "ended":
            await agent.end(run)
        else:
            await agent.report(run, **{how: LOST if how == "lost" else True})
        await eventually(lambda: second in agent.runs)
        await agent.end(agent.runs[second])
        if how in ("lost", "returned"):
            await eventually(lambda: first in agent.runs and agent.runs[first].epoch == 2)
            await agent.end(agent.runs[first])
        await eventually(lambda: made.held() == 0)


LOST = result_pb2.Failure(error="WorkerLostError", message="it died")


def _cancel(server: RedisServer, consumer: Consumer, call: bytes) -> None:
    order = record_pb2.Order()
    order.cancellations.add(call=call, reason="enough")
    server.ask("XADD", keys.control(consumer.name), "*", "e", order.SerializeToString())


async def test_a_call_that_is_cancelled_while_it_waits_leaves_the_queue(
    server: RedisServer, tmp_path: Path
) -> None:
    """Also one whose permit was granted ahead of its time; the next one takes its room."""
    async with (
        bench(server, rate=1.0, per_s=86_400) as made,
        service.consumer(server, tmp_path) as (consumer, address),
        ToyAgent(server.url, VERSION, slots=3) as agent,
    ):
        await agent.attach(address)
        first, second, third = queue(server, 3)
        await eventually(lambda: first in agent.runs and made.waiting() == 2)
        _cancel(server, consumer, second)
        await eventually(lambda: made.waiting() == 1)
        assert (await made.look()).waiting == [third]
        await eventually(lambda: len(consumer.ledger) == 2)


async def test_a_call_that_is_withdrawn_while_it_waits_leaves_the_queue(
    server: RedisServer, tmp_path: Path
) -> None:
    """Its server does not know which consumer has read it: Redis does."""
    async with (
        bench(server, max_concurrency=1) as made,
        service.consumer(server, tmp_path) as (consumer, address),
        ToyAgent(server.url, VERSION, slots=3) as agent,
    ):
        await agent.attach(address)
        first, _, third = queue(server, 3)
        await eventually(lambda: first in agent.runs and made.waiting() == 2)
        entry = server.ask("XRANGE", STREAM, "-", "+")[1][0].decode()
        await CallStreams(made.client).withdraw(STREAM, entry)
        await eventually(lambda: made.waiting() == 1, 1.0)
        assert (await made.look()).waiting == [third]
        await eventually(lambda: server.ask("XPENDING", STREAM, keys.GROUP)[0] == 2)
        assert len(consumer.ledger) == 2


async def test_a_call_whose_deadline_passes_while_it_waits_says_for_which_limit(
    server: RedisServer, tmp_path: Path
) -> None:
    """And leaves the queue, with its room."""
    async with (
        bench(server, max_concurrency=1) as made,
        service.consumer(server, tmp_path) as (consumer, address),
        ToyAgent(server.url, VERSION, slots=2) as agent,
    ):
        await agent.attach(address)
        [first] = queue(server)
        await eventually(lambda: first in agent.runs)
        queue(server, remaining_ms=200)
        await eventually(lambda: results(server))
        [result] = results(server)
        assert result.end.failure.error == "CallTimeoutError"
        assert result.end.failure.message == (
            "its deadline passed before it had a permit of the rate limit 'api'"
        )
        await eventually(lambda: made.waiting() == 0 and len(consumer.ledger) == 1)


async def test_a_policy_that_is_set_deleted_or_changed_holds_at_once(
    server: RedisServer, tmp_path: Path
) -> None:
    """For the calls that wait; what runs already counts."""
    async with (
        bench(server) as made,
        service.consumer(server, tmp_path) as (_, address),
        ToyAgent(server.url, VERSION, slots=9) as agent,
    ):
        await agent.attach(address)
        queue(server, 2)
        await eventually(lambda: len(agent.runs) == 2)
        await made.set(max_concurrency=2)
        queue(server, 3)
        await eventually(lambda: made.waiting() == 3)
        await made.set(max_concurrency=4)
        await eventually(lambda: len(agent.runs) == 4)
        await made.book.delete("default", LIMIT)
        await eventually(lambda: len(agent.runs) == 5, 1.0)


async def test_a_permit_goes_on_at_the_consumer_that_an_agent_moves_to(
    server: RedisServer, tmp_path: Path
) -> None:
    """Its run goes on there; whoever waits there waits for its end, and no longer."""
    async with bench(server, max_concurrency=1) as made, _moving(server) as agent:
        async with service.consumer(server, tmp_path, "c1") as (_, address):
            await agent.attach(address)
            first, second = queue(server, 2)
            await eventually(lambda: first in agent.runs and made.waiting() == 1)
            await agent.detach()
        async with service.consumer(server, tmp_path, "c2") as (_, address):
            # As if nobody had renewed it since.
            server.ask("DEL", PERMITS)
            await agent.attach(address)
            await eventually(lambda: made.waiting() == 1)
            assert (made.held(), set(agent.runs)) == (1, {first})
            await agent.end(agent.runs[first])
            await eventually(lambda: second in agent.runs)
            await agent.end(agent.runs[second])
            await eventually(lambda: made.held() == 0)


async def test_a_permit_of_a_run_that_ended_on_the_way_comes_back(
    server: RedisServer, tmp_path: Path
) -> None:
    """Its consumer is gone, and the next one hears of its end."""
    async with bench(server, max_concurrency=1) as made, _moving(server) as agent:
        async with service.consumer(server, tmp_path, "c1") as (_, address):
            await agent.attach(address)
            [call] = queue(server)
            await eventually(lambda: call in agent.runs)
            await agent.detach()
        await agent.end(agent.runs[call])
        assert made.held() == 1
        async with service.consumer(server, tmp_path, "c2") as (_, address):
            await agent.attach(address)
            await eventually(lambda: made.held() == 0)


@asynccontextmanager
async def _moving(server: RedisServer) -> AsyncIterator[ToyAgent]:
    async with ToyAgent(server.url, VERSION, slots=2) as agent:
        yield agent


async def test_a_worker_that_dies_gives_its_permit_back_with_its_calls(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not only when its lease has lapsed."""
    monkeypatch.setattr(consumer_module, "_GRACE_S", 0.05)
    async with (
        bench(server, max_concurrency=1) as made,
        service.consumer(server, tmp_path) as (_, address),
        ToyAgent(server.url, VERSION, slots=1) as dying,
        ToyAgent(server.url, VERSION, slots=1, replica=1) as living,
    ):
        await dying.attach(address)
        [call] = queue(server)
        await eventually(lambda: call in dying.runs)
        await dying.detach()
        await living.attach(address)
        await eventually(lambda: call in living.runs, 3.0)
        assert (living.runs[call].deaths, made.held()) == (1, 1)


async def test_room_that_goes_takes_calls_out_of_the_queue(
    server: RedisServer, tmp_path: Path
) -> None:
    """No permit is for a call that would wait for a worker."""
    async with (
        bench(server, max_concurrency=1) as made,
        service.consumer(server, tmp_path) as (consumer, address),
        ToyAgent(server.url, VERSION, slots=3) as agent,
    ):
        await agent.attach(address)
        queue(server, 3)
        await eventually(lambda: made.waiting() == 2)
        agent.slots = 1
        await agent.state()
        await eventually(lambda: made.waiting() == 0)
        assert len(consumer.ledger) == 3
        agent.slots = 2
        await agent.state()
        await eventually(lambda: made.waiting() == 1)


async def test_a_consumer_that_stops_leaves_nobody_waiting(
    server: RedisServer, tmp_path: Path
) -> None:
    """Another one may have the calls, and their permits, at once."""
    async with bench(server, max_concurrency=1) as made, _moving(server) as agent:
        async with service.consumer(server, tmp_path) as (_, address):
            await agent.attach(address)
            queue(server, 2)
            await eventually(lambda: made.waiting() == 1)
            await agent.detach()
        assert (await made.look()).waiting == []
        assert made.waiting() == 0


async def test_a_permit_for_a_call_that_is_gone_is_given_back(
    server: RedisServer, tmp_path: Path
) -> None:
    """Another consumer's turn granted it while it was taken out here."""
    async with (
        bench(server, max_concurrency=1) as made,
        service.consumer(server, tmp_path) as (consumer, address),
        ToyAgent(server.url, VERSION, slots=1) as agent,
    ):
        await agent.attach(address)
        [call] = queue(server)
        await eventually(lambda: call in agent.runs)
        await agent.end(agent.runs[call])
        await eventually(lambda: made.held() == 0)
        server.ask("ZADD", PERMITS, 1 << 50, name := b"gone".ljust(20, b"."))
        server.ask("PEXPIRE", PERMITS, 60_000)
        order = record_pb2.Order(limit_namespace="default", limit=LIMIT)
        order.permits.add(name=name)
        server.ask("XADD", keys.control(consumer.name), "*", "e", order.SerializeToString())
        await eventually(lambda: made.held() == 0)


async def test_a_limit_that_redis_does_not_tell_is_asked_for_until_it_does(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is logged once, and the calls begin when it is mended."""
    monkeypatch.setattr(desk_module, "_BROKEN_S", 0.01)
    with capture_logs() as logs:
        async with (
            bench(server) as _,
            service.consumer(server, tmp_path) as (_, address),
            ToyAgent(server.url, VERSION, slots=1) as agent,
        ):
            server.ask("SET", keys.limits("default"), "no hash", "EX", 60)
            await agent.attach(address)
            [call] = queue(server)
            await eventually(lambda: any("limit" in each for each in logs))
            server.ask("DEL", keys.limits("default"))
            await eventually(lambda: call in agent.runs)
    said = [each for each in logs if each["event"] == "a limit cannot be asked"]
    assert len(said) == 1
    assert "WRONGTYPE" in said[0]["problem"]
