"""Names in the consumer group of a call stream."""

from __future__ import annotations

import pytest

from fnq_core import group as group_module
from fnq_core import keys
from fnq_core.group import Group
from tests.redis import RedisServer
from tests.unit.fnq_core.streams import bench, connected, stream


def _names(server: RedisServer) -> set[str]:
    found = server.ask("XINFO", "CONSUMERS", stream(), keys.GROUP)
    return {dict(zip(each[::2], each[1::2], strict=True))[b"name"].decode() for each in found}


async def test_a_dead_consumer_is_forgotten_when_nothing_is_pending(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it still holds keeps its name: it would be lost with it."""
    async with bench(server) as b, connected(server) as client:
        monkeypatch.setattr(group_module, "LEASE_S", 0.0)
        await b.queue(2)
        [held, claimed] = b.deliver("dead")
        b.age(held, 9)
        b.age(claimed, 9)
        group = Group(client)
        assert await group.forget_dead(stream(), "me") == 0
        for entry in (held, claimed):
            server.ask("XCLAIM", stream(), keys.GROUP, "me", 0, entry, "JUSTID")
            await group.forget_dead(stream(), "me")
            assert _names(server) == ({"dead", "me"} if entry == held else {"me"})
        assert len(b.pending()) == 2


async def test_a_consumer_that_was_heard_of_lately_is_left_alone(server: RedisServer) -> None:
    """It lives, and only has nothing to do."""
    async with bench(server) as b, connected(server) as client:
        await b.queue(1)
        [entry] = b.deliver("alive")
        await b.acknowledge([entry])
        assert await Group(client).forget_dead(stream(), "me") == 0
        assert _names(server) == {"alive"}


async def test_a_consumer_leaves_when_it_holds_nothing(server: RedisServer) -> None:
    """Nobody else's name goes with it; a stream that is gone has none."""
    async with bench(server) as b, connected(server) as client:
        await b.queue(2)
        [entry] = b.deliver("me", 1)
        b.deliver("other", 1)
        group = Group(client)
        await group.leave(stream(), "me")
        assert _names(server) == {"me", "other"}
        await b.acknowledge([entry])
        await group.leave(stream(), "me")
        assert _names(server) == {"other"}
        await group.leave("fnq:{default}:calls:nope:0", "me")
        server.ask("XADD", "fnq:{default}:calls:stray:0", "*", "e", b"")
        await group.leave("fnq:{default}:calls:stray:0", "me")
