"""Agents that attach, leave, come back and die: who runs a call, and how often."""

from __future__ import annotations

import re
from pathlib import Path

import grpc
import grpc.aio
import pytest

from fnq.v1 import record_pb2, result_pb2, worker_pb2
from fnq_consumer import consumer as consumer_module
from fnq_consumer import queue as queue_module
from fnq_core import keys
from fnq_core.connection import RedisClosedError
from fnq_core.lease import LEASE_S
from fnq_core.presence import Presence, PresenceBoard
from tests.loop import eventually
from tests.redis import RedisServer
from tests.toy import service
from tests.toy.agent import ToyAgent
from tests.unit.fnq_consumer.inlet import STREAM, VERSION, deployed, entry, queue, results
from tests.unit.fnq_core.streams import connected


async def test_a_call_is_dispatched_once_and_acknowledged_at_its_end(
    server: RedisServer, tmp_path: Path
) -> None:
    """Its end published, nothing of it is left, and the agent may forget it."""
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (made, address),
        ToyAgent(server.url, VERSION) as agent,
    ):
        await agent.attach(address)
        [call] = queue(server)
        await eventually(lambda: call in agent.runs)
        assert server.ask("XLEN", STREAM) == 1
        await agent.end(agent.runs[call])
        await eventually(lambda: agent.settled == [call])
        assert (server.ask("XLEN", STREAM), len(made.ledger)) == (0, 0)
        assert server.ask("XPENDING", STREAM, keys.GROUP)[0] == 0


async def test_it_reads_no_more_than_there_is_room_for(server: RedisServer, tmp_path: Path) -> None:
    """The rest waits in Redis, for whichever consumer has room."""
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (_, address),
        ToyAgent(server.url, VERSION, slots=3) as agent,
    ):
        await agent.attach(address)
        queue(server, 10)
        await eventually(lambda: len(agent.runs) == 3)
        agent.slots = 0
        await agent.end(*agent.runs.values())
        await eventually(lambda: len(agent.settled) == 3)
        assert server.ask("XPENDING", STREAM, keys.GROUP)[0] == 0
        assert server.ask("XLEN", STREAM) == 7


async def test_a_consumer_that_has_no_room_any_more_leaves_calls_to_others(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though it waits for one, and has waited the longest: its only agent takes none now."""
    monkeypatch.setattr(queue_module, "_BLOCK_MS", 15_000)
    async with (
        deployed(server),
        service.consumer(server, tmp_path, "c1") as (_, first),
        service.consumer(server, tmp_path, "c2") as (_, second),
        ToyAgent(server.url, VERSION, slots=1) as full,
        ToyAgent(server.url, VERSION, slots=1) as free,
    ):

        def waiting() -> int:
            return len(re.findall(rb"flags=b.*cmd=xreadgroup", server.ask("CLIENT", "LIST")))

        await full.attach(first)
        await eventually(lambda: waiting() == 1)
        await free.attach(second)
        await eventually(lambda: waiting() == 2)
        full.slots = 0
        await full.state()
        await eventually(lambda: waiting() == 1)
        [call] = queue(server)
        await eventually(lambda: call in free.runs)


async def test_what_redis_gave_in_an_answer_that_was_lost_is_taken_at_once(
    server: RedisServer, tmp_path: Path
) -> None:
    """It does not wait for the lease that nobody renews."""
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (made, address),
        ToyAgent(server.url, VERSION) as agent,
    ):
        await agent.attach(address)
        await eventually(lambda: b"cmd=xreadgroup" in server.ask("CLIENT", "LIST"))
        with server.client.pipeline(transaction=True) as given:
            # Redis knows that it was delivered, the consumer does not.
            given.xadd(STREAM, {"e": entry(call := b"unheard".ljust(16, b"."))})
            given.xreadgroup(keys.GROUP, made.name, {STREAM: ">"})
            given.execute()
        server.ask("CLIENT", "KILL", "TYPE", "normal")
        await eventually(lambda: call in agent.runs, LEASE_S / 2)
        assert agent.runs[call].epoch == 2


async def test_the_lowest_replica_gets_the_calls(server: RedisServer, tmp_path: Path) -> None:
    """The next one only what the first has no room for, so that the tail falls idle."""
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (_, address),
        ToyAgent(server.url, VERSION, replica=1, slots=5) as second,
        ToyAgent(server.url, VERSION, replica=0, slots=4) as first,
    ):
        await second.attach(address)
        await first.attach(address)
        await eventually(lambda: first.consumer and second.consumer)
        queue(server, 6)
        await eventually(lambda: len(first.runs) + len(second.runs) == 6)
        assert (len(first.runs), len(second.runs)) == (4, 2)


async def test_a_late_end_of_an_older_run_leaves_the_newer_one_alone(
    server: RedisServer, tmp_path: Path
) -> None:
    """The agent that has both is not told to forget the call."""
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (made, address),
        ToyAgent(server.url, VERSION, slots=1) as agent,
    ):
        await agent.attach(address)
        [call] = queue(server)
        await eventually(lambda: call in agent.runs)
        first = agent.runs[call]
        await agent.report(first, returned=True)
        await eventually(lambda: len(agent.dispatched) == 2)
        await agent.report(first, ended=True)
        await agent.report(agent.dispatched[1], ended=True)
        await eventually(lambda: len(made.ledger) == 0)
        await eventually(lambda: agent.settled == [call])


async def test_a_dispatch_that_got_lost_with_its_stream_goes_out_again(
    server: RedisServer, tmp_path: Path
) -> None:
    """The agent that comes back does not announce it: it never began, and nothing counts."""
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (_, address),
        ToyAgent(server.url, VERSION) as agent,
    ):
        await agent.attach(address)
        [call] = queue(server)
        await eventually(lambda: call in agent.runs)
        await agent.detach()
        agent.runs.clear()
        await agent.attach(address)
        await eventually(lambda: len(agent.dispatched) == 2)
        again = agent.dispatched[1]
        assert (again.epoch, again.deaths) == (2, 0)


async def test_a_worker_may_die_three_times(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fourth death ends the call, and the failure says how its worker died."""
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (_, address),
        ToyAgent(server.url, VERSION) as agent,
    ):
        await agent.attach(address)
        [call] = queue(server)
        for _ in range(4):
            await eventually(lambda: agent.runs)
            lost = result_pb2.Failure(error="WorkerLostError", message="killed by SIGSEGV")
            await agent.report(agent.dispatched[-1], lost=lost)
        await eventually(lambda: results(server))
        [result] = results(server)
        assert (result.call, result.decreed, result.epoch) == (call, True, 4)
        assert result.end.failure.message == "killed by SIGSEGV"
        assert result.end.failure.detail["deaths"] == "4"
        assert [each.deaths for each in agent.dispatched] == [0, 1, 2, 3]
        await eventually(lambda: server.ask("XLEN", STREAM) == 0)


