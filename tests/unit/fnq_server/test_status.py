"""What a server says of its stack."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from fnq_core.presence import Presence, PresenceBoard
from fnq_server import status as status_module
from fnq_server.doors import Doors
from fnq_server.orchestrator.seam import Placed
from fnq_server.status import Reporter
from fnq_wire.error import StackError
from tests.redis import RedisServer
from tests.toy.house import House
from tests.toy.secrets import NO_SECRETS
from tests.unit.fnq_core.streams import connected

#: Version, replica, state, pid and address of a worker.
Row = tuple[str, int, str, int, str]
READY: Row = ("a1", 0, "ready", 7, "")


@asynccontextmanager
async def reporting(
    server: RedisServer, house: House
) -> AsyncIterator[Callable[[], Awaitable[list[Row]]]]:
    """Give what reports the workers; one of them has posted that it is ready."""
    async with connected(server) as client:
        board = PresenceBoard(client)
        await board.post(Presence("default", "f", "a1", "x", 0, 7, state="ready"))
        supply: Any = SimpleNamespace(orchestrator=house, vault=NO_SECRETS, builder=None)
        reporter = Reporter(Doors.of(client), "unix:/s", supply)

        async def workers() -> list[Row]:
            found = (await reporter.report("default")).processes
            return [
                (each.version, each.replica, each.state, each.pid, each.address)
                for each in found
                if each.role == "worker"
            ]

        yield workers


async def test_workers_that_have_not_said_yet_how_they_are_are_listed(server: RedisServer) -> None:
    """They wait for a node, or come up; those of another namespace are not told of."""
    house = House()
    house.placed = [
        Placed("default", "f", "a1", 0, "running", address="vm"),
        Placed("default", "f", "a1", 1, "waiting"),
        Placed("other", "f", "a1", 2, "waiting"),
        Placed("default", "f", "b2", 0, "starting", pid=9, address="vm"),
    ]
    async with reporting(server, house) as workers:
        assert await workers() == [
            READY,
            ("a1", 1, "waiting", 0, ""),
            ("b2", 0, "starting", 9, "vm"),
        ]


async def test_an_orchestrator_that_is_away_or_slow_hides_nothing_else(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asks for a status does not wait for it."""
    monkeypatch.setattr(status_module, "_PLACED_S", 0.05)
    house = House()
    house.placed = [Placed("default", "f", "a1", 1, "waiting")]
    async with reporting(server, house) as workers:
        house.fault = StackError("out of reach")
        assert await workers() == [READY]
        house.fault = None
        house.gate.clear()
        assert await workers() == [READY]
