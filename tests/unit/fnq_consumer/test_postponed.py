"""Calls that wait for their next attempt: where, for how long, and through whose death."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from pathlib import Path

import pytest

from fnq.v1 import record_pb2, result_pb2
from fnq_consumer import consumer as consumer_module
from fnq_consumer.queue import Queue
from fnq_core import keys
from fnq_core.dues import Dues
from fnq_core.lease import LEASE_S, Count
from fnq_core.results import Mailboxes
from tests.loop import eventually
from tests.redis import RedisServer
from tests.toy import service
from tests.toy.agent import ToyAgent
from tests.unit.fnq_consumer.inlet import STREAM, VERSION, deployed, queue, results
from tests.unit.fnq_core.streams import connected

#: Milliseconds of a wait that a test sees the end of, and of one that it does not.
SHORT_MS, LONG_MS = 150, 60_000
#: More calls than one look for what was left behind finds.
MANY = 250
#: Seconds by which an attempt may be later than it is due.
LATE_S = 0.05


def count(redis: RedisServer) -> Count:
    """Return what the counter of the one pending entry holds."""
    [[_, _, _, counter]] = redis.ask("XPENDING", STREAM, keys.GROUP, "-", "+", 1)
    return Count.of(counter)


def due(redis: RedisServer) -> int:
    """Return how many entries wait for another attempt."""
    return int(redis.ask("HLEN", keys.dues(STREAM)))


async def _cancel(redis: RedisServer, consumer: str, call: bytes) -> None:
    order = record_pb2.Order()
    order.cancellations.add(call=call, reason="enough")
    async with connected(redis) as client:
        await Mailboxes(client).publish([(keys.control(consumer), order.SerializeToString())])


async def test_an_attempt_that_failed_is_repeated_after_its_wait(
    server: RedisServer, tmp_path: Path
) -> None:
    """To the moment; with the next attempt and epoch, and nothing left of it in the end."""
    loop = asyncio.get_running_loop()
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (made, address),
        ToyAgent(server.url, VERSION) as agent,
    ):
        await agent.attach(address)
        [call] = queue(server)
        await eventually(lambda: agent.dispatched)
        for attempt in range(3):
            run = agent.dispatched[attempt]
            assert (run.attempt, run.epoch, run.deaths) == (attempt, attempt + 1, 0)
            failed_at = loop.time()
            await agent.fail(run, SHORT_MS)
            await eventually(lambda: agent.settled.count(call) == attempt + 1)  # noqa: B023
            assert (due(server), count(server)) == (1, Count(attempt + 2, 0, attempt + 1))
            await eventually(lambda: len(agent.dispatched) == attempt + 2)  # noqa: B023
            waited = loop.time() - failed_at
            assert SHORT_MS / 1000 <= waited <= SHORT_MS / 1000 + LATE_S
            assert due(server) == 0
        await agent.end(agent.dispatched[-1])
        await eventually(lambda: len(made.ledger) == 0)
        assert agent.dispatched[-1].call == agent.dispatched[0].call
        await eventually(lambda: server.ask("XLEN", STREAM) == 0)


async def test_what_waits_takes_no_room(server: RedisServer, tmp_path: Path) -> None:
    """A worker with one slot takes the next calls meanwhile; its lease is renewed."""
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (made, address),
        ToyAgent(server.url, VERSION, slots=1) as agent,
    ):
        await agent.attach(address)
        queue(server)
        await eventually(lambda: agent.dispatched)
        await agent.fail(agent.dispatched[0], LONG_MS)
        calls = queue(server, 3)
        for number, call in enumerate(calls, 1):
            await eventually(lambda: len(agent.dispatched) == number + 1)  # noqa: B023
            assert agent.dispatched[number].call.call == call
            await agent.end(agent.dispatched[number])
        await eventually(lambda: server.ask("XLEN", STREAM) == 1)
        held = made.queue("default", VERSION).waiting[STREAM]
        assert [each.run for each in held] == [(agent.dispatched[0].entry, Count(2, 0, 1))]
        entry = held[0].entry
        server.ask("XCLAIM", STREAM, keys.GROUP, made.name, 0, entry, "IDLE", 7_000, "JUSTID")
        await made._renew(made.queue("default", VERSION))
        [[_, _, idle_ms, _]] = server.ask("XPENDING", STREAM, keys.GROUP, "-", "+", 1)
        assert idle_ms < 1_000


async def test_a_consumer_that_dies_leaves_the_rest_of_the_wait_to_another(
    server: RedisServer, tmp_path: Path
) -> None:
    """Whoever claims the entry neither begins it at once nor counts an attempt more."""
    async with deployed(server), ToyAgent(server.url, VERSION) as agent:
        async with service.consumer(server, tmp_path, "c1") as (_, address):
            await agent.attach(address)
            [call] = queue(server)
            await eventually(lambda: agent.dispatched)
            loop = asyncio.get_running_loop()
            until = loop.time() + 1.2
            await agent.fail(agent.dispatched[0], 1_200)
            await eventually(lambda: agent.settled == [call])
            await agent.detach()
        # It let go of what waited: another may claim it now, and not only after the lease.
        async with service.consumer(server, tmp_path, "c2") as (made, address):
            await agent.attach(address)
            await agent.state()
            await made._search(made.queue("default", VERSION), False)
            assert len(made.ledger) == 1
            assert (count(server), due(server)) == (Count(3, 0, 1), 1)
            await eventually(lambda: len(agent.dispatched) == 2)
            assert -0.005 <= loop.time() - until <= LATE_S
            assert (agent.dispatched[1].attempt, agent.dispatched[1].epoch) == (1, 3)
            await agent.end(agent.dispatched[1])


async def test_all_waits_that_a_dead_consumer_leaves_are_taken_over_at_once(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many: they need no room. What is due already is claimed some at a time."""
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (made, address),
        ToyAgent(server.url, VERSION) as agent,
        connected(server) as client,
    ):
        monkeypatch.setattr(made, "_search", _nothing)
        queue(server, MANY)
        server.ask("XREADGROUP", "GROUP", keys.GROUP, "dead", "COUNT", MANY, "STREAMS", STREAM, ">")
        entries = [name.decode() for name, _ in server.ask("XRANGE", STREAM, "-", "+")]
        first = Count(1, 0)
        for entry in entries:
            await Dues(client).postpone(
                STREAM, entry, "dead", first, first.after_failure(), LONG_MS
            )
        idle_ms = int(LEASE_S * 1000)
        server.ask("XCLAIM", STREAM, keys.GROUP, "dead", 0, *entries, "IDLE", idle_ms, "JUSTID")
        await agent.attach(address)
        await eventually(lambda: made.queue("default", VERSION).attended)
        await made._claim(made.queue("default", VERSION), look_around=False)
        assert len(made.queue("default", VERSION).waiting[STREAM]) == MANY
        assert agent.dispatched == []


