"""Entries that a consumer cannot read: removed, answered, and no harm to others."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from fnq.v1 import record_pb2, result_pb2, worker_pb2
from fnq_core import keys
from fnq_core.lease import LEASE_S, Count, Read
from fnq_wire import callid
from fnq_wire.protocol import PROTOCOL
from tests.loop import eventually
from tests.redis import RedisServer
from tests.toy import service
from tests.toy.agent import ToyAgent
from tests.unit.fnq_consumer.inlet import INBOX, STREAM, VERSION, deployed, queue, results

SECRET = b"what the caller passed"


def _entry(seq: int, protocol: int = PROTOCOL) -> record_pb2.Entry:
    call = callid.make(1_700_000_000_000, VERSION, 7, seq)
    entry = record_pb2.Entry(protocol=protocol, call=call, version=VERSION, inbox=INBOX)
    entry.payload.inline = SECRET
    return entry


def _append(redis: RedisServer, *fields: bytes) -> bytes:
    """Append an entry with these fields, return its id."""
    entry: bytes = redis.ask("XADD", STREAM, "*", *fields)
    return entry


#: What may lie in a stream that nobody can read, and no call in it.
WRECKS = [(b"e", b""), (b"e", b"\xff" * 40), (b"e", bytes(40)), (b"a", b"b", b"c", b"d")]


async def test_an_entry_that_is_damaged_is_removed(server: RedisServer, tmp_path: Path) -> None:
    """Calls before and behind it go on; the log names stream and entry, and no payload."""
    with capture_logs() as logs:
        async with (
            deployed(server),
            service.consumer(server, tmp_path) as (made, address),
            ToyAgent(server.url, VERSION, slots=20) as agent,
        ):
            [before] = queue(server)
            wrecks = [_append(server, *fields) for fields in WRECKS]
            wrecks.append(_append(server, b"e", _entry(1).SerializeToString()[:-3]))
            [behind] = queue(server)
            await agent.attach(address)
            await eventually(lambda: agent.runs.keys() == {before, behind})
            await eventually(lambda: server.ask("XLEN", STREAM) == 2)
            assert server.ask("XPENDING", STREAM, keys.GROUP)[0] == 2
            await agent.end(*agent.runs.values())
            await eventually(lambda: server.ask("XLEN", STREAM) == 0)
            assert len(made.ledger) == 0
    said = [each for each in logs if each["log_level"] == "error"]
    assert {each["entry"] for each in said} == {entry.decode() for entry in wrecks}
    assert {each["stream"] for each in said} == {STREAM}
    assert SECRET.decode() not in str(logs)


async def test_what_leaves_one_stream_keeps_nothing_in_another(
    server: RedisServer, tmp_path: Path
) -> None:
    """Ids of entries are unique within one stream only."""
    async with deployed(server), service.consumer(server, tmp_path) as (made, _):
        other = keys.call_stream("default", VERSION, 1)
        assert made.ledger.add(Read(STREAM, "1-1", b"", Count(1, 0)), "default") is None
        assert made.ledger.entries(STREAM) == {"1-1": Count(1, 0)}
        assert made.ledger.entries(other) == {}


async def test_the_caller_of_a_damaged_entry_is_told(server: RedisServer, tmp_path: Path) -> None:
    """Where the bytes still say who it is."""
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (_, address),
        ToyAgent(server.url, VERSION) as agent,
    ):
        await agent.attach(address)
        whole = _entry(1)
        entry = _append(server, b"e", whole.SerializeToString()[:-3])
        await eventually(lambda: results(server))
        [result] = results(server)
        assert (result.call, result.decreed, result.epoch) == (whole.call, True, 1)
        assert result.end.failure.error == "ProtocolError"
        assert "is damaged" in result.end.failure.message
        assert entry.decode() in result.end.failure.message
        assert agent.dispatched == []


@pytest.mark.parametrize(
    ("protocol", "older"),
    [
        (PROTOCOL + 1, "fnq-consumer"),
        (PROTOCOL - 1, "the fnq-server that accepted the call"),
    ],
)
async def test_an_entry_of_another_version_ends_its_call(
    server: RedisServer, tmp_path: Path, protocol: int, older: str
) -> None:
    """Both versions are named, and the end to update; it is not handed on."""
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (_, address),
        ToyAgent(server.url, VERSION) as agent,
    ):
        await agent.attach(address)
        strange = _entry(1, protocol)
        _append(server, b"e", strange.SerializeToString() + b"\xfa\x07\x01?")
        [call] = queue(server)
        await eventually(lambda: results(server) and agent.runs.keys() == {call})
        [result] = results(server)
        assert (result.call, result.end.failure.error) == (strange.call, "ProtocolError")
        assert result.end.failure.message == (
            f"the fnq-server that accepted the call speaks version {protocol} of the protocol, "
            f"fnq-consumer version {PROTOCOL}: update fnq where {older} runs: call again"
        )
        await eventually(lambda: server.ask("XLEN", STREAM) == 1)


async def test_a_damaged_entry_that_another_left_behind_is_removed(
    server: RedisServer, tmp_path: Path
) -> None:
    """It may have ended a consumer of an earlier release."""
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (_, address),
        ToyAgent(server.url, VERSION) as agent,
    ):
        entry = _append(server, b"e", _entry(1).SerializeToString()[:-3])
        server.ask("XREADGROUP", "GROUP", keys.GROUP, "dead", "STREAMS", STREAM, ">")
        idle_ms = int(LEASE_S * 1000) + 1
        server.ask("XCLAIM", STREAM, keys.GROUP, "dead", 0, entry, "IDLE", idle_ms, "JUSTID")
        await agent.attach(address)
        await eventually(lambda: results(server))
        await eventually(lambda: server.ask("XLEN", STREAM) == 0)
        assert results(server)[0].epoch == 2


async def test_a_stream_that_is_none_keeps_no_other_from_its_calls(
    server: RedisServer, tmp_path: Path
) -> None:
    """What else lies under its name is logged, once; the consumer lives."""
    other = await service.deploy(server, "bad012", name="g")
    server.ask("SET", keys.call_stream("default", other, 0), "no stream")
    with capture_logs() as logs:
        async with (
            deployed(server),
            service.consumer(server, tmp_path) as (made, address),
            ToyAgent(server.url, other) as deaf,
            ToyAgent(server.url, VERSION) as agent,
        ):
            await deaf.attach(address)
            await deaf.state()
            await agent.attach(address)
            await eventually(lambda: any(each["log_level"] == "error" for each in logs))
            await made._search(made.queue("default", other), False)
            [call] = queue(server)
            await eventually(lambda: call in agent.runs)
            await agent.end(agent.runs[call])
            await eventually(lambda: server.ask("XLEN", STREAM) == 0)
    said = [each["problem"] for each in logs if each["log_level"] == "error"]
    assert all("WRONGTYPE" in each for each in said)
    assert len(said) == len(set(said))


async def test_an_adopted_call_that_cannot_be_read_ends_when_it_is_given_to_another(
    server: RedisServer, tmp_path: Path
) -> None:
    """A newer consumer had dispatched it."""
    async with (
        deployed(server),
        service.consumer(server, tmp_path) as (made, address),
        ToyAgent(server.url, VERSION) as agent,
    ):
        strange = _entry(1, PROTOCOL + 1)
        _append(server, b"e", strange.SerializeToString())
        read = server.ask("XREADGROUP", "GROUP", keys.GROUP, "newer", "STREAMS", STREAM, ">")
        entry = read[0][1][0][0].decode()
        announce = agent.announce()
        announce.running.add(
            stream=STREAM, entry=entry, call=strange.call, epoch=1, deaths=0, inbox=INBOX
        )
        await agent.attach(address, announce)
        await eventually(lambda: len(made.ledger) == 1)
        run = worker_pb2.Dispatch(stream=STREAM, entry=entry, epoch=1, call=strange)
        await agent.report(run, lost=result_pb2.Failure(error="x"))
        await eventually(lambda: results(server))
        assert results(server)[0].end.failure.error == "ProtocolError"
        await eventually(lambda: server.ask("XLEN", STREAM) == 0)
        assert len(made.ledger) == 0
