"""Single entries of call streams, looked at."""

from __future__ import annotations

import pytest

from fnq_core import inventory
from fnq_core.dues import Dues
from fnq_core.inventory import Inventory
from tests.redis import RedisServer
from tests.unit.fnq_core.streams import FIRST, bench, connected, stream


async def test_entries_come_in_order_with_who_holds_them(server: RedisServer) -> None:
    """Page by page; what nobody has read has no consumer and no count."""
    async with bench(server) as b, connected(server) as client:
        entries = await b.queue(5)
        b.deliver("c1", count=2)
        first, more = await Inventory(client).page(stream(), count=3)
        rest, end = await Inventory(client).page(stream(), more, count=3)
        assert [each.entry for each in first + rest] == entries
        assert [each.consumer for each in first + rest] == ["c1", "c1", "", "", ""]
        assert [each.tally for each in first + rest] == [FIRST, FIRST, None, None, None]
        assert end == ""
        assert await Inventory(client).page("fnq:{default}:calls:none:0") == ([], "")


async def test_an_entry_tells_how_long_it_waits_for_its_next_attempt(server: RedisServer) -> None:
    """From when an attempt has failed until the next begins."""
    async with bench(server) as b, connected(server) as client:
        waiting, begun = await b.queue(2)
        b.deliver()
        for entry in (waiting, begun):
            await Dues(client).postpone(stream(), entry, "c1", FIRST, FIRST.after_failure(), 60_000)
        await Dues(client).begin(stream(), "c1", [(begun, FIRST.after_failure())])
        first, second = (await Inventory(client).page(stream()))[0]
        assert first.wait_s is not None
        assert 59 < first.wait_s <= 60
        assert second.wait_s is None
        assert {each.tally for each in (first, second)} == {FIRST.after_failure()}


async def test_an_entry_is_found_by_its_call(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also behind many others, and not where it was appended before the time asked for."""
    monkeypatch.setattr(inventory, "_MOST_SEARCHED", 4)
    monkeypatch.setattr(inventory, "_PAGE", 2)
    async with bench(server) as b, connected(server) as client:
        entries = await b.queue(11)
        call = b"call-11".ljust(16, b".")
        found = await Inventory(client).find(stream(), call, 0)
        assert found is not None
        assert found.entry == entries[-1]
        assert await Inventory(client).find(stream(), b"nobody's".ljust(16, b"."), 0) is None
        later = int(entries[-1].partition("-")[0]) + 1
        assert await Inventory(client).find(stream(), call, later) is None


async def test_what_waits_before_an_entry_is_counted(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not what a consumer has read; up to a bound."""
    monkeypatch.setattr(inventory, "_PAGE", 2)
    async with bench(server) as b, connected(server) as client:
        entries = await b.queue(8)
        looks = Inventory(client)
        assert await looks.ahead(stream(), entries[5]) == 5
        b.deliver(count=2)
        assert await looks.ahead(stream(), entries[5]) == 3
        assert await looks.ahead(stream(), entries[1]) == 0
        monkeypatch.setattr(inventory, "MOST_AHEAD", 2)
        assert await looks.ahead(stream(), entries[7]) == 2
        assert await looks.ahead("fnq:{default}:calls:none:0", "1-1") == 0


async def test_the_oldest_entry_and_the_clock_are_told(server: RedisServer) -> None:
    """Both in milliseconds on Redis' clock."""
    async with bench(server) as b, connected(server) as client:
        looks = Inventory(client)
        assert await looks.oldest_ms("fnq:{default}:calls:none:0") == 0
        entries = await b.queue(2)
        oldest = await looks.oldest_ms(stream())
        assert oldest == int(entries[0].partition("-")[0])
        assert oldest <= await looks.now_ms()