async def _nothing(*_: object) -> None:
    """Stand for a consumer that does not look for what was left behind."""


async def test_a_failure_that_nobody_heard_is_announced_to_the_next_consumer(
    server: RedisServer, tmp_path: Path
) -> None:
    """No attempt is lost by that, and none is counted twice."""
    async with deployed(server), ToyAgent(server.url, VERSION) as agent:
        async with service.consumer(server, tmp_path, "c1") as (_, address):
            await agent.attach(address)
            [call] = queue(server)
            await eventually(lambda: agent.dispatched)
            await agent.detach()
            await agent.fail(agent.dispatched[0], SHORT_MS)
        async with service.consumer(server, tmp_path, "c2") as (_, address):
            for _ in range(2):
                await agent.attach(address)
                await agent.state()
                await eventually(lambda: agent.settled and not agent.failed)
                await agent.detach()
            assert count(server) == Count(2, 0, 1)
            await agent.attach(address)
            await agent.state()
            await eventually(lambda: len(agent.dispatched) == 2)
            assert (agent.dispatched[1].attempt, agent.dispatched[1].epoch) == (1, 2)
            assert agent.dispatched[1].call == agent.dispatched[0].call
            await agent.end(agent.dispatched[1])
            await eventually(lambda: agent.settled[-1] == call and not agent.runs)


