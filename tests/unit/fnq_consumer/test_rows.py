"""Packed calls whose worker is lost: only the rows that were not done run again."""

from __future__ import annotations

from pathlib import Path

from fnq.v1 import result_pb2
from fnq_core import keys
from fnq_core.lease import LEASE_S
from fnq_wire import outcomes
from tests.loop import eventually
from tests.redis import RedisServer
from tests.toy import service
from tests.toy.agent import ToyAgent
from tests.unit.fnq_consumer.inlet import STREAM, VERSION, deployed, queue, results

NOTES = keys.progress("default", VERSION, 0)


async def test_another_run_begins_where_the_lost_one_had_come(
    server: RedisServer, tmp_path: Path
) -> None:
    """Whether it was lost or given back; the end leaves nothing noted."""
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (_, address),
        ToyAgent(server.url, VERSION) as agent,
    ):
        await agent.attach(address)
        queue(server, packed=True, repeatable=True, rows=100)
        await eventually(lambda: agent.dispatched)
        await agent.report(agent.dispatched[0], rows=40)
        lost = result_pb2.Failure(error="WorkerLostError", message="it died")
        await agent.report(agent.dispatched[0], lost=lost)
        await eventually(lambda: len(agent.dispatched) == 2)
        await agent.report(agent.dispatched[1], rows=60)
        await agent.report(agent.dispatched[1], returned=True)
        await eventually(lambda: len(agent.dispatched) == 3)
        assert [each.first_row for each in agent.dispatched] == [0, 40, 60]
        await eventually(lambda: server.ask("HVALS", NOTES))
        await agent.end(agent.dispatched[2])
        await eventually(lambda: server.ask("XLEN", STREAM) == 0)
        await eventually(lambda: server.ask("EXISTS", NOTES) == 0)


async def test_another_consumer_learns_where_the_lost_run_had_come(
    server: RedisServer, tmp_path: Path
) -> None:
    """From Redis, when it claims what a dead one left behind."""
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (_, address),
        ToyAgent(server.url, VERSION) as agent,
    ):
        queue(server, packed=True, repeatable=True, rows=100)
        read = server.ask(
            "XREADGROUP", "GROUP", keys.GROUP, "dead", "COUNT", 1, "STREAMS", STREAM, ">"
        )
        entry = read[0][1][0][0]
        server.ask("HSET", NOTES, entry, 70)
        server.ask("EXPIRE", NOTES, 60)
        idle_ms = int(LEASE_S * 1000) + 1
        server.ask(
            "XCLAIM", STREAM, keys.GROUP, "dead", 0, entry,
            "IDLE", idle_ms, "RETRYCOUNT", 1, "JUSTID",
        )  # fmt: skip
        await agent.attach(address)
        await eventually(lambda: agent.dispatched)
        assert (agent.dispatched[0].first_row, agent.dispatched[0].epoch) == (70, 2)
        await agent.end(agent.dispatched[0])
        await eventually(lambda: server.ask("EXISTS", NOTES) == 0)


async def test_an_agent_that_comes_from_elsewhere_says_how_far_its_run_has_come(
    server: RedisServer, tmp_path: Path
) -> None:
    """Should that be lost here, another one begins there."""
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (_, address),
        ToyAgent(server.url, VERSION) as agent,
    ):
        await agent.attach(address)
        queue(server, packed=True, repeatable=True, rows=100)
        await eventually(lambda: agent.dispatched)
        await agent.detach()
        announce = agent.announce()
        announce.running[0].rows = 33
        await agent.attach(address, announce)
        lost = result_pb2.Failure(error="WorkerLostError", message="it died")
        await agent.report(agent.dispatched[0], lost=lost)
        await eventually(lambda: len(agent.dispatched) == 2)
        assert (agent.dispatched[1].first_row, agent.dispatched[1].deaths) == (33, 1)


async def test_a_row_that_kills_its_workers_is_lost_alone(
    server: RedisServer, tmp_path: Path
) -> None:
    """After three redeliveries at that row; those behind it run, and have deaths of their own."""
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (_, address),
        ToyAgent(server.url, VERSION) as agent,
    ):
        await agent.attach(address)
        queue(server, packed=True, repeatable=True, rows=100)
        for _ in range(5):
            await eventually(lambda: agent.runs)
            await agent.report(agent.dispatched[-1], rows=7)
            lost = result_pb2.Failure(error="WorkerLostError", message="killed by SIGSEGV")
            await agent.report(agent.dispatched[-1], lost=lost)
        await eventually(lambda: agent.runs)
        firsts = [(each.first_row, each.deaths) for each in agent.dispatched]
        assert firsts == [(0, 0), (7, 1), (7, 2), (7, 3), (8, 0), (8, 1)]
        [result] = results(server)
        assert (result.position, list(result.lengths), result.decreed) == (7, [1], False)
        block = outcomes.unpack(result.chunks[0].inline)
        assert (block.first, block.failures[0]["message"]) == (7, "killed by SIGSEGV")
