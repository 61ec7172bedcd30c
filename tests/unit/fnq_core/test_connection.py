"""What passes by itself, and what does not, when Redis does not do what it is asked."""

from __future__ import annotations

import asyncio

import pytest
from redis.exceptions import ResponseError

from fnq_core.connection import NotNowError, insist
from tests.redis import RedisServer
from tests.unit.fnq_core.streams import connected


async def test_a_redis_that_cannot_write_now_is_asked_again(server: RedisServer) -> None:
    """As after a full disk: nothing is lost, and it goes on when the cause is gone."""
    async with connected(server) as client:
        server.ask("CONFIG", "SET", "min-replicas-to-write", "1")
        try:
            with pytest.raises(NotNowError):
                await client.execute_command("SET", "key", "value", "EX", 60)
            work = insist(
                "writing", lambda: client.execute_command("SET", "key", "value", "EX", 60)
            )
            waiting = asyncio.create_task(work)
            await asyncio.wait([waiting], timeout=0.1)
            assert not waiting.done()
        finally:
            server.ask("CONFIG", "SET", "min-replicas-to-write", "0")

        assert await waiting == b"OK"


async def test_a_wrong_command_is_not_asked_again(server: RedisServer) -> None:
    """An error that does not pass goes through at once."""
    async with connected(server) as client:
        with pytest.raises(ResponseError, match="unknown command"):
            await insist("asking", lambda: client.execute_command("NONSENSE"))
