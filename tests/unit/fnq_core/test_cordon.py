"""Replicas that take no more calls."""

from __future__ import annotations

from fnq_core import keys
from fnq_core.cordon import Cordons
from fnq_core.presence import Presence, PresenceBoard
from tests.redis import RedisServer
from tests.unit.fnq_core.streams import connected


async def test_an_agent_hears_whether_it_is_cordoned_when_it_posts(server: RedisServer) -> None:
    """The highest indexes are; all are let free at once."""
    async with connected(server) as client:
        cordons, board = Cordons(client), PresenceBoard(client)
        agents = [Presence("default", "f", "a1", f"x{n}", n, pid=7) for n in range(3)]
        assert [await board.post(each) for each in agents] == [False, False, False]
        await cordons.draw("default", "a1", 1)
        assert [await board.post(each) for each in agents] == [False, True, True]
        assert await cordons.of([("default", "a1"), ("default", "b1")]) == [1, None]
        await cordons.lift("default", "a1")
        assert [await board.post(each) for each in agents] == [False, False, False]


async def test_a_cordon_that_leaves_none_is_opened_by_the_first_call(server: RedisServer) -> None:
    """Another one stays."""
    async with connected(server) as client:
        cordons = Cordons(client)
        for first, after in ((0, None), (1, 1)):
            await cordons.draw("default", "a1", first)
            await cordons.open("default", "a1")
            assert await cordons.of([("default", "a1")]) == [after]


async def test_a_cordon_that_nobody_renews_lapses(server: RedisServer) -> None:
    """Its leader may be dead, and the next one decides anew."""
    async with connected(server) as client:
        await Cordons(client).draw("default", "a1", 0)
        assert 0 < server.ask("PTTL", keys.cordon("default", "a1")) <= 10_000
