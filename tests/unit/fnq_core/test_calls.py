"""Call streams: what is appended, held, claimed and let go of."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from redis.exceptions import ResponseError

from fnq_core import keys
from fnq_core.calls import LEASE_S, Count, FencedError
from fnq_core.connection import FullError
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
        assert server.names() == []


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


async def test_a_call_without_a_target_is_refused(server: RedisServer) -> None:
    """It takes no place in any stream."""
    async with bench(server) as b:
        accepted = await b.append(b.offer(target=None), b.offer())
        assert [bool(entry) for entry in accepted.entries] == [False, True]
        assert server.ask("XLEN", INBOX) == 1
        server.ask("EXPIRE", INBOX, 60)


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
        assert await b.calls.depths("default", VERSION) == [3]
        assert len(b.deliver(depth=3)) == 3


async def test_acknowledging_takes_an_entry_out_of_stream_and_pending_list(
    server: RedisServer,
) -> None:
    """Both at once, and a repetition changes nothing."""
    async with bench(server) as b:
        entries = await b.queue(2)
        b.deliver()
        for _ in range(2):
            await b.calls.acknowledge(stream(), entries)
        assert (b.length(), b.pending()) == (0, [])


async def test_renewing_resets_the_idle_time_and_leaves_the_counter(server: RedisServer) -> None:
    """JUSTID leaves the counter alone: epoch and deaths live there."""
    async with bench(server) as b:
        [entry] = await b.queue(1)
        b.deliver()
        await b.calls.recount(stream(), entry, "c1", Count(5, 2))
        b.age(entry, 60)
        await b.calls.renew(stream(), "c2", [entry])
        [[_, owner, idle_ms, counter]] = b.pending()
        assert (owner, Count.of(counter)) == (b"c2", Count(5, 2))
        assert idle_ms < 1000


async def test_renewing_does_not_bring_back_what_is_acknowledged(server: RedisServer) -> None:
    """A late renewal of an agent makes nothing pending."""
    async with bench(server) as b:
        [entry] = await b.queue(1)
        b.deliver()
        await b.calls.acknowledge(stream(), [entry])
        await b.calls.renew(stream(), "c1", [entry])
        assert b.pending() == []


async def test_an_entry_is_claimed_only_after_its_lease(server: RedisServer) -> None:
    """Its epoch rises by one and its deaths stay."""
    async with bench(server) as b:
        entries = await b.queue(2)
        b.deliver()
        b.age(entries[1], LEASE_S + 1)
        [read] = await b.calls.claim_idle(stream(), "c2", ())
        assert (read.entry, read.count) == (entries[1], Count(2, 0))
        assert read.body == b"e:" + b"call-2".ljust(16, b".")
        assert await b.calls.claim_idle(stream(), "c2", ()) == []


async def test_two_consumers_never_claim_the_same_entry(server: RedisServer) -> None:
    """Redis hands an idle entry to one claimer only."""
    async with bench(server) as b:
        entries = await b.queue(40)
        b.deliver()
        for entry in entries:
            b.age(entry, LEASE_S + 1)
        found = await asyncio.gather(
            *[b.calls.claim_idle(stream(), name, ()) for name in ("c2", "c3", "c4")]
        )
        assert sorted(read.entry for reads in found for read in reads) == sorted(entries)


async def test_what_is_known_to_run_is_renewed_instead_of_claimed(server: RedisServer) -> None:
    """The agent may be cut off from Redis; its consumer renews for it."""
    async with bench(server) as b:
        [entry] = await b.queue(1)
        b.deliver()
        b.age(entry, LEASE_S + 1)
        assert await b.calls.claim_idle(stream(), "c1", {entry}) == []
        [[_, owner, idle_ms, counter]] = b.pending()
        assert (owner, counter) == (b"c1", 1)
        assert idle_ms < 1000


async def test_claiming_in_a_stream_that_is_not_there_finds_nothing(server: RedisServer) -> None:
    """A deep stream may have gone between two looks."""
    async with bench(server) as b:
        assert await b.calls.claim_idle(stream(9), "c1", ()) == []


async def test_a_withdrawn_entry_that_was_read_does_not_stay_pending(server: RedisServer) -> None:
    """Its body is gone: once its lease has lapsed nothing of it is left."""
    async with bench(server) as b:
        [entry] = await b.queue(1)
        b.deliver()
        await b.calls.withdraw(stream(), entry)
        server.ask("XCLAIM", stream(), keys.GROUP, "c1", 0, entry, "IDLE", 99_000, "JUSTID")
        assert await b.calls.claim_idle(stream(), "c2", ()) == []
        assert b.pending() == []


async def test_adopting_leaves_the_epoch_alone(server: RedisServer) -> None:
    """A run that goes on keeps its count and gets a new owner."""
    async with bench(server) as b:
        [entry] = await b.queue(1)
        b.deliver()
        assert await b.calls.adopt(stream(), "c2", [(entry, Count(1, 0))]) == [1]
        [[_, owner, _, counter]] = b.pending()
        assert (owner, counter) == (b"c2", 1)


async def test_a_run_that_was_given_to_another_is_not_adopted(server: RedisServer) -> None:
    """-1 tells of a newer run, 0 of an entry that is acknowledged."""
    async with bench(server) as b:
        entries = await b.queue(2)
        b.deliver()
        await b.calls.recount(stream(), entries[0], "c1", Count(2, 1))
        await b.calls.acknowledge(stream(), entries[1:])
        pairs = [(entry, Count(1, 0)) for entry in entries]
        assert await b.calls.adopt(stream(), "c2", pairs) == [-1, 0]
        assert b.pending()[0][1] == b"c1"


async def test_recounting_tells_what_the_entry_says(server: RedisServer) -> None:
    """Whoever adopted a run knows it only in part: for another run it needs the whole."""
    async with bench(server) as b:
        [entry] = await b.queue(1)
        b.deliver()
        body = await b.calls.recount(stream(), entry, "c1", Count(2, 1))
        assert body == b"e:" + b"call-1".ljust(16, b".")
        assert Count.of(b.pending()[0][3]) == Count(2, 1)


async def test_what_another_consumer_has_taken_over_is_not_recounted(server: RedisServer) -> None:
    """It adopted the run while this one mourned its agent: nothing is dispatched twice."""
    async with bench(server) as b:
        [entry] = await b.queue(1)
        b.deliver("c1")
        assert await b.calls.adopt(stream(), "c2", [(entry, Count(1, 0))]) == [1]
        assert await b.calls.recount(stream(), entry, "c1", Count(2, 1)) is None
        [[_, owner, _, counter]] = b.pending()
        assert (owner, counter) == (b"c2", 1)


async def test_recounting_what_is_gone_says_so(server: RedisServer) -> None:
    """Acknowledged, withdrawn, or its whole stream deleted."""
    async with bench(server) as b:
        entries = await b.queue(2)
        b.deliver()
        await b.calls.acknowledge(stream(), entries[:1])
        await b.calls.withdraw(stream(), entries[1])
        for entry in entries:
            assert await b.calls.recount(stream(), entry, "c1", Count(2, 0)) is None
        assert await b.calls.recount(stream(9), "1-1", "c1", Count(2, 0)) is None


@pytest.mark.parametrize("count", [Count(1, 0), Count(0xFFFFF, 0), Count(1, 3), Count(77, 9)])
def test_a_count_survives_its_way_through_the_counter(count: Count) -> None:
    """Epoch and deaths share one number."""
    assert Count.of(count.counter) == count


async def test_an_idle_deep_stream_goes(server: RedisServer) -> None:
    """Only when it is empty and nothing of it is held."""
    async with bench(server) as b:
        [entry] = await b.queue(1, depth=2)
        assert not await b.calls.drop_idle("default", VERSION, 2)
        b.deliver(depth=2)
        await b.calls.withdraw(stream(2), entry)
        assert not await b.calls.drop_idle("default", VERSION, 2)
        await b.calls.acknowledge(stream(2), [entry])
        assert await b.calls.drop_idle("default", VERSION, 2)
        assert await b.calls.depths("default", VERSION) == []
        assert server.names("*calls*") == []
