"""Streams that break, and servers that change: what the client gets stays exact."""

from __future__ import annotations

from pathlib import Path

import pytest

from fnq_core import keys
from fnq_server import sessions
from fnq_wire import session as session_module
from tests.loop import eventually
from tests.redis import RedisServer
from tests.toy import service
from tests.toy.agent import ToyAgent
from tests.toy.client import Heard, ToyClient


async def _running(client: ToyClient, agent: ToyAgent, version: str) -> Heard:
    """Return a call that an agent has been given."""
    heard = client.submit(version)
    await eventually(lambda: heard.call in agent.runs)
    return heard


async def test_a_broken_stream_is_taken_up_where_it_was(
    server: RedisServer, tmp_path: Path
) -> None:
    """Each chunk once and in order, what came meanwhile included."""
    version = await service.deploy(server)
    async with (
        service.server(server, tmp_path) as (_, address),
        service.consumer(server, tmp_path) as (_, workers),
        ToyAgent(server.url, version) as agent,
        ToyClient() as client,
    ):
        await agent.attach(workers)
        await client.connect(address)
        heard = await _running(client, agent, version)
        run = agent.runs[heard.call]
        await agent.chunks(run, 0, b"a", b"b")
        await eventually(lambda: heard.chunks == [b"a", b"b"])
        await client.disconnect()
        await agent.chunks(run, 2, b"c")
        await client.connect(address)
        await agent.chunks(run, 3, b"d")
        await agent.exhaust(run, 4)
        assert (await heard.over()).exhausted
        assert heard.chunks == [b"a", b"b", b"c", b"d"]


async def test_what_a_dead_server_accepted_is_heard_at_another(
    server: RedisServer, tmp_path: Path
) -> None:
    """Queued, running and ended calls, from the inbox of the dead one."""
    version = await service.deploy(server)
    async with (
        service.server(server, tmp_path, "s2") as (_, other),
        service.consumer(server, tmp_path) as (_, workers),
        ToyAgent(server.url, version, slots=2) as agent,
        ToyClient() as client,
    ):
        await agent.attach(workers)
        async with service.server(server, tmp_path, "s1") as (_, address):
            await client.connect(address)
            first = await _running(client, agent, version)
            second = await _running(client, agent, version)
            queued = client.submit(version)
            stream = keys.call_stream("default", version, 0)
            await eventually(lambda: server.ask("XLEN", stream) == 3)
            await agent.chunks(agent.runs[first.call], 0, b"a")
            await eventually(lambda: first.chunks == [b"a"])
            await client.disconnect()
            await agent.end(agent.runs[second.call])
        await client.connect(other)
        assert (await second.over()).value.inline == second.call
        await agent.chunks(agent.runs[first.call], 1, b"b")
        await agent.exhaust(agent.runs[first.call], 2)
        assert (await first.over()).exhausted
        assert first.chunks == [b"a", b"b"]
        await eventually(lambda: queued.call in agent.runs)
        await agent.end(agent.runs[queued.call])
        assert (await queued.over()).value.inline == queued.call


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_many_calls_are_resumed_in_several_frames(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, elsewhere: bool
) -> None:
    """None of them is forgotten between two frames, and one that has ended meanwhile is."""
    monkeypatch.setattr(session_module, "_MAX_RESUMPTIONS", 2)
    version = await service.deploy(server)
    async with (
        service.server(server, tmp_path, "s1") as (made, first),
        service.server(server, tmp_path, "s2") as (_, other),
        service.consumer(server, tmp_path) as (_, workers),
        ToyAgent(server.url, version) as agent,
        ToyClient() as client,
    ):
        await agent.attach(workers)
        await client.connect(first)
        heard = [await _running(client, agent, version) for _ in range(7)]
        await agent.started(agent.runs[heard[0].call])
        forgotten = made._relay.get(heard[0].call)
        await eventually(lambda: forgotten is not None and forgotten.consumer)
        await eventually(lambda: client.session.idle)
        await client.disconnect()
        del client.session._calls[heard[0].call]
        later = client.submit(version)
        await client.connect(other if elsewhere else first)
        await eventually(lambda: later.call in agent.runs)
        await agent.end(*[agent.runs[each.call] for each in [*heard[1:], later]])
        for each in [*heard[1:], later]:
            assert (await each.over()).value.inline == each.call
        if not elsewhere:
            await eventually(lambda: [call for call, _ in agent.cancelled] == [heard[0].call])
            assert made._relay.get(heard[0].call) is None


