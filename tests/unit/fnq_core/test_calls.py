"""Call streams: what is appended, and what is let go of."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from unittest import mock

import pytest
from redis.exceptions import ResponseError

from fnq_core import keys
from fnq_core.calls import FencedError
from fnq_core.connection import FullError
from fnq_core.results import InboxGoneError
from tests.loop import eventually
from tests.redis import RedisServer, full
from tests.unit.fnq_core.streams import INBOX, SESSION, VERSION, bench, stream


async def test_a_submission_offered_again_is_appended_once(server: RedisServer) -> None:
    """What is not above the mark is skipped, and the mark tells so."""
    async with bench(server) as b:
        first = [b.offer(), b.offer()]
        assert (await b.append(*first)).mark == 2
        again = await b.append(*first, b.offer())
        assert again.mark == 3
        assert again.entries[:2] == ["", ""]
        assert again.entries[2]
        assert b.length() == 3


async def test_submissions_lie_in_the_order_in_which_they_were_offered(
    server: RedisServer,
) -> None:
    """Entries of one turn are ordered by their sequence numbers."""
    async with bench(server) as b:
        await b.queue(50)
        bodies = [fields[1] for _, fields in server.ask("XRANGE", stream(), "-", "+")]
        assert [int(body[7:].strip(b".")) for body in bodies] == list(range(1, 51))


async def test_a_server_that_lost_the_session_appends_nothing(server: RedisServer) -> None:
    """A generation that is not the current one is fenced, whichever is greater."""
    async with bench(server) as b:
        server.ask("HINCRBY", SESSION, "gen", 1)
        for generation in (1, 3):
            with pytest.raises(FencedError):
                await b.append(b.offer(), generation=generation)
        assert server.ask("EXISTS", stream()) == 0


async def test_a_session_whose_record_is_gone_is_fenced(server: RedisServer) -> None:
    """Nothing is appended for a session that ended, and its record stays away."""
    async with bench(server) as b:
        server.ask("DEL", SESSION)
        with pytest.raises(FencedError):
            await b.append(b.offer())
        assert server.names() == [keys.depths("default", VERSION)]


async def test_a_full_queue_refuses_by_an_end_in_the_inbox(server: RedisServer) -> None:
    """The mark moves over the refused ones, and what there is room for is appended."""
    async with bench(server) as b:
        server.ask("XADD", INBOX, "*", "e", "")
        server.ask("EXPIRE", INBOX, 60)
        accepted = await b.append(*[b.offer(cap=2) for _ in range(3)])
        assert accepted.mark == 3
        assert [bool(entry) for entry in accepted.entries] == [True, True, False]
        *_, (_, fields) = server.ask("XRANGE", INBOX, "-", "+")
        assert fields[1] == b"\x0a\x10" + b"call-3".ljust(16, b".") + b"refused"


async def test_a_refusal_makes_no_inbox(server: RedisServer) -> None:
    """It would have no lifetime; who appends opens the inbox, and offers the rest again."""
    async with bench(server) as b:
        offers = [b.offer(cap=1) for _ in range(2)]
        assert await b.append(*offers) == (1, [mock.ANY])
        with pytest.raises(InboxGoneError):
            await b.append(*offers[1:])
        assert server.names(INBOX) == []
        server.ask("XADD", INBOX, "*", "e", "")
        server.ask("EXPIRE", INBOX, 60)
        assert await b.append(*offers[1:]) == (2, [""])


async def test_a_call_without_a_target_is_refused(server: RedisServer) -> None:
    """It takes no place in any stream."""
    async with bench(server) as b:
        server.ask("XADD", INBOX, "*", "e", "")
        server.ask("EXPIRE", INBOX, 60)
        accepted = await b.append(b.offer(target=None), b.offer())
        assert [bool(entry) for entry in accepted.entries] == [False, True]
        assert server.ask("XLEN", INBOX) == 2


async def test_what_redis_refuses_stops_an_append_at_that_submission(server: RedisServer) -> None:
    """Those before it lie in their streams under a mark that says so: none is doubled."""
    async with bench(server) as b:
        server.ask("SET", stream(3), "not a stream", "EX", 60)
        offers = [b.offer(), b.offer(depth=3), b.offer()]
        first = await b.append(*offers)
        assert (first.mark, len(first.entries), b.length()) == (1, 1, 1)
        with pytest.raises(ResponseError, match="WRONGTYPE"):
            await b.append(*offers[1:])
        refused = replace(offers[1], target=None)
        server.ask("XADD", INBOX, "*", "e", "")
        server.ask("EXPIRE", INBOX, 60)
        again = await b.append(offers[0], refused, offers[2])
        assert (again.mark, again.entries[:2], b.length()) == (3, ["", ""], 2)
        assert server.ask("XLEN", INBOX) == 2


async def test_a_depth_is_known_before_it_has_a_stream(server: RedisServer) -> None:
    """A stream that no consumer knows of would keep its calls for ever."""
    async with bench(server) as b:
        depths = keys.depths("default", VERSION)
        server.ask("SET", depths, "not a set", "EX", 60)
        with pytest.raises(ResponseError, match="WRONGTYPE"):
            await b.append(b.offer())
        assert server.ask("EXISTS", stream()) == 0


async def test_a_full_redis_takes_no_call_and_every_refusal(server: RedisServer) -> None:
    """Nothing is appended before the error; an end that is refused needs no room to speak of."""
    async with bench(server) as b:
        server.ask("XADD", INBOX, "*", "e", "")
        server.ask("EXPIRE", INBOX, 60)
        await b.queue(1)
        with full(server):
            offers = [b.offer(), b.offer(depth=1)]
            with pytest.raises(FullError):
                await b.append(*offers)
            assert (b.length(), server.ask("EXISTS", stream(1))) == (1, 0)
            refused = await b.append(*[replace(each, target=None) for each in offers])
            assert (refused.mark, refused.entries) == (3, ["", ""])
            assert (await b.append(*offers)).mark == 3
        assert (await b.append(*offers)).entries == ["", ""]
        assert (b.length(), server.ask("XLEN", INBOX)) == (1, 3)


async def test_a_stream_of_a_new_depth_is_made_and_announced(server: RedisServer) -> None:
    """It has the group, is in the set of depths, and who listens hears of it once."""
    async with bench(server) as b:
        with server.client.pubsub() as listener:
            listener.subscribe(keys.DEPTHS_CHANNEL)
            await b.append(b.offer(depth=3), b.offer(depth=3))
            await b.append(b.offer(depth=3))
            notices = [listener.get_message(timeout=1.0) for _ in range(2)]
            assert listener.get_message() is None
        assert [notice and notice["type"] for notice in notices] == ["subscribe", "message"]
        assert await b.calls.depths("default", VERSION) == [0, 3]
        assert len(b.deliver(depth=3)) == 3


async def test_who_listens_for_new_depths_hears_of_each_once(server: RedisServer) -> None:
    """By the depths key of its version."""
    async with bench(server) as b, contextlib.aclosing(b.calls.new_depths()) as notices:
        heard = asyncio.ensure_future(anext(notices))
        await eventually(lambda: server.ask("PUBSUB", "NUMSUB", keys.DEPTHS_CHANNEL)[1])
        await b.append(b.offer(depth=3))
        assert await heard == keys.depths("default", VERSION)
        heard = asyncio.ensure_future(anext(notices))
        b.deploy("def0123456789")
        await b.append(b.offer(depth=3), b.offer("x", 2, version="def0123456789"))
        assert await heard == keys.depths("default", "def0123456789")


async def test_an_idle_deep_stream_goes(server: RedisServer) -> None:
    """Only when it is empty and nothing of it is held."""
    async with bench(server) as b:
        [entry] = await b.queue(1, depth=2)
        assert not await b.calls.drop_idle("default", VERSION, 2)
        b.deliver(depth=2)
        await b.calls.withdraw(stream(2), entry)
        assert not await b.calls.drop_idle("default", VERSION, 2)
        await b.acknowledge([entry], depth=2)
        assert await b.calls.drop_idle("default", VERSION, 2)
        assert await b.calls.depths("default", VERSION) == [0]
        assert server.names("*calls*") == []
