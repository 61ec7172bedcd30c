"""Rows of packed calls that are done: noted by the current run alone, and let go of."""

from __future__ import annotations

from fnq_core import keys
from fnq_core.lease import Count
from fnq_core.progress import Progress
from tests.redis import RedisServer
from tests.unit.fnq_core.streams import FIRST, VERSION, bench, connected, stream

NOTES = keys.progress("default", VERSION, 0)


async def test_only_the_current_run_notes_rows(server: RedisServer) -> None:
    """Neither another consumer nor an older run, nor anybody once the entry is gone."""
    async with bench(server) as b, connected(server) as client:
        progress = Progress(client)
        assert not await progress.note(stream(), NOTES, "c1", ("1-0", FIRST), 3)
        [entry] = await b.queue(1)
        b.deliver()
        assert await progress.rows(NOTES, entry) == 0
        assert await progress.note(stream(), NOTES, "c1", (entry, FIRST), 3)
        await b.leases.recount(stream(), entry, "c1", FIRST, Count(2, 1))
        assert not await progress.note(stream(), NOTES, "c1", (entry, FIRST), 4)
        assert not await progress.note(stream(), NOTES, "c2", (entry, Count(2, 1)), 5)
        assert await progress.rows(NOTES, entry) == 3
        assert await progress.note(stream(), NOTES, "c1", (entry, Count(2, 1)), 6)
        assert await progress.rows(NOTES, entry) == 6
        assert server.ask("TTL", NOTES) > 0
        await progress.drop(NOTES, [entry])
        assert server.ask("EXISTS", NOTES) == 0