async def test_a_worker_that_has_died_is_not_there_any_more(
    server: RedisServer, tmp_path: Path
) -> None:
    """The end of its stream tells it, long before what it said last expires."""
    async with (
        connected(server) as client,
        deployed(server),
        service.consumer(server, tmp_path) as (_, address),
        ToyAgent(server.url, VERSION) as agent,
        ToyAgent(server.url, VERSION, replica=1) as other,
    ):
        for each in (agent, other):
            presence = Presence("default", "f", VERSION, each.name, 0, 1, state="ready")
            await PresenceBoard(client).post(presence)
            await each.attach(address)
        await agent.detach()
        there = keys.workers("default", VERSION)
        await eventually(lambda: server.ask("ZRANGE", there, 0, -1) == [other.name.encode()])


async def test_a_returned_call_is_free_of_charge(server: RedisServer, tmp_path: Path) -> None:
    """However often it comes back, no death is counted."""
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (_, address),
        ToyAgent(server.url, VERSION) as agent,
    ):
        await agent.attach(address)
        queue(server)
        for _ in range(6):
            await eventually(lambda: agent.runs)
            await agent.report(agent.dispatched[-1], returned=True)
        await eventually(lambda: len(agent.dispatched) == 7)
        assert [each.deaths for each in agent.dispatched] == [0] * 7
        assert [each.epoch for each in agent.dispatched] == list(range(1, 8))


@pytest.mark.parametrize("repeatable", [False, True])
async def test_a_stream_that_was_heard_is_repeated_only_if_it_may_be(
    server: RedisServer, tmp_path: Path, repeatable: bool
) -> None:
    """Otherwise it ends, and the failure says how to allow it."""
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (_, address),
        ToyAgent(server.url, VERSION) as agent,
    ):
        await agent.attach(address)
        queue(server, repeatable=repeatable)
        await eventually(lambda: agent.dispatched)
        await agent.report(agent.dispatched[0], streaming=True)
        lost = result_pb2.Failure(error="WorkerLostError", message="it died")
        await agent.report(agent.dispatched[0], lost=lost)
        if repeatable:
            await eventually(lambda: len(agent.dispatched) == 2)
        else:
            await eventually(lambda: results(server))
            assert "set retries=" in results(server)[0].end.failure.message