async def test_all_calls_of_a_client_that_was_away_for_too_long_end(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also those of the second frame."""
    monkeypatch.setattr(session_module, "_MAX_RESUMPTIONS", 2)
    version = await service.deploy(server)
    async with (
        service.server(server, tmp_path, "s1") as (made, first),
        service.server(server, tmp_path, "s2") as (_, other),
        ToyClient() as client,
    ):
        record = keys.session((await client.connect(first)).session)
        heard = [client.submit(version) for _ in range(5)]
        stream = keys.call_stream("default", version, 0)
        await eventually(lambda: server.ask("XLEN", stream) == 5)
        await eventually(lambda: client.session.idle)
        await client.disconnect()
        await eventually(lambda: made._sessions.open == 0)
        monkeypatch.setattr(sessions, "INTEREST_S", 0.0)
        await eventually(lambda: server.ask("HGET", record, "lapsed") is not None)
        monkeypatch.setattr(sessions, "INTEREST_S", 30.0)
        await client.connect(other)
        for each in heard:
            assert (await each.over()).failure.error == "ResultExpiredError"


async def test_a_client_that_comes_back_to_its_first_server_goes_on(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one in between lets go of the session, and cancels nothing."""
    version = await service.deploy(server)
    async with (
        service.server(server, tmp_path, "s1") as (_, first),
        service.server(server, tmp_path, "s2") as (second, other),
        service.consumer(server, tmp_path) as (_, workers),
        ToyAgent(server.url, version) as agent,
        ToyClient() as client,
    ):
        await agent.attach(workers)
        await client.connect(first)
        heard = await _running(client, agent, version)
        run = agent.runs[heard.call]
        await client.disconnect()
        await client.connect(other)
        await agent.chunks(run, 0, b"a")
        await eventually(lambda: heard.chunks == [b"a"])
        await client.disconnect()
        await agent.chunks(run, 1, b"b")
        await client.connect(first)
        await eventually(lambda: heard.chunks == [b"a", b"b"])
        later = await _running(client, agent, version)
        monkeypatch.setattr(sessions, "INTEREST_S", 0.0)
        await second._sessions.expire(1e12)
        assert second._relay.in_flight == 0
        assert second._relay.inboxes == []
        await agent.end(agent.runs[later.call])
        await agent.exhaust(run, 2)
        assert (await heard.over()).exhausted
        assert (await later.over()).value.inline == later.call
        assert (client.goaways, agent.cancelled) == (0, [])


async def test_a_newer_stream_takes_over_from_one_that_is_not_known_to_be_broken(
    server: RedisServer, tmp_path: Path
) -> None:
    """Results go to the new one, and the end of the old one means nothing."""
    version = await service.deploy(server)
    async with (
        service.server(server, tmp_path) as (made, address),
        service.consumer(server, tmp_path) as (_, workers),
        ToyAgent(server.url, version) as agent,
        ToyClient() as client,
    ):
        await agent.attach(workers)
        await client.connect(address)
        client.deafen()
        await client.connect(address)
        heard = await _running(client, agent, version)
        run = agent.runs[heard.call]
        for position in range(50):
            await agent.chunks(run, position, b"%d" % position)
        await eventually(lambda: len(heard.chunks) == 50)
        await client.disconnect_first()
        await agent.exhaust(run, 50)
        assert (await heard.over()).exhausted
        assert made._sessions.open == 1
        assert heard.chunks == [b"%d" % position for position in range(50)]


async def test_an_end_is_kept_until_the_client_has_it(server: RedisServer, tmp_path: Path) -> None:
    """An acknowledgement of the last chunk does not cover the end behind it."""
    version = await service.deploy(server)
    async with (
        service.server(server, tmp_path, "s1") as (made, address),
        service.server(server, tmp_path, "s2") as (_, other),
        service.consumer(server, tmp_path) as (_, workers),
        ToyAgent(server.url, version) as agent,
        ToyClient() as client,
    ):
        await agent.attach(workers)
        await client.connect(address)
        heard = await _running(client, agent, version)
        run = agent.runs[heard.call]
        await agent.chunks(run, 0, b"a")
        await eventually(lambda: heard.chunks == [b"a"])
        client.deafen()
        await agent.exhaust(run, 1)
        track = made._relay.get(heard.call)
        await eventually(lambda: track is not None and track.ended)
        made._relay.acknowledge(heard.call, 1)
        await eventually(lambda: made._relay._deleter.idle)
        await client.disconnect()
        await client.connect(other)
        assert (await heard.over()).exhausted


async def test_an_end_that_no_run_wrote_survives_a_broken_stream(
    server: RedisServer, tmp_path: Path
) -> None:
    """It lies in no inbox: the server says it again, behind the chunks before it."""
    version = await service.deploy(server)
    async with (
        service.server(server, tmp_path) as (made, address),
        service.consumer(server, tmp_path) as (_, workers),
        ToyAgent(server.url, version) as agent,
        ToyClient() as client,
    ):
        await agent.attach(workers)
        await client.connect(address)
        heard = await _running(client, agent, version)
        run = agent.runs[heard.call]
        client.deafen()
        await agent.chunks(run, 0, b"a")
        run.epoch += 1
        await agent.chunks(run, 0, b"a")
        track = made._relay.get(heard.call)
        await eventually(lambda: track is not None and track.ended)
        await client.disconnect()
        await client.connect(address)
        assert (await heard.over()).failure.error == "WorkerLostError"
        assert heard.chunks == [b"a"]


async def test_a_result_that_expired_ends_the_call(server: RedisServer, tmp_path: Path) -> None:
    """The inbox that took it is gone: the caller hears so instead of waiting for ever."""
    version = await service.deploy(server)
    async with (
        service.server(server, tmp_path, "s1") as (_, address),
        service.server(server, tmp_path, "s2") as (_, other),
        ToyClient() as client,
    ):
        welcome = await client.connect(address)
        heard = client.submit(version)
        await eventually(lambda: server.ask("XLEN", keys.call_stream("default", version, 0)) == 1)
        await client.disconnect()
        server.ask("DEL", welcome.inbox)
        await client.connect(other)
        assert (await heard.over()).failure.error == "ResultExpiredError"
        server.ask("DEL", keys.call_stream("default", version, 0))


async def test_a_session_whose_record_is_lost_is_granted_anew(
    server: RedisServer, tmp_path: Path
) -> None:
    """Calls in flight are heard all the same, and new ones are accepted."""
    version = await service.deploy(server)
    async with (
        service.server(server, tmp_path) as (_, address),
        service.consumer(server, tmp_path) as (_, workers),
        ToyAgent(server.url, version) as agent,
        ToyClient() as client,
    ):
        await agent.attach(workers)
        welcome = await client.connect(address)
        heard = await _running(client, agent, version)
        # What is not known to be accepted when the record is lost is offered anew.
        await eventually(lambda: client.session._calls[heard.call].accepted)
        await client.disconnect()
        await agent.chunks(agent.runs[heard.call], 0, b"a")
        server.ask("DEL", keys.session(welcome.session))
        assert (await client.connect(address)).session != welcome.session
        later = await _running(client, agent, version)
        await agent.end(agent.runs[later.call])
        await agent.exhaust(agent.runs[heard.call], 1)
        assert (await heard.over()).exhausted
        assert heard.chunks == [b"a"]
        assert (await later.over()).value.inline == later.call


async def test_a_server_that_ends_leaves_the_inbox_of_calls_that_moved(
    server: RedisServer, tmp_path: Path
) -> None:
    """What their runs say still comes there, and another server reads it."""
    version = await service.deploy(server)
    async with (
        service.server(server, tmp_path, "s2") as (_, other),
        service.consumer(server, tmp_path) as (_, workers),
        ToyAgent(server.url, version) as agent,
        ToyClient() as client,
    ):
        await agent.attach(workers)
        async with service.server(server, tmp_path, "s1") as (first, address):
            await client.connect(address)
            heard = await _running(client, agent, version)
            await client.disconnect()
            await client.connect(other)
            await first._sessions.expire(1e12)
            assert first._relay.in_flight == 0
        await agent.end(agent.runs[heard.call])
        assert (await heard.over()).value.inline == heard.call


async def test_what_is_no_inbox_is_not_read(server: RedisServer, tmp_path: Path) -> None:
    """A client may name any key: the server lives, the key stays as it is, the call ends."""
    version = await service.deploy(server)
    foreign = keys.bundle("ab")
    server.ask("SET", foreign, "a bundle")
    async with (
        service.server(server, tmp_path, "s1") as (_, address),
        service.server(server, tmp_path, "s2") as (second, other),
        ToyClient() as client,
    ):
        await client.connect(address)
        heard = client.submit(version)
        stream = keys.call_stream("default", version, 0)
        await eventually(lambda: server.ask("XLEN", stream) == 1)
        await eventually(lambda: client.session.idle)
        await client.disconnect()
        client.session._calls[heard.call].inbox = foreign
        await client.connect(other)
        assert (await heard.over()).failure.error == "ResultExpiredError"
        assert second._relay.inboxes == []
        await second._tend()
        assert server.ask("TTL", foreign) == -1
        server.ask("DEL", stream)
