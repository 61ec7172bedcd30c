"""How the workers of a version stand."""

from __future__ import annotations

import pytest

from fnq_core.presence import Presence, PresenceBoard
from fnq_server import lookout as lookout_module
from fnq_server.lookout import Lookout
from fnq_server.orchestrator.seam import Outlook
from tests.redis import RedisServer
from tests.toy import service
from tests.toy.house import House
from tests.unit.fnq_core.streams import connected


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> House:
    """One whose workers crash; it is asked at each look."""
    monkeypatch.setattr(lookout_module, "_FRESH_S", 0.0)
    made = House(Outlook.CRASHING, "its worker crashes")
    made.lines = ["no licence"]
    return made


async def _look(server: RedisServer, house: House, *versions: str) -> None:
    """Look at each version, with one lookout."""
    async with connected(server) as client:
        demand = service.demand(client, house)
        lookout = Lookout(PresenceBoard(client), demand, house)
        for version in versions:
            assert (await lookout.of("default", version)).traceback == "no licence"


async def test_logs_of_workers_that_crash_are_read_once(server: RedisServer, house: House) -> None:
    """While they crash the same way, also where several versions are looked at in turn."""
    await _look(server, house, "a1", "b2", "a1", "b2", "a1", "b2")
    assert house.explained == 6
    assert house.read == ["a1", "b2"]


async def test_what_nobody_asks_about_is_forgotten(
    server: RedisServer, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Versions come and go for as long as the server runs."""
    monkeypatch.setattr(lookout_module, "_KEPT_S", 0.0)
    await _look(server, house, "a1", "b2", "a1")
    assert house.read == ["a1", "b2", "a1"]


@pytest.mark.parametrize(
    ("outlook", "told"),
    [(Outlook.CRASHING, "its worker crashes"), (Outlook.STARTING, ""), (Outlook.RUNNING, "")],
)
async def test_why_workers_crash_is_told_though_one_is_ready(
    server: RedisServer, outlook: Outlook, told: str
) -> None:
    """It is a moment before its own crash, as likely as not."""
    house = House(outlook, "its worker crashes")
    async with connected(server) as client:
        board, demand = PresenceBoard(client), service.demand(client, house)
        lookout = Lookout(board, demand, house)
        await board.post(Presence("default", "f", "a1", "x", 0, 7, state="ready"))
        assert (await lookout.of("default", "a1")).state == "ready"
        assert await lookout.crash("default", "a1") == told
