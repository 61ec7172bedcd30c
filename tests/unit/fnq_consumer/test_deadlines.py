"""Calls with a deadline, at their consumer: what is left, and the end of those that wait."""

from __future__ import annotations

from pathlib import Path

from fnq.v1 import result_pb2
from fnq_core import keys
from fnq_core.lease import Count
from tests.loop import eventually
from tests.redis import RedisServer
from tests.toy import service
from tests.toy.agent import ToyAgent
from tests.unit.fnq_consumer.inlet import STREAM, VERSION, deployed, entry, queue, results


def _append(redis: RedisServer, ago_s: int, remaining_ms: int) -> bytes:
    """Append a call as a server did a while ago; return its id."""
    call = f"ago-{ago_s}".encode().ljust(16, b".")
    at_ms = (int(redis.ask("TIME")[0]) - ago_s) * 1000
    redis.ask("XADD", STREAM, f"{at_ms}-1", "e", entry(call, remaining_ms=remaining_ms))
    return call


async def test_a_dispatch_says_what_is_left_of_the_time(
    server: RedisServer, tmp_path: Path
) -> None:
    """Counted from when the entry was appended, on Redis' clock; 0 without a deadline."""
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (_, address),
        ToyAgent(server.url, VERSION) as agent,
    ):
        _append(server, 20, 60_000)
        queue(server, remaining_ms=60_000)
        queue(server)
        await agent.attach(address)
        await agent.state()
        await eventually(lambda: len(agent.dispatched) == 3)
        old, new, free = [each.remaining_ms for each in agent.dispatched]
        assert 38_000 < old <= 41_000
        assert 59_000 < new <= 60_000
        assert free == 0
        await agent.end(*agent.dispatched)


async def test_a_call_whose_deadline_had_passed_never_begins(
    server: RedisServer, tmp_path: Path
) -> None:
    """It ends as soon as it is read, with CallTimeoutError, and nothing of it is left."""
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (made, address),
        ToyAgent(server.url, VERSION) as agent,
    ):
        call = _append(server, 20, 1_000)
        await agent.attach(address)
        await agent.state()
        await eventually(lambda: results(server))
        [result] = results(server)
        assert (result.call, result.decreed, result.epoch) == (call, True, 1)
        assert result.end.failure.error == "CallTimeoutError"
        assert "before a worker took it" in result.end.failure.message
        await eventually(lambda: server.ask("XLEN", STREAM) == 0)
        assert (agent.dispatched, len(made.ledger)) == ([], 0)


async def test_a_call_whose_deadline_passes_while_it_waits_for_room_ends(
    server: RedisServer, tmp_path: Path
) -> None:
    """It was taken for a slot that is not there any more; those beside it wait on."""
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (made, address),
        ToyAgent(server.url, VERSION, slots=2) as agent,
    ):
        await agent.attach(address)
        [late] = queue(server, remaining_ms=700)
        [patient] = queue(server)
        await eventually(lambda: len(agent.dispatched) == 2)
        agent.slots = 0
        for run in list(agent.dispatched):
            await agent.report(run, returned=True)
        await eventually(lambda: results(server))
        assert [each.call for each in results(server)] == [late]
        await eventually(lambda: server.ask("XLEN", STREAM) == 1)
        assert made.ledger.get(patient) is not None


async def test_a_call_whose_deadline_passes_between_two_attempts_ends(
    server: RedisServer, tmp_path: Path
) -> None:
    """An agent does not let it come to that, but for what it has to wait beyond."""
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (_, address),
        ToyAgent(server.url, VERSION) as agent,
    ):
        await agent.attach(address)
        queue(server, remaining_ms=500)
        await eventually(lambda: agent.dispatched)
        await agent.fail(agent.dispatched[0], 60_000)
        await eventually(lambda: results(server))
        [result] = results(server)
        assert (result.epoch, result.attempt) == (2, 1)
        assert result.end.failure.message == "its deadline passed before its next attempt"
        await eventually(lambda: server.ask("XLEN", STREAM) == 0)
        assert server.ask("EXISTS", keys.dues(STREAM)) == 0
        assert len(agent.dispatched) == 1


async def test_a_call_that_runs_is_left_to_its_agent(server: RedisServer, tmp_path: Path) -> None:
    """Which ends it at its deadline; should it be lost then, it does not begin again."""
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (made, address),
        ToyAgent(server.url, VERSION) as agent,
    ):
        await agent.attach(address)
        [call] = queue(server, remaining_ms=300)
        await eventually(lambda: agent.dispatched)
        held = made.ledger.get(call)
        assert held is not None
        left_s = made.queue("default", VERSION)._deadlines.left_s
        await eventually(lambda: left_s(held) < -0.05)
        assert (results(server), held.count) == ([], Count(1, 0))
        await agent.report(agent.dispatched[0], lost=result_pb2.Failure(error="WorkerLostError"))
        await eventually(lambda: results(server))
        assert results(server)[0].end.failure.error == "CallTimeoutError"
        assert len(agent.dispatched) == 1
