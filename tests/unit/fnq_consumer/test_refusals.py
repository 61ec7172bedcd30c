"""What a consumer makes of a Redis that is away, or that refuses: no call hangs, nothing dies."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from structlog.testing import capture_logs

from fnq.v1 import result_pb2, worker_pb2
from fnq_consumer import consumer as consumer_module
from fnq_consumer.attachment import Attachment
from fnq_consumer.queue import DEAF_S
from fnq_core import keys
from fnq_core.connection import NotNowError
from fnq_core.lease import LEASE_S
from tests.loop import eventually
from tests.redis import RedisServer
from tests.toy import service
from tests.toy.agent import ToyAgent
from tests.unit.fnq_consumer.inlet import INBOX, STREAM, VERSION, deployed, queue

LOST = result_pb2.Failure(error="WorkerLostError", message="it died")


async def _away(*_: object) -> Any:
    raise RedisConnectionError("away")


async def test_a_call_that_redis_does_not_give_again_is_left_to_its_lease(
    server: RedisServer, tmp_path: Path
) -> None:
    """It is logged, and not held for ever by a consumer that does nothing with it."""
    with capture_logs() as logs:
        async with (
            deployed(server),
            service.consumer(server, tmp_path) as (made, address),
            ToyAgent(server.url, VERSION) as agent,
        ):
            await agent.attach(address)
            [call] = queue(server)
            await eventually(lambda: call in agent.runs)
            server.ask("DEL", STREAM)
            server.ask("SET", STREAM, "no stream")
            await agent.report(agent.runs[call], lost=LOST)
            await eventually(lambda: len(made.ledger) == 0)
    [said] = [each for each in logs if each["event"] == "a call is left to its lease"]
    assert "WRONGTYPE" in said["problem"]
    assert said["stream"] == STREAM


async def test_an_entry_whose_caller_cannot_be_told_is_left_to_its_lease(
    server: RedisServer, tmp_path: Path
) -> None:
    """Its inbox is no stream: another consumer may try in a while."""
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (made, address),
        ToyAgent(server.url, VERSION) as agent,
    ):
        await agent.attach(address)
        [call] = queue(server)
        await eventually(lambda: call in agent.runs)
        server.ask("DEL", INBOX)
        server.ask("SET", INBOX, "no stream", "EX", 60)
        await agent.report(agent.runs[call], streaming=True)
        await agent.report(agent.runs[call], lost=LOST)
        await eventually(lambda: len(made.ledger) == 0)
        assert made.ledger.entries(STREAM) == {}
        assert server.ask("XPENDING", STREAM, keys.GROUP)[0] == 1


async def test_a_run_of_a_stream_that_is_gone_is_settled_for_the_agent_that_brings_it(
    server: RedisServer, tmp_path: Path
) -> None:
    """A deep stream was dropped by another consumer; the agent attaches all the same."""
    gone, call = keys.call_stream("default", VERSION, 3), b"gone".ljust(16, b".")
    other = keys.call_stream("default", VERSION, 4)
    server.ask("SET", other, "no stream", "EX", 60)
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (_, address),
        ToyAgent(server.url, VERSION) as agent,
    ):
        announce = agent.announce()
        for stream in (gone, other):
            announce.running.add(stream=stream, entry="1-1", call=call, epoch=1, ended=True)
        await agent.attach(address, announce)
        await eventually(lambda: agent.settled == [call, call])
        [new] = queue(server)
        await eventually(lambda: new in agent.runs)


@pytest.mark.parametrize("refused", [False, True])
async def test_calls_of_an_agent_that_died_are_forgotten_with_their_stream(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: bool
) -> None:
    """It is gone, or is no stream any more."""
    monkeypatch.setattr(consumer_module, "_GRACE_S", 0.01)
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (made, address),
        ToyAgent(server.url, VERSION) as agent,
    ):
        await agent.attach(address)
        queue(server)
        await eventually(lambda: agent.runs)
        server.ask("DEL", STREAM)
        if refused:
            server.ask("SET", STREAM, "no stream")
        await agent.detach()
        await eventually(lambda: len(made.ledger) == 0)


async def test_one_that_stops_lets_go_of_calls_whose_stream_is_gone(
    server: RedisServer, tmp_path: Path
) -> None:
    """There is nothing to give up."""
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (made, address),
        ToyAgent(server.url, VERSION, slots=1) as agent,
    ):
        await agent.attach(address)
        [call] = queue(server)
        await eventually(lambda: call in agent.runs)
        agent.slots = 0
        await agent.report(agent.runs[call], returned=True)
        await eventually(lambda: made.queue("default", VERSION).waiting)
        server.ask("DEL", STREAM)
        server.ask("SET", STREAM, "no stream")
        await made.queue("default", VERSION).stop()
        assert len(made.ledger) == 0


async def test_a_read_that_broke_is_not_interrupted(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing waits at a Redis that is away; the queue says that it hears nothing."""
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (made, address),
        ToyAgent(server.url, VERSION) as agent,
    ):
        await agent.attach(address)
        await eventually(lambda: b"cmd=xreadgroup" in server.ask("CLIENT", "LIST"))
        reads = made.queue("default", VERSION)
        monkeypatch.setattr(reads._calls, "depths", _away)
        server.ask("CLIENT", "KILL", "TYPE", "normal")
        await eventually(lambda: reads._reader._waiting is None)
        reads._interrupt()
        assert reads._interrupting is not None
        await asyncio.wait_for(reads._interrupting, LEASE_S / 2)
        now = asyncio.get_running_loop().time()
        assert reads.deaf(now + DEAF_S)
        monkeypatch.undo()
        [call] = queue(server)
        await eventually(lambda: call in agent.runs)
        assert not reads.deaf(asyncio.get_running_loop().time())


