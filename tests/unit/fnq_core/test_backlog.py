"""What lies in call streams, counted from outside."""

from __future__ import annotations

from fnq_core import keys
from fnq_core.backlog import Backlog, Counts
from tests.redis import RedisServer
from tests.unit.fnq_core.streams import VERSION, bench, connected


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
