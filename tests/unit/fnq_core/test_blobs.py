"""Large values: in a spool, or in chunks in Redis."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from fnq.v1 import result_pb2
from fnq_core.blobs import Blobs
from fnq_core.connection import FullError
from fnq_wire.limits import PART
from fnq_wire.spool import Spool
from tests.redis import RedisServer, full
from tests.unit.fnq_core.streams import connected

_CHUNKS, _SPOOL = result_pb2.Reference.CHUNKS, result_pb2.Reference.SPOOL


def _spool(folder: Path) -> Spool:
    spool = Spool(str(folder / "spool"))
    spool.offer(b"proof-of-a-test!")
    return spool


@pytest.mark.parametrize("spooled", [False, True])
@pytest.mark.parametrize("size", [0, 1, PART, PART + 1, 3 * PART - 1])
async def test_a_value_comes_back_and_goes(
    server: RedisServer, tmp_path: Path, size: int, spooled: bool
) -> None:
    """Whole, until it is deleted; deleting it twice is fine."""
    async with connected(server) as client:
        blobs = Blobs(client, _spool(tmp_path) if spooled else None)
        data = bytes(range(256)) * (size // 256) + bytes(size % 256)
        if spooled:
            reference = result_pb2.Reference(house=_SPOOL, size=size)
            assert blobs.spool is not None
            reference.key = blobs.spool.write(data)
        else:
            reference = await blobs.write(data)
        assert (reference.house, reference.size) == (_SPOOL if spooled else _CHUNKS, size)
        assert await blobs.read(reference) == data
        for _ in range(2):
            await blobs.delete([reference])
        assert server.names() == []
        assert await blobs.read(reference) == (b"" if size == 0 else None)


async def test_a_value_of_which_a_part_is_gone_is_none(server: RedisServer) -> None:
    """Never a shorter one."""
    async with connected(server) as client:
        blobs = Blobs(client)
        reference = await blobs.write(bytes(3 * PART))
        server.ask("HDEL", reference.key, 1)
        assert await blobs.read(reference) is None


async def test_a_value_in_redis_expires(server: RedisServer) -> None:
    """A crash between its writing and the frame that refers to it leaves nothing for ever."""
    async with connected(server) as client:
        reference = await Blobs(client).write(bytes(10))
        assert server.ask("TTL", reference.key) > 3600


async def test_a_full_redis_takes_large_values(server: RedisServer) -> None:
    """As it takes results: they are what lets calls end, and so makes room."""
    async with connected(server) as client, asyncio.timeout(5):
        blobs = Blobs(client)
        data = bytes(PART) + b"more"
        with full(server):
            reference = await blobs.write(data)
        assert await blobs.read(reference) == data
        assert server.ask("TTL", reference.key) > 3600


async def test_a_full_redis_refuses_a_value_that_need_not_be_taken(server: RedisServer) -> None:
    """The arguments of a call that was not accepted; what was appended before stays."""
    async with connected(server) as client:
        blobs = Blobs(client)
        reference = blobs.begin()
        await blobs.append(reference, bytes(PART), full_tries=2)
        with full(server), pytest.raises(FullError):
            await blobs.append(reference, b"more", full_tries=2)
        assert reference.size == PART
        assert await blobs.read(reference) == bytes(PART)


async def test_nothing_is_left_of_a_value_that_is_refused_half_way(server: RedisServer) -> None:
    """Redis was full only by then."""
    async with connected(server) as client, AsyncExitStack() as stack:
        blobs = Blobs(client)
        append = blobs.append

        async def append_and_fill(*args: Any, **options: Any) -> None:
            await append(*args, **options)
            stack.enter_context(full(server))

        blobs.append = append_and_fill  # type: ignore[method-assign]
        with pytest.raises(FullError):
            await blobs.write(bytes(2 * PART), full_tries=2)
        assert server.names() == []


async def test_a_reference_that_names_something_else_touches_nothing(
    server: RedisServer, tmp_path: Path
) -> None:
    """References come from clients: no other key, no file outside of the spool."""
    async with connected(server) as client:
        server.ask("SET", "fnq:sessions", 1)
        server.ask("HSET", "fnq:{default}:function:f", "0", "secret")
        (tmp_path / "file").write_text("secret")
        blobs = Blobs(client, _spool(tmp_path))
        bad = [
            result_pb2.Reference(house=_CHUNKS, key="fnq:sessions", size=6),
            result_pb2.Reference(house=_CHUNKS, key="fnq:{default}:function:f", size=6),
            result_pb2.Reference(house=_SPOOL, key="../file", size=6),
            result_pb2.Reference(key="7", size=6),
        ]
        for each in bad:
            assert await blobs.read(each) is None
        await blobs.delete(bad)
        assert len(server.names()) == 2
        assert (tmp_path / "file").exists()
