"""Reading call streams: as much as there is room for, the deepest calls first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from fnq_core import keys
from fnq_core.lease import Count
from fnq_core.reading import CallReader, StreamGoneError
from tests.loop import eventually
from tests.redis import RedisServer
from tests.unit.fnq_core.streams import Bench, bench, connected, stream


@asynccontextmanager
async def reading(server: RedisServer) -> AsyncIterator[tuple[Bench, CallReader]]:
    """Give a bench and a reader for consumer c1."""
    async with bench(server) as b, connected(server) as client:
        reader = CallReader(server.url, client, "c1")
        try:
            yield b, reader
        finally:
            await reader.close()


def _streams(*depths: int) -> list[tuple[int, str]]:
    return [(depth, stream(depth)) for depth in depths]


async def _waits(server: RedisServer) -> None:
    """Return when a client of Redis waits in a read."""
    await eventually(lambda: b"cmd=xread" in server.ask("CLIENT", "LIST"))


async def test_no_more_is_read_than_there_is_room_for(server: RedisServer) -> None:
    """In order; a first delivery has epoch 1 and no deaths."""
    async with reading(server) as (b, reader):
        entries = await b.queue(5)
        reads = await reader.read(_streams(0), [(0, 3)], 10)
        assert [read.entry for read in reads] == entries[:3]
        assert {read.count for read in reads} == {Count(1, 0)}
        assert len(b.pending()) == 3


async def test_the_deepest_calls_are_read_first(server: RedisServer) -> None:
    """A shallow one would wait behind them anyway."""
    async with reading(server) as (b, reader):
        for depth in (0, 1, 2):
            await b.queue(2, depth)
        reads = await reader.read(_streams(0, 1, 2), [(0, 3)], 10)
        assert [read.stream for read in reads] == [stream(2), stream(2), stream(1)]


@pytest.mark.parametrize(
    ("rooms", "read"),
    [
        ([(1, 1)], {1: 1}),
        ([(2, 5)], {2: 3}),
        ([(0, 1), (2, 1)], {2: 2}),
        ([(0, 2), (2, 1)], {2: 3}),
        ([(0, 2), (1, 1), (2, 3)], {2: 3, 1: 3}),
        ([(0, 5), (2, 1)], {2: 3, 1: 3}),
        ([(0, 9)], {2: 3, 1: 3, 0: 3}),
    ],
)
async def test_lent_room_admits_only_deeper_calls(
    server: RedisServer, rooms: list[tuple[int, int]], read: dict[int, int]
) -> None:
    """Each depth gets the rooms that admit it and that deeper calls left."""
    async with reading(server) as (b, reader):
        for depth in (0, 1, 2):
            await b.queue(3, depth)
        if rooms == [(1, 1)]:
            b.deliver(depth=2)
        found = await reader.read(_streams(0, 1, 2), rooms, 10)
        got = {depth: sum(each.stream == stream(depth) for each in found) for depth in (0, 1, 2)}
        assert {depth: count for depth, count in got.items() if count} == read


@pytest.mark.parametrize("depths", [[0], [0, 1]])
async def test_a_read_waits_for_the_first_call(server: RedisServer, depths: list[int]) -> None:
    """It returns as soon as there is one, at whichever depth."""
    async with reading(server) as (b, reader):
        for depth in depths:
            await b.acknowledge(await b.queue(1, depth), depth)
        work = asyncio.create_task(reader.read(_streams(*depths), [(0, 1)], 10_000))
        await _waits(server)
        [entry] = await b.queue(1, depths[-1])
        found = await asyncio.wait_for(work, 5)
        # Several streams are watched first and read then.
        found = found or await reader.read(_streams(*depths), [(0, 1)], 1)
        assert [read.entry for read in found] == [entry]


async def test_a_read_that_waits_is_interrupted(server: RedisServer) -> None:
    """It returns nothing, and the next one reads on the same connection."""
    async with reading(server) as (b, reader):
        await b.acknowledge(await b.queue(1))
        assert not await reader.interrupt()
        work = asyncio.create_task(reader.read(_streams(0), [(0, 1)], 10_000))
        await _waits(server)
        assert await reader.interrupt()
        assert await asyncio.wait_for(work, 5) == []
        entries = await b.queue(1)
        assert [read.entry for read in await reader.read(_streams(0), [(0, 1)], 1)] == entries


async def test_a_stream_that_is_not_there_is_said_to_be_gone(server: RedisServer) -> None:
    """Who reads asks again which there are; among others it is passed over."""
    async with reading(server) as (b, reader):
        with pytest.raises(StreamGoneError):
            await reader.read(_streams(3), [(0, 1)], 1)
        entries = await b.queue(1, 1)
        found = await reader.read(_streams(1, 3), [(0, 1)], 1)
        assert [read.entry for read in found] == entries


async def test_a_stream_that_goes_while_it_is_waited_for_is_said_to_be_gone(
    server: RedisServer,
) -> None:
    """At once, or with its time (Redis before 7 wakes nobody); what comes after it is read."""
    async with reading(server) as (b, reader):
        await b.acknowledge(await b.queue(1))
        work = asyncio.create_task(reader.read(_streams(0), [(0, 1)], 1_000))
        await _waits(server)
        server.ask("DEL", stream())
        if _wakes_readers(server):
            with pytest.raises(StreamGoneError):
                await work
        else:
            assert await work == []
            with pytest.raises(StreamGoneError):
                await reader.read(_streams(0), [(0, 1)], 1_000)
        entries = await b.queue(1)
        found = await reader.read(_streams(0), [(0, 1)], 1_000)
        assert [read.entry for read in found] == entries


def _wakes_readers(server: RedisServer) -> bool:
    """Tell whether Redis wakes who waits for a stream that is deleted."""
    said = dict(
        line.split(":", 1) for line in server.ask("INFO", "server").decode().split() if ":" in line
    )
    return "valkey_version" in said or not said["redis_version"].startswith("6.")


async def test_a_read_that_is_given_up_leaves_a_reader_that_works(server: RedisServer) -> None:
    """Its connection is given up with it: a reply may still be on its way there."""
    async with reading(server) as (b, reader):
        await b.acknowledge(await b.queue(1))
        work = asyncio.create_task(reader.read(_streams(0), [(0, 1)], 10_000))
        await _waits(server)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await eventually(lambda: b"cmd=xread" not in server.ask("CLIENT", "LIST"))
        entries = await b.queue(1)
        assert [read.entry for read in await reader.read(_streams(0), [(0, 1)], 1)] == entries


async def test_what_one_consumer_reads_no_other_does(server: RedisServer) -> None:
    """Each call goes to one of them."""
    async with reading(server) as (b, reader), connected(server) as client:
        other = CallReader(server.url, client, "c2")
        entries = await b.queue(20)
        found = await asyncio.gather(
            reader.read(_streams(0), [(0, 10)], 1), other.read(_streams(0), [(0, 10)], 1)
        )
        await other.close()
        assert sorted(read.entry for reads in found for read in reads) == sorted(entries)
        owners = {owner for _, owner, *_ in b.pending()}
        assert owners == {b"c1", b"c2"}
        assert keys.GROUP == "workers"
