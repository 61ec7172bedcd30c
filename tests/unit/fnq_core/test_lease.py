"""Leases: what is held, renewed, claimed and acknowledged, and by whom no more."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnq_core import keys, lease
from fnq_core.lease import LEASE_S, Count
from tests.redis import RedisServer
from tests.unit.fnq_core.streams import FIRST, bench, stream


async def test_acknowledging_takes_an_entry_out_of_stream_and_pending_list(
    server: RedisServer,
) -> None:
    """Both at once, and a repetition changes nothing."""
    async with bench(server) as b:
        entries = await b.queue(2)
        b.deliver()
        for _ in range(2):
            await b.acknowledge(entries)
        assert (b.length(), b.pending()) == (0, [])


async def test_renewing_resets_the_idle_time_and_leaves_the_counter(server: RedisServer) -> None:
    """JUSTID leaves the counter alone: epoch and deaths live there."""
    async with bench(server) as b:
        [entry] = await b.queue(1)
        b.deliver()
        await b.leases.recount(stream(), entry, "c1", FIRST, Count(5, 2))
        b.age(entry, 60)
        assert await b.leases.renew(stream(), "c2", [(entry, Count(5, 2))]) == [True]
        [[_, owner, idle_ms, counter]] = b.pending()
        assert (owner, Count.of(counter)) == (b"c2", Count(5, 2))
        assert idle_ms < 1000


async def test_renewing_does_not_bring_back_what_is_acknowledged(server: RedisServer) -> None:
    """A late renewal of an agent makes nothing pending."""
    async with bench(server) as b:
        [entry] = await b.queue(1)
        b.deliver()
        await b.acknowledge([entry])
        assert await b.leases.renew(stream(), "c1", [(entry, FIRST)]) == [False]
        assert b.pending() == []


async def test_an_entry_is_claimed_only_after_its_lease(server: RedisServer) -> None:
    """Its epoch rises by one and its deaths stay."""
    async with bench(server) as b:
        entries = await b.queue(2)
        b.deliver()
        b.age(entries[1], LEASE_S + 1)
        [read] = await b.leases.claim_idle(stream(), "c2", {})
        assert (read.entry, read.count) == (entries[1], Count(2, 0))
        assert read.body == b"e:" + b"call-2".ljust(16, b".")
        assert await b.leases.claim_idle(stream(), "c2", {}) == []


async def test_two_consumers_never_claim_the_same_entry(server: RedisServer) -> None:
    """Redis hands an idle entry to one claimer only."""
    async with bench(server) as b:
        entries = await b.queue(40)
        b.deliver()
        for entry in entries:
            b.age(entry, LEASE_S + 1)
        found = await asyncio.gather(
            *[b.leases.claim_idle(stream(), name, {}) for name in ("c2", "c3", "c4")]
        )
        assert sorted(read.entry for reads in found for read in reads) == sorted(entries)


async def test_what_is_known_to_run_is_renewed_instead_of_claimed(server: RedisServer) -> None:
    """The agent may be cut off from Redis; its consumer renews for it."""
    async with bench(server) as b:
        [entry] = await b.queue(1)
        b.deliver()
        b.age(entry, LEASE_S + 1)
        assert await b.leases.claim_idle(stream(), "c1", {entry: FIRST}) == []
        [[_, owner, idle_ms, counter]] = b.pending()
        assert (owner, counter) == (b"c1", 1)
        assert idle_ms < 1000


async def test_claiming_in_a_stream_that_is_not_there_finds_nothing(server: RedisServer) -> None:
    """A deep stream may have gone between two looks."""
    async with bench(server) as b:
        assert await b.leases.claim_idle(stream(9), "c1", {}) == []


async def test_a_withdrawn_entry_that_was_read_does_not_stay_pending(server: RedisServer) -> None:
    """Its body is gone: once its lease has lapsed nothing of it is left."""
    async with bench(server) as b:
        [entry] = await b.queue(1)
        b.deliver()
        await b.calls.withdraw(stream(), entry)
        server.ask("XCLAIM", stream(), keys.GROUP, "c1", 0, entry, "IDLE", 99_000, "JUSTID")
        assert await b.leases.claim_idle(stream(), "c2", {}) == []
        assert b.pending() == []


async def test_adopting_leaves_the_epoch_alone(server: RedisServer) -> None:
    """A run that goes on keeps its count and gets a new owner."""
    async with bench(server) as b:
        [entry] = await b.queue(1)
        b.deliver()
        assert await b.leases.renew(stream(), "c2", [(entry, FIRST)]) == [True]
        [[_, owner, _, counter]] = b.pending()
        assert (owner, counter) == (b"c2", 1)


async def test_a_run_that_was_given_to_another_is_not_adopted(server: RedisServer) -> None:
    """Nor one whose entry is acknowledged."""
    async with bench(server) as b:
        entries = await b.queue(2)
        b.deliver()
        await b.leases.recount(stream(), entries[0], "c1", FIRST, Count(2, 1))
        await b.acknowledge(entries[1:])
        runs = [(entry, FIRST) for entry in entries]
        assert await b.leases.renew(stream(), "c2", runs) == [False, False]
        assert b.pending()[0][1] == b"c1"


async def test_recounting_tells_what_the_entry_says(server: RedisServer) -> None:
    """Whoever adopted a run knows it only in part: for another run it needs the whole."""
    async with bench(server) as b:
        [entry] = await b.queue(1)
        b.deliver()
        body = await b.leases.recount(stream(), entry, "c1", FIRST, Count(2, 1))
        assert body == b"e:" + b"call-1".ljust(16, b".")
        assert Count.of(b.pending()[0][3]) == Count(2, 1)


async def test_what_another_consumer_has_taken_over_is_not_recounted(server: RedisServer) -> None:
    """It adopted the run while this one mourned its agent: nothing is dispatched twice."""
    async with bench(server) as b:
        [entry] = await b.queue(1)
        b.deliver("c1")
        assert await b.leases.renew(stream(), "c2", [(entry, FIRST)]) == [True]
        assert await b.leases.recount(stream(), entry, "c1", FIRST, Count(2, 1)) is None
        [[_, owner, _, counter]] = b.pending()
        assert (owner, counter) == (b"c2", 1)


async def test_recounting_what_is_gone_says_so(server: RedisServer) -> None:
    """Acknowledged, withdrawn, or its whole stream deleted."""
    async with bench(server) as b:
        entries = await b.queue(2)
        b.deliver()
        await b.acknowledge(entries[:1])
        await b.calls.withdraw(stream(), entries[1])
        for entry in entries:
            assert await b.leases.recount(stream(), entry, "c1", FIRST, Count(2, 0)) is None
        assert await b.leases.recount(stream(9), "1-1", "c1", FIRST, Count(2, 0)) is None


async def test_a_run_that_was_overtaken_is_not_renewed(server: RedisServer) -> None:
    """Its agent was away for a lease; the entry stays with whoever has claimed it."""
    async with bench(server) as b:
        entries = await b.queue(2)
        b.deliver("c1")
        b.age(entries[0], LEASE_S + 1)
        await b.leases.claim_idle(stream(), "c2", {})
        runs = [(entry, FIRST) for entry in entries]
        assert await b.leases.renew(stream(), "c1", runs) == [False, True]
        assert [each[1] for each in b.pending()] == [b"c2", b"c1"]


async def test_a_run_that_was_overtaken_is_neither_released_nor_acknowledged(
    server: RedisServer,
) -> None:
    """Whoever comes back takes nothing from the run that began meanwhile."""
    async with bench(server) as b:
        entries = await b.queue(2)
        b.deliver("c1")
        b.age(entries[0], LEASE_S + 1)
        [claimed] = await b.leases.claim_idle(stream(), "c2", {})
        runs = [(entry, FIRST) for entry in entries]
        await b.leases.release(stream(), "c1", runs)
        assert [each[2] < LEASE_S * 1000 for each in b.pending()] == [True, False]
        await b.leases.acknowledge(stream(), runs)
        assert [each[0].decode() for each in b.pending()] == [claimed.entry]
        assert b.length() == 1
        await b.leases.acknowledge(stream(), [(claimed.entry, claimed.count)])
        assert (b.length(), b.pending()) == (0, [])


async def test_what_redis_does_not_know_to_be_held_is_acknowledged_all_the_same(
    server: RedisServer,
) -> None:
    """It may have forgotten a delivery; the call has ended."""
    async with bench(server) as b:
        [entry] = await b.queue(1)
        await b.acknowledge([entry])
        assert b.length() == 0


async def test_more_entries_than_one_script_takes_are_dealt_with(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some at a time."""
    monkeypatch.setattr(lease, "_MOST", 2)
    async with bench(server) as b:
        entries = await b.queue(5)
        b.deliver()
        runs = [(entry, FIRST) for entry in entries]
        assert await b.leases.renew(stream(), "c2", runs) == [True] * 5
        await b.acknowledge(entries)
        assert (b.length(), b.pending()) == (0, [])


