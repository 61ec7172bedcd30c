"""What is kept of detached calls: noted once, ended once, told to whoever asked."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis

from fnq.v1 import record_pb2, result_pb2
from fnq_core import keys
from fnq_core.calls import Offer, Target
from fnq_core.dues import Dues
from fnq_core.kept import By, Ending, KeptCalls, Missing
from fnq_core.keptrecord import Ended, Naming, Pending, admission
from fnq_core.lease import LEASE_S, Count
from fnq_wire import callid
from tests.redis import RedisServer, full, wait_until
from tests.unit.fnq_core.streams import FIRST, VERSION, Bench, connected, stream

NAMESPACE = "default"
INBOX = keys.inbox("s1")
#: Milliseconds that ends are kept here.
KEEP_MS = 60_000
#: Bytes of Redis that a kept result may take beyond its payload.
MOST_KEPT = 400
CONFLICT = result_pb2.Result(decreed=True)
CONFLICT.end.failure.error = "KeyConflictError"


class Shelf:
    """The door under test, and a session that offers detached calls."""

    def __init__(self, server: RedisServer, client: Redis) -> None:
        self.server = server
        self.bench = Bench(server, client)
        self.bench.calls.conflict = CONFLICT.SerializeToString()
        self.kept = KeptCalls(client)
        self.dues = Dues(client)
        self._made = 0

    def offer(
        self,
        *,
        key: str = "",
        payload: bytes = b"",
        keep_ms: int = KEEP_MS,
        output: bool = False,
        cap: int = 1000,
        call: bytes = b"",
    ) -> Offer:
        """Return the next submission of the session."""
        self._made += 1
        call = call or callid.make(1_790_000_000_000, VERSION, 7, self._made)
        head = record_pb2.Kept(version=VERSION, tags={"a": "b\nc"})
        naming = None
        if key:
            digest = hashlib.sha256(payload).digest()
            naming = Naming(keys.named(NAMESPACE, "f", key), digest)
        kept = admission(
            keys.spawned(NAMESPACE, call),
            keys.kept(NAMESPACE, call),
            naming,
            keep_ms,
            keys.output(NAMESPACE, call) if output else "",
            head.SerializeToString(),
        )
        refusal = result_pb2.Result(decreed=True)
        refusal.end.failure.error = "QueueFullError"
        target = Target(NAMESPACE, VERSION, 0, cap)
        return Offer(self._made, call, target, b"e:" + call, refusal.SerializeToString(), kept=kept)

    async def run(self, **given: object) -> bytes:
        """Have a call accepted and read by a consumer; return its id."""
        offer = self.offer(**given)  # type: ignore[arg-type]
        await self.bench.append(offer)
        self.bench.deliver()
        return offer.call

    async def look(self, call: bytes, inbox: str = "") -> Pending | Ended | Missing:
        """Return what is kept of a call."""
        _, [found] = await self.kept.look(NAMESPACE, [call], inbox)
        return found

    async def finish(self, call: bytes, by: By = By.RUN, run: Count = FIRST) -> bool:
        """End a call with its own id as the value; return whether that counted."""
        result = result_pb2.Result(call=call, epoch=run.epoch)
        result.end.value.inline = call
        ending = Ending(call, result.SerializeToString(), by, run)
        [finished] = await self.kept.finish(NAMESPACE, [ending])
        return finished is not None

    def heard(self) -> list[result_pb2.Result]:
        """Return what lies in the inbox."""
        found = self.server.ask("XRANGE", INBOX, "-", "+")
        bodies = [fields[1] for _, fields in found if fields[1]]
        return [result_pb2.Result.FromString(body) for body in bodies]

    def open(self) -> None:
        """Make the inbox."""
        self.server.ask("XADD", INBOX, "*", "e", "")
        self.server.ask("EXPIRE", INBOX, 60)


@asynccontextmanager
async def shelf(server: RedisServer) -> AsyncIterator[Shelf]:
    """Give a shelf at an empty Redis."""
    async with connected(server) as client:
        yield Shelf(server, client)


async def test_a_call_is_pending_until_it_has_ended_and_kept_from_then_on(
    server: RedisServer,
) -> None:
    """Nothing but its end is left, for as long as it is to be kept."""
    async with shelf(server) as s:
        call = await s.run()
        found = await s.look(call)
        assert isinstance(found, Pending)
        assert (found.stream, dict(found.head.tags)) == (stream(), {"a": "b\nc"})
        assert await s.finish(call)
        ended = await s.look(call)
        assert isinstance(ended, Ended)
        assert ended.result.end.value.inline == call
        assert dict(ended.head.tags) == {"a": "b\nc"}
        assert server.ask("EXISTS", keys.spawned(NAMESPACE, call)) == 0
        left_ms = server.ask("PTTL", keys.kept(NAMESPACE, call))
        assert KEEP_MS - 10_000 < left_ms <= KEEP_MS


async def test_who_asked_is_told_of_the_end_once(server: RedisServer) -> None:
    """However often he asked; an inbox that is gone is not made."""
    async with shelf(server) as s:
        s.open()
        call = await s.run()
        for _ in range(2):
            await s.look(call, INBOX)
        await s.look(call, keys.inbox("gone"))
        assert await s.finish(call)
        [told] = s.heard()
        assert (told.call, told.kept, told.end.value.inline) == (call, True, call)
        assert server.ask("EXISTS", keys.inbox("gone")) == 0


async def test_the_first_end_is_the_only_one(server: RedisServer) -> None:
    """A second one changes nothing, whoever says it."""
    async with shelf(server) as s:
        call = await s.run()
        assert await s.finish(call)
        for by in (By.NOBODY, By.ANYBODY):
            assert not await s.finish(call, by)
        assert not await s.finish(call, run=Count(2, 0))
        assert isinstance(await s.look(call), Ended)


async def test_a_run_that_repeats_its_end_is_told_that_it_counts(server: RedisServer) -> None:
    """Its answer was lost: what its result refers to is kept, and nobody is told twice."""
    async with shelf(server) as s:
        s.open()
        call = await s.run()
        await s.look(call, INBOX)
        assert await s.finish(call)
        assert await s.finish(call)
        assert len(s.heard()) == 1


@pytest.mark.parametrize("by", [By.NOBODY, By.ANYBODY])
async def test_a_decree_leaves_nothing_of_a_wait_for_another_attempt(
    server: RedisServer, by: By
) -> None:
    """Whoever held the entry may be dead, and will not delete it."""
    async with shelf(server) as s:
        call = await s.run()
        [[entry, *_]] = s.bench.pending()
        then = FIRST.after_failure()
        await s.dues.postpone(stream(), entry.decode(), "c1", FIRST, then, 60_000)
        assert server.ask("HLEN", keys.dues(stream())) == 1
        s.bench.age(entry.decode(), LEASE_S)
        assert await s.finish(call, by)
        assert server.ask("EXISTS", keys.dues(stream())) == 0


async def test_a_late_twin_is_not_heard(server: RedisServer) -> None:
    """The end of a run counts only while its count is the current one, and held."""
    async with shelf(server) as s:
        call = await s.run()
        [[entry, *_]] = s.bench.pending()
        await s.bench.leases.recount(stream(), entry.decode(), "c1", FIRST, Count(2, 1))
        assert not await s.finish(call)
        assert await s.finish(call, run=Count(2, 1))


async def test_the_end_of_an_entry_that_is_gone_is_not_heard(server: RedisServer) -> None:
    """Nor where its whole stream is gone."""
    async with shelf(server) as s:
        call = await s.run()
        server.ask("DEL", stream())
        assert not await s.finish(call)


async def test_a_decree_ends_what_runs_and_names_who_holds_it(server: RedisServer) -> None:
    """The entry goes, so that no other run begins."""
    async with shelf(server) as s:
        call = await s.run()
        [finished] = await s.kept.finish(NAMESPACE, [Ending(call, b"", By.ANYBODY)])
        assert finished is not None
        assert (finished.holder, finished.body) == ("c1", b"e:" + call)
        assert s.bench.length() == 0
        assert not await s.finish(call)


async def test_what_nobody_holds_is_ended_and_what_is_held_is_not(server: RedisServer) -> None:
    """Where the lease has lapsed nobody holds it any more, and it is pending nowhere."""
    async with shelf(server) as s:
        held, waiting = await s.run(), s.offer()
        await s.bench.append(waiting)
        assert await s.finish(waiting.call, By.NOBODY)
        assert not await s.finish(held, By.NOBODY)
        [[entry, *_]] = s.bench.pending()
        s.bench.age(entry.decode(), LEASE_S)
        assert await s.finish(held, By.NOBODY)
        assert (s.bench.pending(), s.bench.length()) == ([], 0)


async def test_a_call_offered_under_another_session_is_appended_once(
    server: RedisServer,
) -> None:
    """What is kept of it tells, in flight and after its end."""
    async with shelf(server) as s:
        call = await s.run()
        accepted = await s.bench.append(s.offer(call=call))
        assert accepted.entries == [""]
        await s.finish(call)
        assert (await s.bench.append(s.offer(call=call))).entries == [""]
        assert isinstance(await s.look(call), Ended)


async def test_a_refusal_is_kept_like_any_end(server: RedisServer) -> None:
    """It needs no inbox."""
    async with shelf(server) as s:
        offer = s.offer(cap=0)
        assert (await s.bench.append(offer)).mark == 1
        found = await s.look(offer.call)
        assert isinstance(found, Ended)
        assert found.result.end.failure.error == "QueueFullError"
        assert (found.result.call, found.keep_ms) == (offer.call, KEEP_MS)


async def test_one_key_is_one_call_while_its_result_is_kept(server: RedisServer) -> None:
    """The second id stands for the first; with other arguments the call is refused."""
    async with shelf(server) as s:
        s.open()
        first, same = s.offer(key="k", payload=b"1"), s.offer(key="k", payload=b"1")
        other = s.offer(key="k", payload=b"2")
        accepted = await s.bench.append(first, same, other)
        assert [bool(entry) for entry in accepted.entries] == [True, False, False]
        found = await s.look(same.call, INBOX)
        assert isinstance(found, Pending)
        assert found.call == first.call
        conflict = await s.look(other.call)
        assert isinstance(conflict, Ended)
        assert conflict.result.end.failure.error == "KeyConflictError"
        s.bench.deliver()
        assert await s.finish(first.call)
        assert [told.call for told in s.heard()] == [first.call]
        named = keys.named(NAMESPACE, "f", "k")
        assert 0 < server.ask("PTTL", named) <= KEEP_MS
        ended = await s.look(same.call)
        assert isinstance(ended, Ended)
        assert ended.result.end.value.inline == first.call


async def test_a_bucket_lives_as_long_as_its_longest_result(server: RedisServer) -> None:
    """A shorter lifetime does not cut another one."""
    async with shelf(server) as s:
        long, short = await s.run(keep_ms=90_000), await s.run(keep_ms=1_000)
        assert keys.kept(NAMESPACE, long) == keys.kept(NAMESPACE, short)
        await s.finish(long)
        await s.finish(short)
        assert server.ask("PTTL", keys.kept(NAMESPACE, long)) > 60_000
        now_ms, [found] = await s.kept.look(NAMESPACE, [short])
        assert isinstance(found, Ended)
        assert (found.is_over(now_ms), found.is_over(now_ms + 1_000)) == (False, True)


async def test_what_a_generator_yields_is_kept_until_its_result_goes(
    server: RedisServer,
) -> None:
    """After the end nothing is added."""
    async with shelf(server) as s:
        call = await s.run(output=True)
        output = keys.output(NAMESPACE, call)
        assert await s.kept.emit(NAMESPACE, call, [b"one", b"two"])
        assert server.ask("PTTL", output) == -1
        assert await s.finish(call)
        assert not await s.kept.emit(NAMESPACE, call, [b"three"])
        assert server.ask("XLEN", output) == 3
        assert 0 < server.ask("PTTL", output) <= KEEP_MS


async def test_a_call_that_never_was_is_missing(server: RedisServer) -> None:
    """With the time since when its neighbours are kept, where any is."""
    async with shelf(server) as s:
        neighbour = s.offer()
        stranger = callid.make(1_790_000_000_000, VERSION, 7, 1_000)
        assert await s.look(stranger) == Missing(0)
        await s.bench.append(neighbour)
        s.bench.deliver()
        await s.finish(neighbour.call)
        found = await s.look(stranger)
        assert isinstance(found, Missing)
        assert found.begun_ms > 0


async def test_calls_end_though_redis_is_full(server: RedisServer) -> None:
    """Results make room, as those of attached calls do."""
    async with shelf(server) as s:
        call = await s.run()
        with full(server):
            assert await s.finish(call)
        assert isinstance(await s.look(call), Ended)


async def test_a_kept_result_costs_little_and_all_of_it_is_given_back(
    server: RedisServer,
) -> None:
    """At most 400 bytes beyond its payload; nothing is left after its lifetime."""

    def used() -> int:
        words: bytes = server.ask("INFO", "memory")
        return int(words.split(b"used_memory:")[1].split()[0])

    async with shelf(server) as s:
        await s.finish(await s.run(keep_ms=1))
        before = used()
        calls: list[bytes] = []
        for _ in range(20):
            offers = [s.offer(keep_ms=20_000, cap=3_000) for _ in range(100)]
            await s.bench.append(*offers)
            calls += [offer.call for offer in offers]
        entries = s.bench.deliver(count=2_000)
        for call in calls:
            assert await s.finish(call)
        await s.bench.acknowledge(entries)
        assert (used() - before) / len(calls) <= MOST_KEPT
        server.ask("PEXPIRE", keys.kept(NAMESPACE, calls[0]), 1)
        wait_until(lambda: server.names("*kept*") == [])
        # Buffers of its connections may be larger than before.
        wait_until(lambda: used() - before < 128 << 10)
        assert server.names("*spawned*") == []
