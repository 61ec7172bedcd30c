"""One server leads."""

from __future__ import annotations

import pytest

from fnq_core import keys, leader
from fnq_core.leader import LEADER_TTL_S, Leadership
from tests.redis import RedisServer
from tests.unit.fnq_core.streams import connected


@pytest.fixture(autouse=True)
def _asks_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have each question asked of Redis."""
    monkeypatch.setattr(leader, "_RENEW_S", 0.0)


async def test_one_of_several_leads_until_it_leaves(server: RedisServer) -> None:
    """The next one leads at once; who does not lead gives nothing back."""
    async with connected(server) as client:
        first, second = Leadership(client, "a"), Leadership(client, "b")
        assert [await each.leads() for each in (first, second, first)] == [True, False, True]
        await second.leave()
        assert await first.leads()
        await first.leave()
        assert [await each.leads() for each in (second, first)] == [True, False]


async def test_one_that_died_is_followed_after_its_lease(server: RedisServer) -> None:
    """Within seconds; each renewal begins the lease anew."""
    async with connected(server) as client:
        first, second = Leadership(client, "a"), Leadership(client, "b")
        assert await first.leads()
        assert 0 < server.ask("PTTL", keys.LEADER) <= LEADER_TTL_S * 1000
        server.ask("PEXPIRE", keys.LEADER, 50)
        assert await first.leads()
        assert server.ask("PTTL", keys.LEADER) > 1000
        server.ask("DEL", keys.LEADER)
        assert [await each.leads() for each in (second, first)] == [True, False]


async def test_leading_costs_a_command_a_second(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often it is asked."""
    monkeypatch.setattr(leader, "_RENEW_S", 60.0)
    async with connected(server) as client:
        first = Leadership(client, "a")
        assert await first.leads()
        server.spent()
        for _ in range(100):
            assert await first.leads()
        assert sum(server.spent().values()) == 0