async def test_recounting_may_be_repeated_and_knows_no_other_run(server: RedisServer) -> None:
    """An answer may have got lost; a count that is neither the old nor the new is another's."""
    async with bench(server) as b:
        [entry] = await b.queue(1)
        b.deliver("c1")
        for _ in range(2):
            assert await b.leases.recount(stream(), entry, "c1", FIRST, Count(2, 1))
        assert await b.leases.recount(stream(), entry, "c1", FIRST, Count(2, 0)) is None
        assert Count.of(b.pending()[0][3]) == Count(2, 1)


async def test_what_was_overtaken_and_left_behind_is_claimed_also_by_who_has_an_older_run(
    server: RedisServer,
) -> None:
    """Only the run that is known to go on is renewed in place of its agent."""
    async with bench(server) as b:
        [entry] = await b.queue(1)
        b.deliver("c1")
        b.age(entry, LEASE_S + 1)
        await b.leases.claim_idle(stream(), "c2", {})
        b.age(entry, LEASE_S + 1)
        [read] = await b.leases.claim_idle(stream(), "c1", {entry: FIRST})
        assert (read.count, b.pending()[0][1]) == (Count(3, 0), b"c1")


async def test_in_a_stream_that_is_gone_nothing_is_held(server: RedisServer) -> None:
    """Every door says so, and none of them fails."""
    async with bench(server) as b:
        leases, gone, runs = b.leases, stream(9), [("1-1", FIRST), ("1-2", FIRST)]
        assert await leases.renew(gone, "c1", runs) == [False, False]
        assert await leases.silence(gone, "c1", ["1-1", "1-2"]) == [None, None]
        assert await leases.recount(gone, "1-1", "c1", FIRST, Count(2, 0)) is None
        assert await leases.claim_idle(gone, "c1", {}) == []
        assert await leases.claim_unheard(gone, "c1", (), 0) == []
        await leases.release(gone, "c1", runs)
        await leases.acknowledge(gone, runs)


@given(st.builds(Count, st.integers(1, 0xFFFFF), st.integers(0, 255), st.integers(0, 0xFFFFFF)))
def test_a_count_survives_its_way_through_the_counter(count: Count) -> None:
    """Epoch, deaths and attempt share one number, which scripts see exactly."""
    assert Count.of(count.counter) == count
    assert int(float(count.counter)) == count.counter < 1 << 53


def test_deaths_and_attempts_are_counted_apart() -> None:
    """Each run has an epoch of its own, whatever the run before it came to."""
    assert Count(1, 0).after_failure().after_death().again() == Count(4, 1, 1)