async def test_a_failure_of_a_run_that_was_given_up_counts_for_nothing(
    server: RedisServer, tmp_path: Path
) -> None:
    """Its call has another run by now; its agent may forget it."""
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (made, address),
        ToyAgent(server.url, VERSION) as agent,
        ToyAgent(server.url, VERSION, replica=1) as other,
    ):
        await agent.attach(address)
        [call] = queue(server)
        await eventually(lambda: agent.dispatched)
        await other.attach(address)
        await other.state()
        agent.slots = 0
        await agent.report(agent.dispatched[0], returned=True)
        await eventually(lambda: other.dispatched)
        await agent.fail(agent.dispatched[0], SHORT_MS)
        await eventually(lambda: agent.settled == [call])
        assert (count(server), due(server)) == (Count(2, 0, 0), 0)
        await other.end(other.dispatched[0])
        await eventually(lambda: len(made.ledger) == 0)


async def test_a_failure_that_cannot_be_recorded_is_left_to_the_lease(
    server: RedisServer, tmp_path: Path
) -> None:
    """What else lies where it belongs keeps no call from its next attempt, nor from its end."""
    server.ask("SET", keys.dues(STREAM), "no hash")
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (made, address),
        ToyAgent(server.url, VERSION) as agent,
    ):
        await agent.attach(address)
        [call] = queue(server)
        await eventually(lambda: agent.dispatched)
        await agent.fail(agent.dispatched[0], LONG_MS)
        await eventually(lambda: agent.settled == [call])
        assert len(made.ledger) == 0
        lapsed_ms, entry = int(LEASE_S * 1000) + 1, agent.dispatched[0].entry
        server.ask(
            "XCLAIM", STREAM, keys.GROUP, made.name, 0, entry,
            "IDLE", lapsed_ms, "JUSTID",
        )  # fmt: skip
        await made._search(made.queue("default", VERSION), False)
        await eventually(lambda: len(agent.dispatched) == 2)
        await agent.end(agent.dispatched[1])
        await eventually(lambda: server.ask("XLEN", STREAM) == 0)
    server.ask("DEL", keys.dues(STREAM))


async def test_a_call_that_waits_and_is_cancelled_has_no_further_attempt(
    server: RedisServer, tmp_path: Path
) -> None:
    """Its entry goes at once, and when it was due with it."""
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (made, address),
        ToyAgent(server.url, VERSION) as agent,
    ):
        await agent.attach(address)
        [call] = queue(server)
        await eventually(lambda: agent.dispatched)
        await agent.fail(agent.dispatched[0], LONG_MS)
        await eventually(lambda: agent.settled == [call])
        await _cancel(server, made.name, call)
        await eventually(lambda: server.ask("XLEN", STREAM) == 0)
        assert (len(made.ledger), due(server), len(agent.dispatched)) == (0, 0, 1)


async def test_a_failure_that_crosses_a_cancellation_is_not_repeated(
    server: RedisServer, tmp_path: Path
) -> None:
    """The agent had said so before it heard of that."""
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (made, address),
        ToyAgent(server.url, VERSION) as agent,
    ):
        await agent.attach(address)
        [call] = queue(server)
        await eventually(lambda: agent.dispatched)
        await _cancel(server, made.name, call)
        await eventually(lambda: agent.cancelled)
        await agent.fail(agent.dispatched[0], 0)
        await eventually(lambda: server.ask("XLEN", STREAM) == 0)
        await eventually(lambda: agent.settled == [call])
        assert len(agent.dispatched) == 1


