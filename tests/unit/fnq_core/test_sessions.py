"""Records of sessions: granted, taken over, lapsed, gone."""

from __future__ import annotations

from fnq_core import keys
from fnq_core.calls import SESSION_TTL_S
from fnq_core.sessions import SessionRecords, TakenOver
from tests.redis import RedisServer, full, ownerless
from tests.unit.fnq_core.streams import connected


async def test_sessions_are_told_apart_and_expire(server: RedisServer) -> None:
    """Each has a tag and a secret of its own, and nothing accepted."""
    async with connected(server) as client:
        records = SessionRecords(client)
        one, other = await records.grant(), await records.grant()
        assert one.tag != other.tag
        assert one.secret != other.secret
        assert await records.mark(one.tag, 1) == 0
        assert 0 < server.ask("TTL", keys.session(one.tag)) <= SESSION_TTL_S
        assert list(ownerless(server)) == []


async def test_who_takes_a_session_over_fences_the_one_before(server: RedisServer) -> None:
    """Which learns it when it asks for its mark; the mark stays."""
    async with connected(server) as client:
        records = SessionRecords(client)
        tag, secret = await records.grant()
        server.ask("HSET", keys.session(tag), "mark", 5)
        assert await records.take_over(tag, secret) == TakenOver(2, 5, lapsed=False)
        assert await records.mark(tag, 1) is None
        assert await records.mark(tag, 2) == 5


async def test_a_session_is_taken_over_with_its_secret_only(server: RedisServer) -> None:
    """Another secret changes nothing; a session that is gone is nobody's."""
    async with connected(server) as client:
        records = SessionRecords(client)
        tag, secret = await records.grant()
        assert await records.take_over(tag, b"guessed") is None
        assert await records.mark(tag, 1) == 0
        await records.delete(tag)
        assert await records.take_over(tag, secret) is None
        assert server.names(keys.session(tag)) == []


async def test_a_lapse_is_heard_once(server: RedisServer) -> None:
    """By who takes the session over next."""
    async with connected(server) as client:
        records = SessionRecords(client)
        tag, secret = await records.grant()
        assert await records.lapse(tag, 1)
        heard = [await records.take_over(tag, secret) for _ in range(2)]
        assert [each is not None and each.lapsed for each in heard] == [True, False]


async def test_a_session_in_use_is_kept(server: RedisServer) -> None:
    """Renewing gives it its whole time again, and makes none that is gone."""
    async with connected(server) as client:
        records = SessionRecords(client)
        tag, _ = await records.grant()
        server.ask("EXPIRE", keys.session(tag), 5)
        await records.renew([tag, tag + 1])
        assert server.ask("TTL", keys.session(tag)) > 5
        assert server.names("fnq:session:*") == [keys.session(tag)]


async def test_a_lapse_of_a_session_that_is_gone_makes_no_record(
    server: RedisServer,
) -> None:
    """Its client may have said goodbye to another server meanwhile."""
    async with connected(server) as client:
        records = SessionRecords(client)
        tag, _ = await records.grant()
        await records.delete(tag)
        assert await records.lapse(tag, 1)
        assert server.names(keys.session(tag)) == []


async def test_a_session_that_moved_away_does_not_lapse(server: RedisServer) -> None:
    """Its client is at another server, which knows better."""
    async with connected(server) as client:
        records = SessionRecords(client)
        tag, secret = await records.grant()
        await records.take_over(tag, secret)
        assert not await records.lapse(tag, 1)
        assert await records.take_over(tag, secret) == TakenOver(3, 0, lapsed=False)


async def test_a_full_redis_notes_a_lapse(server: RedisServer) -> None:
    """What is cancelled by it makes room."""
    async with connected(server) as client:
        records = SessionRecords(client)
        tag, secret = await records.grant()
        with full(server):
            assert await records.lapse(tag, 1)
        assert await records.take_over(tag, secret) == TakenOver(2, 0, lapsed=True)
