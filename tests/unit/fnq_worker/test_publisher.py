"""What an agent writes into inboxes: few entries, in the order of each call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from fnq.v1 import record_pb2, result_pb2
from fnq_core.blobs import Blobs
from fnq_core.connection import connect
from fnq_core.kept import KeptCalls
from fnq_core.results import Mailboxes
from fnq_wire import callid, outcomes
from fnq_wire.spool import Spool
from fnq_worker import publisher as publisher_module
from fnq_worker.archive import Archive
from fnq_worker.publisher import Publisher
from fnq_worker.run import Run
from tests.loop import eventually
from tests.redis import RedisServer, full

INBOX = "fnq:inbox:s1"


class Desk:
    """A publisher at an inbox, and what it tells."""

    def __init__(
        self, server: RedisServer, mailboxes: Mailboxes, blobs: Blobs, kept: KeptCalls
    ) -> None:
        self._server = server
        self.mailboxes = mailboxes
        self.unheard: list[Run] = []
        self.published: list[tuple[Run, bool]] = []
        archive = Archive("default", kept, blobs)
        self.publisher = Publisher(mailboxes, blobs, self._publish, self.unheard.append, archive)
        self.publisher.consumer = "c1"

    def _publish(self, run: Run, result: result_pb2.Result) -> None:
        self.published.append((run, result.HasField("end")))

    def run(self, name: bytes = b"c", inbox: str = INBOX) -> Run:
        """Return a run that has begun."""
        call = record_pb2.Entry(call=name.ljust(16), inbox=inbox)
        return Run("s", "1-1", 1, 0, call, started_at=asyncio.get_running_loop().time())

    def entries(self) -> list[result_pb2.Result]:
        """Return what lies in the inbox."""
        found = self._server.ask("XRANGE", INBOX, "-", "+")
        return [result_pb2.Result.FromString(fields[1]) for _, fields in found]


@asynccontextmanager
async def desk(server: RedisServer) -> AsyncIterator[Desk]:
    """Run a publisher; the inbox is there."""
    client = connect(server.url)
    mailboxes = Mailboxes(client)
    await mailboxes.open(INBOX)
    made = Desk(server, mailboxes, Blobs(client), KeptCalls(client))
    task = asyncio.get_running_loop().create_task(made.publisher.publish_forever())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await client.aclose()


async def test_a_short_call_costs_one_entry(server: RedisServer) -> None:
    """Its start travels with its end."""
    async with desk(server) as d:
        run = d.run()
        d.publisher.begin(run)
        d.publisher.end(run, 0).value.inline = b"v"
        await d.publisher.flush()
        [entry] = d.entries()
        assert (entry.started.consumer, entry.end.value.inline) == ("c1", b"v")
        assert d.published == [(run, True)]


async def test_a_call_that_says_nothing_is_announced_soon(server: RedisServer) -> None:
    """Or nobody could cancel it."""
    async with desk(server) as d:
        d.publisher.begin(d.run())
        await eventually(d.entries, 1.0)
        [entry] = d.entries()
        assert entry.HasField("started")
        assert not entry.HasField("end")


async def test_chunks_of_one_turn_share_an_entry(server: RedisServer) -> None:
    """In order, with the position of the first; the end may join them."""
    async with desk(server) as d:
        run = d.run()
        for position in range(3):
            d.publisher.chunk(run, position, b"%d" % position)
        d.publisher.end(run, 3).exhausted = True
        await d.publisher.flush()
        [entry] = d.entries()
        assert (entry.position, [each.inline for each in entry.chunks]) == (0, [b"0", b"1", b"2"])
        assert entry.end.exhausted


async def test_much_is_spread_over_entries(server: RedisServer) -> None:
    """Each has the position of its first chunk, and only the first a start."""
    async with desk(server) as d:
        run = d.run()
        for position in range(5):
            d.publisher.chunk(run, position, bytes(100 << 10))
        await d.publisher.flush()
        entries = d.entries()
        assert [(each.position, len(each.chunks)) for each in entries] == [(0, 2), (2, 2), (4, 1)]
        assert [each.HasField("started") for each in entries] == [True, False, False]


async def test_a_run_is_announced_again_without_moving_its_chunks(server: RedisServer) -> None:
    """Another consumer reaches it now; what was gathered before stays before."""
    async with desk(server) as d:
        run = d.run()
        d.publisher.chunk(run, 0, b"a")
        d.publisher.consumer = "c2"
        d.publisher.announce(run)
        d.publisher.chunk(run, 1, b"b")
        await d.publisher.flush()
        entries = d.entries()
        assert [each.started.consumer for each in entries] == ["c1", "c2"]
        assert [(each.position, each.chunks[0].inline) for each in entries] == [
            (0, b"a"),
            (1, b"b"),
        ]


async def test_a_large_value_is_stored_elsewhere(server: RedisServer) -> None:
    """The entry refers to it."""
    async with desk(server) as d:
        run = d.run()
        d.publisher.end(run, 0).value.inline = bytes(300 << 10)
        await d.publisher.flush()
        [entry] = d.entries()
        assert entry.end.value.reference.size == 300 << 10
        assert entry.ByteSize() < 1_000


async def test_a_large_value_holds_nothing_up_where_redis_is_full(server: RedisServer) -> None:
    """It is taken beyond the limit, and so is what comes behind it and makes room."""
    async with desk(server) as d, asyncio.timeout(5):
        large, small = d.run(b"a"), d.run(b"b")
        with full(server):
            d.publisher.end(large, 0).value.inline = bytes(300 << 10)
            d.publisher.end(small, 0).value.inline = b"v"
            await d.publisher.flush()
        assert d.published == [(large, True), (small, True)]


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a publisher that does not wait long for an inbox to come back."""
    monkeypatch.setattr(publisher_module, "_AGAIN_S", 0.005)


