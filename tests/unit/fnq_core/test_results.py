"""Inboxes and control streams: they belong to one process, and vanish with it."""

from __future__ import annotations

import asyncio

from fnq_core.results import OWNED_TTL_S, Mailboxes, order
from tests.loop import eventually
from tests.redis import RedisServer, full
from tests.unit.fnq_core.streams import connected

INBOX, OTHER = "fnq:inbox:a", "fnq:inbox:b"


async def test_an_owned_stream_is_made_empty_and_expires(server: RedisServer) -> None:
    """Opening it again renews it and leaves what lies in it."""
    async with connected(server) as client:
        mailboxes = Mailboxes(client)
        assert await mailboxes.open(INBOX)
        assert server.ask("XLEN", INBOX) == 0
        await mailboxes.publish([(INBOX, b"one")])
        server.ask("EXPIRE", INBOX, 1)
        assert not await mailboxes.open(INBOX)
        assert server.ask("TTL", INBOX) > OWNED_TTL_S - 2
        assert server.ask("XLEN", INBOX) == 1


async def test_results_lie_in_the_order_in_which_they_were_published(server: RedisServer) -> None:
    """For each stream of its own."""
    async with connected(server) as client:
        mailboxes = Mailboxes(client)
        await mailboxes.open(INBOX)
        await mailboxes.open(OTHER)
        items = [((INBOX, OTHER)[number % 3 == 0], b"%d" % number) for number in range(50)]
        assert await mailboxes.publish(items) == set()
        found = await mailboxes.read({INBOX: "0-0", OTHER: "0-0"}, 100, 10)
        for name in (INBOX, OTHER):
            assert [body for stream, _, body in found if stream == name] == [
                body for stream, body in items if stream == name
            ]


async def test_what_is_published_for_one_that_is_gone_brings_nothing_back(
    server: RedisServer,
) -> None:
    """The writer is told, each once, and the others get theirs."""
    async with connected(server) as client:
        mailboxes = Mailboxes(client)
        await mailboxes.open(INBOX)
        gone = await mailboxes.publish([(OTHER, b"1"), (INBOX, b"2"), (OTHER, b"3")])
        assert gone == {OTHER}
        assert server.names() == [INBOX]
        assert server.ask("XLEN", INBOX) == 1


async def test_a_read_waits_for_the_first_entry(server: RedisServer) -> None:
    """And returns what lies after the positions given."""
    async with connected(server) as client, connected(server) as waiting:
        mailboxes = Mailboxes(client, waiting)
        await mailboxes.open(INBOX)
        await mailboxes.publish([(INBOX, b"one")])
        [(_, first, _)] = await mailboxes.read({INBOX: "0-0"}, 10, 10)
        assert await mailboxes.read({INBOX: first}, 10, 1) == []
        work = asyncio.create_task(mailboxes.read({INBOX: first}, 10, 10_000))
        await eventually(lambda: b"cmd=xread" in server.ask("CLIENT", "LIST"))
        await mailboxes.publish([(INBOX, b"two")])
        [(stream, _, body)] = await asyncio.wait_for(work, 5)
        assert (stream, body) == (INBOX, b"two")


async def test_entries_are_fetched_and_deleted_by_their_ids(server: RedisServer) -> None:
    """Those that are gone are passed over."""
    async with connected(server) as client:
        mailboxes = Mailboxes(client)
        await mailboxes.open(INBOX)
        await mailboxes.publish([(INBOX, b"%d" % number) for number in range(4)])
        entries = [entry for _, entry, _ in await mailboxes.read({INBOX: "0-0"}, 9, 1)]
        await mailboxes.delete(INBOX, entries[1:2])
        found = await mailboxes.fetch(INBOX, entries[:3])
        assert [body for _, body in found] == [b"0", b"2"]


async def test_a_control_stream_is_trimmed_up_to_what_was_obeyed(server: RedisServer) -> None:
    """With it, and nothing after it."""
    async with connected(server) as client:
        mailboxes = Mailboxes(client)
        await mailboxes.open(INBOX)
        await mailboxes.publish([(INBOX, b"%d" % number) for number in range(4)])
        entries = [entry for _, entry, _ in await mailboxes.read({INBOX: "0-0"}, 9, 1)]
        await mailboxes.trim(INBOX, entries[1])
        left = await mailboxes.read({INBOX: "0-0"}, 9, 1)
        assert [body for *_, body in left] == [b"2", b"3"]


async def test_a_full_redis_takes_results(server: RedisServer) -> None:
    """They are what lets calls end, and so makes room; a new owner may open its stream, too."""
    async with connected(server) as client:
        boxes = Mailboxes(client)
        await boxes.open("a")
        with full(server):
            await boxes.open("b")
            assert await boxes.publish([("a", b"1"), ("b", b"2"), ("gone", b"3")]) == {"gone"}
        assert [server.ask("XLEN", name) for name in ("a", "b")] == [1, 1]


async def test_only_what_is_there_is_renewed(server: RedisServer) -> None:
    """The inbox of a dead server is kept while somebody reads it, and not brought back."""
    async with connected(server) as client:
        mailboxes = Mailboxes(client)
        assert not await mailboxes.renew(OTHER)
        await mailboxes.open(INBOX)
        server.ask("EXPIRE", INBOX, 1)
        assert await mailboxes.renew(INBOX)
        assert server.ask("TTL", INBOX) > 1
        await mailboxes.close(INBOX, OTHER)
        assert server.names() == []


async def test_streams_that_are_gone_are_named(server: RedisServer) -> None:
    """All of those asked for, in one go."""
    async with connected(server) as client:
        mailboxes = Mailboxes(client)
        await mailboxes.open("fnq:inbox:there")
        asked = ["fnq:inbox:a", "fnq:inbox:there", "fnq:inbox:b"]
        assert await mailboxes.missing(asked) == {"fnq:inbox:a", "fnq:inbox:b"}
        assert await mailboxes.missing([]) == set()


def test_entries_are_sorted_as_they_were_appended() -> None:
    """By numbers, not by letters."""
    assert sorted(["9-10", "10-0", "9-9"], key=order) == ["9-9", "9-10", "10-0"]
