"""Items that gather at a consumer until a batch of them leaves for an agent."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

from fnq.v1 import record_pb2, result_pb2, spec_pb2
from fnq_core import keys
from fnq_core.connection import connect
from fnq_core.results import Mailboxes
from tests.loop import eventually
from tests.redis import RedisServer
from tests.toy import service
from tests.toy.agent import ToyAgent
from tests.unit.fnq_consumer.inlet import STREAM, VERSION, deployed, queue, results

#: Items at most, and milliseconds that the oldest waits.
MOST, BUFFER_MS = 4, 150


def batching(buffer_ms: int = BUFFER_MS) -> spec_pb2.Batching:
    """Return what a version is deployed with."""
    return spec_pb2.Batching(max_size=MOST, max_buffer_ms=buffer_ms)


def sizes(agent: ToyAgent) -> list[int]:
    """Return the sizes of the batches that an agent was given, in order."""
    counted = Counter(each.batch for each in agent.dispatched)
    assert all(each.batch_size == counted[each.batch] for each in agent.dispatched)
    return [counted[number] for number in sorted(counted)]


async def test_a_full_batch_leaves_at_once_and_the_rest_when_its_time_has_come(
    server: RedisServer, tmp_path: Path
) -> None:
    """All of a batch go to one agent, which has one room less for it."""
    async with (
        deployed(server, batching=batching()),
        service.consumer(server, tmp_path) as (_, address),
        ToyAgent(server.url, VERSION, slots=5) as agent,
    ):
        await agent.attach(address)
        await eventually(lambda: agent.consumer)
        began = asyncio.get_running_loop().time()
        queue(server, 2 * MOST + 1)
        await eventually(lambda: len(agent.dispatched) >= 2 * MOST)
        assert sizes(agent) == [MOST, MOST]
        await eventually(lambda: sizes(agent) == [MOST, MOST, 1])
        assert asyncio.get_running_loop().time() - began >= BUFFER_MS / 1000 - 0.002
        assert len({each.batch for each in agent.dispatched}) == 3


async def test_batches_form_in_redis_while_the_worker_is_busy(
    server: RedisServer, tmp_path: Path
) -> None:
    """What there is no room for is not read, and then as many items as make a batch."""
    async with (
        deployed(server, batching=batching(1)),
        service.consumer(server, tmp_path) as (_, address),
        ToyAgent(server.url, VERSION, slots=1) as agent,
    ):
        await agent.attach(address)
        await eventually(lambda: agent.consumer)
        queue(server)
        await eventually(lambda: len(agent.dispatched) == 1)
        queue(server, 6)
        await eventually(lambda: server.ask("XPENDING", STREAM, keys.GROUP)[0] == 1)
        await agent.end(*agent.runs.values())
        await eventually(lambda: sizes(agent) == [1, MOST])
        assert server.ask("XPENDING", STREAM, keys.GROUP)[0] == MOST
        await agent.end(*agent.runs.values())
        await eventually(lambda: sizes(agent) == [1, MOST, 2])


async def test_an_item_that_is_cancelled_while_it_waits_is_in_no_batch(
    server: RedisServer, tmp_path: Path
) -> None:
    """Nothing of it is left."""
    async with (
        deployed(server, batching=batching()),
        service.consumer(server, tmp_path) as (made, address),
        ToyAgent(server.url, VERSION) as agent,
    ):
        await agent.attach(address)
        gone, stays = queue(server, 2)
        await eventually(lambda: len(made.ledger) == 2)
        order = record_pb2.Order()
        order.cancellations.add(call=gone, reason="not needed")
        client = connect(server.url)
        await Mailboxes(client).publish([(keys.control(made.name), order.SerializeToString())])
        await client.aclose()
        await eventually(lambda: len(made.ledger) == 1)
        await eventually(lambda: list(agent.runs) == [stays])
        assert sizes(agent) == [1]


async def test_items_of_two_sets_are_not_mixed(server: RedisServer, tmp_path: Path) -> None:
    """Nested calls of a batch go to the versions of one set."""
    async with (
        deployed(server, batching=batching()),
        service.consumer(server, tmp_path) as (_, address),
        ToyAgent(server.url, VERSION) as agent,
    ):
        await agent.attach(address)
        queue(server, 2, set=1)
        queue(server, 2, set=2)
        await eventually(lambda: sizes(agent) == [2, 2])
        together = {(each.batch, each.call.set) for each in agent.dispatched}
        assert len(together) == 2


async def test_members_of_a_batch_that_was_lost_meet_in_another_one(
    server: RedisServer, tmp_path: Path
) -> None:
    """The death counts for each of them."""
    async with (
        deployed(server, batching=batching()),
        service.consumer(server, tmp_path) as (_, address),
        ToyAgent(server.url, VERSION) as agent,
    ):
        await agent.attach(address)
        queue(server, MOST)
        await eventually(lambda: sizes(agent) == [MOST])
        for run in list(agent.runs.values()):
            await agent.report(run, lost=result_pb2.Failure(error="WorkerLostError"))
        await eventually(lambda: sizes(agent) == [MOST, MOST])
        assert {(each.epoch, each.deaths) for each in agent.runs.values()} == {(2, 1)}


async def test_what_waits_goes_to_another_consumer_when_this_one_ends(
    server: RedisServer, tmp_path: Path
) -> None:
    """At once, and not when its lease has lapsed."""
    async with deployed(server, batching=batching(60_000)), ToyAgent(server.url, VERSION) as agent:
        async with service.consumer(server, tmp_path, "c1") as (made, address):
            await agent.attach(address)
            queue(server, 2)
            await eventually(lambda: len(made.ledger) == 2)
        await agent.detach()
        assert results(server) == []
        async with service.consumer(server, tmp_path, "c2") as (made, address):
            await agent.attach(address)
            await eventually(lambda: len(made.ledger) == 2)