async def test_a_run_whose_inbox_is_gone_is_unheard(server: RedisServer, hasty: None) -> None:
    """After a while; the others of the same turn are heard at once."""
    async with desk(server) as d:
        heard, lonely = d.run(b"a"), d.run(b"b", "fnq:inbox:gone")
        for run in (lonely, heard):
            d.publisher.end(run, 0).exhausted = True
        await d.publisher.flush()
        assert (d.unheard, d.published) == ([], [(heard, True)])
        await eventually(lambda: len(d.published) == 2)
        assert d.unheard == [lonely]
        assert server.names("fnq:inbox:gone") == []


async def test_an_inbox_that_comes_back_misses_nothing(server: RedisServer) -> None:
    """It had expired while Redis was away: in order, and only then said to be published."""
    async with desk(server) as d:
        run = d.run()
        d.publisher.chunk(run, 0, b"a")
        await d.publisher.flush()
        server.ask("DEL", INBOX)
        d.publisher.chunk(run, 1, b"b")
        await d.publisher.flush()
        d.publisher.chunk(run, 2, b"c")
        d.publisher.end(run, 3).exhausted = True
        await d.publisher.flush()
        assert len(d.published) == 1
        await d.mailboxes.open(INBOX)
        await eventually(lambda: len(d.published) == 3)
        assert d.unheard == []
        assert [(each.position, len(each.chunks)) for each in d.entries()] == [(1, 1), (2, 1)]
        assert d.entries()[1].end.exhausted


async def test_what_one_command_carries_is_bounded(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By bytes: Redis does nothing else meanwhile."""
    monkeypatch.setattr("fnq_wire.fitting.FULL_FRAME", 250 << 10)
    async with desk(server) as d:
        commands: list[int] = []
        publish = d.mailboxes.publish

        async def counted(items: Sequence[tuple[str, bytes]]) -> set[str]:
            commands.append(len(items))
            return await publish(items)

        d.mailboxes.publish = counted  # type: ignore[method-assign]
        for number in range(5):
            d.publisher.end(d.run(b"%d" % number), 0).value.inline = bytes(100 << 10)
        await d.publisher.flush()
        assert commands == [3, 2]
        assert len(d.entries()) == 5


async def test_a_large_value_that_nobody_hears_is_deleted(server: RedisServer, hasty: None) -> None:
    """Chunks and ends alike."""
    async with desk(server) as d:
        run = d.run(b"b", "fnq:inbox:gone")
        d.publisher.chunk(run, 0, bytes(300 << 10))
        await d.publisher.flush()
        d.publisher.end(run, 1).value.inline = bytes(300 << 10)
        await d.publisher.flush()
        await eventually(lambda: d.unheard == [run, run])
        await eventually(lambda: server.names("fnq:blob:*") == [])


async def test_a_large_value_of_a_detached_call_that_has_ended_is_deleted(
    server: RedisServer,
) -> None:
    """It was cancelled while it yielded: nobody will read what it says."""
    async with desk(server) as d:
        run = d.run(callid.make(1_790_000_000_000, "abc", 1, 1))
        run.call.detached = True
        d.publisher.chunk(run, 0, bytes(300 << 10))
        await d.publisher.flush()
        d.publisher.chunk(run, 1, bytes(300 << 10))
        d.publisher.end(run, 2).value.inline = bytes(300 << 10)
        await d.publisher.flush()
        await eventually(lambda: server.names("fnq:blob:*") == [])


async def test_blocks_of_a_packed_call_say_how_many_rows_they_have(server: RedisServer) -> None:
    """Those of one turn share an entry; what is no block is an error."""
    async with desk(server) as d:
        run = d.run()
        run.call.packed = True
        d.publisher.chunk(run, 4, outcomes.pack(b"v", {}, 3, 4))
        d.publisher.chunk(run, 7, outcomes.pack(b"v", {}, 2, 7))
        d.publisher.end(run, 9).exhausted = True
        await d.publisher.flush()
        [result] = d.entries()
        assert (result.position, list(result.lengths), len(result.chunks)) == (4, [3, 2], 2)
        with pytest.raises(ValueError, match="cut short"):
            d.publisher.chunk(run, 9, b"no block")


async def test_a_large_block_in_the_spool_says_how_many_rows_it_has(
    server: RedisServer, tmp_path: Path
) -> None:
    """By its first bytes; one that is gone is none."""
    async with desk(server) as d:
        spool = Spool(str(tmp_path))
        d.publisher._blobs.share(spool)
        run = d.run()
        run.call.packed = True
        block = outcomes.pack(bytes(1 << 20), {}, 3, 4)
        reference = result_pb2.Reference(house=result_pb2.Reference.SPOOL, size=len(block))
        reference.key = spool.write(block)
        d.publisher.chunk(run, 4, reference)
        await d.publisher.flush()
        [result] = d.entries()
        assert list(result.lengths) == [3]
        assert result.chunks[0].reference == reference
        spool.delete(reference.key)
        with pytest.raises(ValueError, match="cut short"):
            d.publisher.chunk(run, 7, reference)
