"""How a Redis is set."""

from __future__ import annotations

from typing import Any

import pytest
from redis.exceptions import NoPermissionError, ResponseError

from fnq_core.tuning import tuning
from tests.redis import RedisServer
from tests.unit.fnq_core.streams import connected


async def test_a_redis_says_how_it_is_set(server: RedisServer) -> None:
    """As its configuration has it."""
    server.ask("CONFIG", "SET", "maxmemory", "1gb")
    try:
        async with connected(server) as client:
            found = await tuning(client)
    finally:
        server.ask("CONFIG", "SET", "maxmemory", 0)
    assert (found.appendonly, found.appendfsync) == (False, "no")
    assert (found.policy, found.maxmemory) == ("noeviction", 1 << 30)
    assert found.used > 0


@pytest.mark.parametrize(
    "refusal", [NoPermissionError("no CONFIG"), ResponseError("unknown command"), []]
)
async def test_a_setting_that_may_not_be_asked_for_is_left_out(
    server: RedisServer, refusal: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where Redis is rented, CONFIG is often denied."""

    async def refuse(*_: object, **__: object) -> list[Any]:
        return [refusal]

    monkeypatch.setattr("fnq_core.tuning.together", refuse)
    async with connected(server) as client:
        assert (await tuning(client)).appendfsync == ""
