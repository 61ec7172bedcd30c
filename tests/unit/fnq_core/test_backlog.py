"""What lies in call streams, counted from outside."""

from __future__ import annotations

from fnq_core import keys
from fnq_core.backlog import Backlog, Counts, Idle
from fnq_core.lease import LEASE_S
from fnq_core.results import Mailboxes
from tests.redis import RedisServer
from tests.unit.fnq_core.streams import FIRST, SESSION, VERSION, bench, connected, stream


async def test_what_waits_and_what_is_held_are_told_apart(server: RedisServer) -> None:
    """Over all depths of a version; of many versions at once, in the order asked for."""
    async with bench(server) as b, connected(server) as client:
        await b.queue(3)
        await b.queue(2, depth=1)
        b.deliver(count=1)
        backlog = Backlog(client)
        asked = [("default", "fff"), ("default", VERSION), ("other", VERSION)]
        assert await backlog.count(asked) == [Counts(0, 0), Counts(4, 1), Counts(0, 0)]
        assert await backlog.count([]) == []


async def test_attempts_that_are_not_due_for_a_while_are_counted_apart(
    server: RedisServer,
) -> None:
    """They need no worker; one that is due, or soon, does."""
    async with bench(server) as b, connected(server) as client:
        await b.queue(4)
        b.deliver(count=3)
        seconds = int((await client.execute_command("TIME"))[0])
        dues = {"a": seconds - 5, "b": seconds, "c": seconds + 60}
        for entry, due in dues.items():
            server.ask("HSET", keys.dues(stream()), entry, due * 1000)
        [found] = await Backlog(client).count([("default", VERSION)])
        assert found == Counts(1, 3, 1)
        assert found.due == 3


async def test_a_stream_without_its_group_counts_for_nothing(server: RedisServer) -> None:
    """Nobody can read what lies there; the others are counted."""
    async with bench(server) as b, connected(server) as client:
        await b.queue(1)
        stray = keys.call_stream("default", "bbb", 0)
        server.ask("SADD", keys.depths("default", "bbb"), 0, 1)
        server.ask("XADD", stray, "*", "e", b"")
        found = await Backlog(client).count([("default", "bbb"), ("default", VERSION)])
        assert found == [Counts(0, 0), Counts(1, 0)]


async def test_many_versions_are_counted_in_few_round_trips(server: RedisServer) -> None:
    """With two commands for each that has no calls."""
    async with bench(server) as b, connected(server) as client:
        await b.queue(1)
        asked = [("default", VERSION)]
        for number in range(100):
            asked.append(("default", f"v{number}"))
            stream = keys.call_stream("default", f"v{number}", 0)
            server.ask("XGROUP", "CREATE", stream, keys.GROUP, "0", "MKSTREAM")
            server.ask("SADD", keys.depths("default", f"v{number}"), 0)
        server.spent()
        reads = server.reads()
        await Backlog(client).count(asked)
        # A connection is greeted with a few commands of its own.
        assert server.reads() - reads < 15
        spent = server.spent()
        assert (spent["smembers"], spent["xlen"], spent["xpending"]) == (101, 101, 1)


async def test_entries_that_nobody_holds_are_found(server: RedisServer) -> None:
    """Those not read yet, and those whose lease has lapsed; page by page, from the first on."""
    async with bench(server) as b, connected(server) as client:
        backlog = Backlog(client)
        assert await backlog.idle(stream()) == ([], "")
        entries = await b.queue(6)
        b.deliver(count=3)
        b.age(entries[1], LEASE_S + 1)
        server.ask("XDEL", stream(), entries[4])
        found, after = await backlog.idle(stream(), count=4)
        assert [(each.entry, each.then.epoch) for each in found] == [
            (entries[1], 2),
            (entries[3], 1),
        ]
        found, after = await backlog.idle(stream(), after, count=4)
        assert ([each.entry for each in found], after) == ([entries[5]], "")
        assert found[0].body.startswith(b"e:")
        one, _ = await backlog.idle(stream(), entries[3], entries[3])
        assert [each.entry for each in one] == [entries[3]]
        assert await backlog.idle(stream(), entries[0], entries[0]) == ([], "")


async def test_it_is_told_who_holds_an_entry(server: RedisServer) -> None:
    """It waits, is held, or gone; in what is no call stream nothing is held."""
    async with bench(server) as b, connected(server) as client:
        backlog = Backlog(client)
        ended, held, waiting = await b.queue(3)
        b.deliver("c7", count=2)
        await b.acknowledge([ended])
        asked = [waiting, ended, held]
        assert await backlog.holders(stream(), asked) == ["", None, "c7"]
        assert await backlog.holders(stream(5), asked) == [None] * 3
        assert await backlog.holders(SESSION, asked) == [None] * 3


async def test_who_turns_an_entry_away_ends_its_call(server: RedisServer) -> None:
    """Once; nothing is left of it, and one that somebody holds stays his."""
    async with bench(server) as b, connected(server) as client:
        backlog = Backlog(client)
        mailboxes = Mailboxes(client)
        await mailboxes.open("fnq:inbox:a")
        fresh, held, lapsed = await b.queue(3)
        server.ask("XGROUP", "SETID", stream(), keys.GROUP, fresh)
        b.deliver(count=2)
        b.age(lapsed, LEASE_S + 1)
        gone = [
            await backlog.turn_away(
                Idle(stream(), entry, b"", FIRST), "fnq:inbox:a", entry.encode()
            )
            for entry in (fresh, held, lapsed, fresh, lapsed, "1-1")
        ]
        assert gone == [True, False, True, False, False, False]
        ended = await mailboxes.read({"fnq:inbox:a": "0-0"}, 10, 10)
        assert [body.decode() for _, _, body in ended] == [fresh, lapsed]
        assert b.length() == 1
        assert [each[0].decode() for each in b.pending()] == [held]


async def test_an_entry_whose_caller_is_gone_is_turned_away_too(server: RedisServer) -> None:
    """Its inbox does not come back by that."""
    async with bench(server) as b, connected(server) as client:
        [entry] = await b.queue(1)
        await Backlog(client).turn_away(Idle(stream(), entry, b"", FIRST), "fnq:inbox:gone", b"end")
        assert b.length() == 0
        assert server.names("fnq:inbox:*") == []