async def test_a_redis_that_answers_and_refuses_to_read_is_asked_now_and_then(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its disk is full: what waits is not read, and the log gets one line, not one a try."""
    tries = 0

    async def refuse(*_: object) -> Any:
        nonlocal tries
        tries += 1
        raise NotNowError("MISCONF Errors writing to the AOF file: No space left on device")

    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (made, address),
        ToyAgent(server.url, VERSION) as agent,
    ):
        with capture_logs() as logs, monkeypatch.context() as outage:
            outage.setattr(made.queue("default", VERSION)._reader, "read", refuse)
            began = asyncio.get_running_loop().time()
            await agent.attach(address)
            await eventually(lambda: tries == 4)
            assert asyncio.get_running_loop().time() - began > 0.05 + 0.1 + 0.2
        assert len([each for each in logs if each["event"] == "redis is away"]) == 1
        [call] = queue(server)
        await eventually(lambda: call in agent.runs)


async def test_one_without_a_queue_knows_that_redis_is_away(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has a control stream to renew, and says how that goes."""
    monkeypatch.setattr(consumer_module, "LEASE_RENEW_S", 0.005)
    monkeypatch.setattr(consumer_module, "_HEALTH_S", 0.005)
    monkeypatch.setattr(consumer_module, "DEAF_S", 0.5)
    async with service.consumer(server, tmp_path) as (made, _):
        said: list[bool] = []

        async def note(well: bool) -> None:
            said.append(well)

        monkeypatch.setattr(made._listener, "set_health", note)
        await eventually(lambda: said[-1:] == [True])
        with monkeypatch.context() as outage:
            outage.setattr(made._mailboxes, "open", _away)
            await eventually(lambda: said[-1:] == [False])
        await eventually(lambda: said[-1:] == [True])


async def test_a_stream_that_cannot_be_written_ends(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent would wait for ever for what is queued for it; so it attaches again."""
    made = Attachment.next_frame

    async def next_frame(attachment: Attachment) -> worker_pb2.ConsumerFrame:
        frame = await made(attachment)
        if frame.dispatches:
            raise ValueError("too much for one frame")
        return frame

    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (_, address),
        ToyAgent(server.url, VERSION) as agent,
    ):
        monkeypatch.setattr(Attachment, "next_frame", next_frame)
        await agent.attach(address)
        [call] = queue(server)
        with pytest.raises(grpc.aio.AioRpcError):
            await asyncio.wait_for(agent.gone(), LEASE_S / 2)
        await agent.detach()
        monkeypatch.undo()
        await agent.attach(address)
        await eventually(lambda: call in agent.runs)
        assert (agent.runs[call].epoch, agent.runs[call].deaths) == (2, 0)
