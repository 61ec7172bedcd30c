"""When a next attempt is due: recorded with it, kept through a claim, gone when it begins."""

from __future__ import annotations

from typing import Any

import pytest

from fnq_core import keys
from fnq_core.backlog import Backlog
from fnq_core.dues import Dues
from fnq_core.lease import LEASE_S, Count
from tests.redis import RedisServer
from tests.unit.fnq_core.streams import FIRST, VERSION, Bench, bench, connected, stream

#: Of the attempt after the first.
SECOND = FIRST.after_failure()


def fields(server: RedisServer) -> dict[bytes, bytes]:
    """Return what is recorded, by entry."""
    flat: Any = server.ask("HGETALL", keys.dues(stream()))
    return flat if isinstance(flat, dict) else dict(zip(flat[::2], flat[1::2], strict=True))


async def _postponed(b: Bench, dues: Dues, wait_ms: int = 60_000) -> str:
    """Give an entry whose first attempt failed."""
    [entry] = await b.queue(1)
    b.deliver()
    assert await dues.postpone(stream(), entry, "c1", FIRST, SECOND, wait_ms) is not None
    return entry


async def test_a_failed_attempt_is_recorded_with_the_time_of_the_next(server: RedisServer) -> None:
    """In one step; a repetition changes neither."""
    async with bench(server) as b, connected(server) as client:
        dues = Dues(client)
        entry = await _postponed(b, dues)
        before = fields(server)
        body = await dues.postpone(stream(), entry, "c1", FIRST, SECOND, 90_000)
        assert body == b"e:" + b"call-1".ljust(16, b".")
        assert fields(server) == before
        assert Count.of(b.pending()[0][3]) == Count(2, 0, 1)
        assert 59_000 < await dues.wait_ms(stream(), entry) <= 60_000


async def test_what_is_anothers_is_not_recorded(server: RedisServer) -> None:
    """Another consumer's, another run's, withdrawn, or in a stream that is gone."""
    async with bench(server) as b, connected(server) as client:
        dues = Dues(client)
        first, second, third = await b.queue(3)
        b.deliver()
        await b.leases.recount(stream(), second, "c1", FIRST, Count(2, 1))
        server.ask("XDEL", stream(), third)
        for entry, consumer in ((first, "c2"), (second, "c1"), (third, "c1")):
            assert await dues.postpone(stream(), entry, consumer, FIRST, SECOND, 1) is None
        assert await dues.postpone(stream(9), "1-1", "c1", FIRST, SECOND, 1) is None
        assert await dues.begin(stream(9), "c1", [("1-1", SECOND)]) == [False]
        assert fields(server) == {}


async def test_who_claims_an_entry_waits_for_the_rest(server: RedisServer) -> None:
    """Also where that is nothing any more."""
    async with bench(server) as b, connected(server) as client:
        dues = Dues(client)
        late, due = await _postponed(b, dues), await _postponed(b, dues, 0)
        for entry in (late, due):
            b.age(entry, LEASE_S + 1)
        claimed = {read.entry: read for read in await b.leases.claim_idle(stream(), "c2", {})}
        assert {read.count for read in claimed.values()} == {Count(3, 0, 1)}
        assert 50_000 < claimed[late].wait_ms <= 60_000
        assert claimed[due].wait_ms == 0


async def test_an_attempt_begins_unless_its_entry_was_withdrawn(server: RedisServer) -> None:
    """Nothing is left of when it was due; what was withdrawn is pending no more."""
    async with bench(server) as b, connected(server) as client:
        dues = Dues(client)
        entry, withdrawn = await _postponed(b, dues), await _postponed(b, dues)
        server.ask("XDEL", stream(), withdrawn)
        runs = [(entry, SECOND), (withdrawn, SECOND)]
        assert await dues.begin(stream(), "c2", runs) == [False, False]
        assert await dues.begin(stream(), "c1", [(entry, FIRST)]) == [False]
        assert await dues.begin(stream(), "c1", runs) == [True, False]
        assert fields(server) == {}
        assert [each[0].decode() for each in b.pending()] == [entry]


@pytest.mark.parametrize("how", ["acknowledged", "withdrawn", "turned away", "dropped"])
async def test_the_time_goes_with_its_entry(server: RedisServer, how: str) -> None:
    """However that goes."""
    async with bench(server) as b, connected(server) as client:
        entry = await _postponed(b, Dues(client))
        if how == "acknowledged":
            await b.leases.acknowledge(stream(), [(entry, SECOND)])
        elif how == "withdrawn":
            await b.calls.withdraw(stream(), entry)
        elif how == "turned away":
            b.age(entry, LEASE_S + 1)
            [idle], _ = await Backlog(client).idle(stream())
            assert idle.then == Count(3, 0, 1)
            assert await Backlog(client).turn_away(idle, "fnq:inbox:gone", b"end")
        else:
            server.ask("XACK", stream(), keys.GROUP, entry)
            server.ask("XDEL", stream(), entry)
            assert await b.calls.drop_idle("default", VERSION, 0)
        assert fields(server) == {}