async def test_what_a_dead_consumer_and_agent_left_behind_is_claimed(
    server: RedisServer, tmp_path: Path
) -> None:
    """Once the lease has lapsed, with a higher epoch and no death."""
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (_, address),
        ToyAgent(server.url, VERSION) as agent,
    ):
        queue(server, 2)
        read = server.ask(
            "XREADGROUP", "GROUP", keys.GROUP, "dead", "COUNT", 1, "STREAMS", STREAM, ">"
        )
        entry = read[0][1][0][0]
        await agent.attach(address)
        await eventually(lambda: len(agent.dispatched) == 1)
        idle_ms = int(LEASE_S * 1000) + 1
        server.ask(
            "XCLAIM", STREAM, keys.GROUP, "dead", 0, entry,
            "IDLE", idle_ms, "RETRYCOUNT", 1, "JUSTID",
        )  # fmt: skip
        await eventually(lambda: len(agent.dispatched) == 2)
        left = agent.dispatched[1]
        assert (left.entry, left.epoch, left.deaths) == (entry.decode(), 2, 0)


async def test_orders_reach_the_agent_that_runs_a_call(server: RedisServer, tmp_path: Path) -> None:
    """Credits and cancellations, and the control stream does not grow."""
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (made, address),
        ToyAgent(server.url, VERSION) as agent,
    ):
        await agent.attach(address)
        [call] = queue(server)
        await eventually(lambda: call in agent.runs)
        order = record_pb2.Order()
        order.credits.add(call=call, chunks=9)
        order.credits.add(call=b"unknown".ljust(16), chunks=9)
        order.cancellations.add(call=call, reason="enough")
        control = keys.control(made.name)
        server.ask("XADD", control, "NOMKSTREAM", "*", "e", order.SerializeToString())
        await eventually(lambda: agent.cancelled == [(call, "enough")])
        assert [(each.call, each.chunks) for each in agent.credits] == [(call, 9)]
        await eventually(lambda: server.ask("XLEN", control) == 0)


async def test_an_order_that_cannot_be_read_is_passed_over(
    server: RedisServer, tmp_path: Path
) -> None:
    """The next one is obeyed, and the control stream does not grow."""
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (made, address),
        ToyAgent(server.url, VERSION) as agent,
    ):
        await agent.attach(address)
        [call] = queue(server)
        await eventually(lambda: call in agent.runs)
        control = keys.control(made.name)
        order = record_pb2.Order()
        order.cancellations.add(call=call, reason="enough")
        for body in (b"\xff" * 9, order.SerializeToString()):
            server.ask("XADD", control, "NOMKSTREAM", "*", "e", body)
        await eventually(lambda: agent.cancelled == [(call, "enough")])
        await eventually(lambda: server.ask("XLEN", control) == 0)


async def test_an_agent_of_another_protocol_is_told_whom_to_update(
    server: RedisServer, tmp_path: Path
) -> None:
    """Both ways: the older end is named."""
    async with service.consumer(server, tmp_path) as (_, address):
        for protocol, older in ((0, "fnq-worker"), (9, "fnq-consumer")):
            async with ToyAgent(server.url, VERSION) as agent:
                announce = worker_pb2.Announce(protocol=protocol, agent="a", version=VERSION)
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await agent.attach(address, announce)
                assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
                assert f"update fnq where {older} runs" in (caught.value.details() or "")


async def test_an_agent_with_a_wrong_token_is_refused(server: RedisServer, tmp_path: Path) -> None:
    """It gets no call."""
    async with (
        service.consumer(server, tmp_path, token="right") as (_, address),
        ToyAgent(server.url, VERSION, token="wrong") as agent,
    ):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await agent.attach(address)
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_one_that_ends_sends_its_agents_away_with_their_work(
    server: RedisServer, tmp_path: Path
) -> None:
    """What runs is not touched, and its control stream goes."""
    async with deployed(server), ToyAgent(server.url, VERSION) as agent:
        async with service.consumer(server, tmp_path) as (made, address):
            await agent.attach(address)
            queue(server)
            await eventually(lambda: agent.runs)
        assert server.names(keys.control(made.name)) == []
        assert (len(agent.runs), agent.cancelled) == (1, [])
        assert server.ask("XPENDING", STREAM, keys.GROUP)[0] == 1


async def test_a_consumer_that_runs_goes_on_though_its_redis_wants_what_it_has_not(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another certificate, say, that is soon here too: only one that starts ends for that."""

    def listeners() -> list[bytes]:
        return re.findall(
            rb"^id=(\d+)", server.ask("CLIENT", "LIST", "TYPE", "pubsub"), re.MULTILINE
        )

    async def refuse(client: object) -> str:
        raise RedisClosedError("no connection to Redis: its certificate is not trusted")

    async with deployed(server), service.consumer(server, tmp_path):
        await eventually(listeners)
        before = listeners()
        monkeypatch.setattr(consumer_module, "check", refuse)
        server.ask("CLIENT", "KILL", "TYPE", "pubsub")
        await eventually(lambda: set(listeners()) - set(before))