async def test_a_call_that_was_withdrawn_while_it_waited_does_not_begin(
    server: RedisServer, tmp_path: Path
) -> None:
    """Its server knew of no consumer to tell."""
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (made, address),
        ToyAgent(server.url, VERSION) as agent,
    ):
        await agent.attach(address)
        queue(server)
        await eventually(lambda: agent.dispatched)
        await agent.fail(agent.dispatched[0], SHORT_MS)
        await eventually(lambda: agent.settled)
        server.ask("XDEL", STREAM, agent.dispatched[0].entry)
        await eventually(lambda: len(made.ledger) == 0)
        assert (due(server), len(agent.dispatched)) == (0, 1)
        assert server.ask("XPENDING", STREAM, keys.GROUP)[0] == 0


async def test_many_calls_that_are_withdrawn_at_once_are_looked_for_in_one_go(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With very many of them that wait, a look for each would hold everybody up."""
    looks: list[int] = []
    give_up = Queue.give_up

    def counted(queue: Queue, withdrawn: Collection[tuple[str, str]]) -> None:
        looks.append(len(withdrawn))
        give_up(queue, withdrawn)

    monkeypatch.setattr(Queue, "give_up", counted)
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (made, address),
        ToyAgent(server.url, VERSION, slots=20) as agent,
    ):
        await agent.attach(address)
        queue(server, 20)
        await eventually(lambda: len(agent.dispatched) == 20)
        for run in agent.dispatched:
            await agent.fail(run, LONG_MS)
        await eventually(lambda: len(agent.settled) == 20)
        order = record_pb2.Order()
        for run in agent.dispatched:
            order.withdrawals.add(stream=run.stream, entry=run.entry)
        async with connected(server) as client:
            body = order.SerializeToString()
            await Mailboxes(client).publish([(keys.control(made.name), body)])
        await eventually(lambda: len(made.ledger) == 0)
        await eventually(lambda: server.ask("XLEN", STREAM) == 0)
        assert (looks, due(server)) == ([20], 0)


async def test_deaths_and_failed_attempts_have_budgets_of_their_own(
    server: RedisServer, tmp_path: Path
) -> None:
    """Three redeliveries and the attempts, in any order."""
    lost = result_pb2.Failure(error="WorkerLostError")
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (_, address),
        ToyAgent(server.url, VERSION) as agent,
    ):
        await agent.attach(address)
        queue(server)
        for number, fails in enumerate((False, True, False, True, True, False)):
            await eventually(lambda: len(agent.dispatched) == number + 1)  # noqa: B023
            run = agent.dispatched[-1]
            await (agent.fail(run, 0) if fails else agent.report(run, lost=lost))
        await eventually(lambda: len(agent.dispatched) == 7)
        assert (agent.dispatched[-1].attempt, agent.dispatched[-1].deaths) == (3, 3)
        await agent.report(agent.dispatched[-1], lost=lost)
        await eventually(lambda: results(server))
        [result] = results(server)
        assert (result.end.failure.error, result.attempt) == ("WorkerLostError", 3)


async def test_an_agent_that_dies_after_its_attempt_failed_costs_no_death(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The failure was told; the wait goes on without it."""
    monkeypatch.setattr(consumer_module, "_GRACE_S", 0.01)
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (made, address),
        ToyAgent(server.url, VERSION) as agent,
        ToyAgent(server.url, VERSION, replica=1) as other,
    ):
        await agent.attach(address)
        queue(server)
        await eventually(lambda: agent.dispatched)
        await agent.fail(agent.dispatched[0], SHORT_MS)
        await eventually(lambda: agent.settled)
        await agent.detach()
        await other.attach(address)
        await other.state()
        await eventually(lambda: other.dispatched, LEASE_S / 2)
        assert (other.dispatched[0].attempt, other.dispatched[0].deaths) == (1, 0)
        await other.end(other.dispatched[0])
        await eventually(lambda: len(made.ledger) == 0)
