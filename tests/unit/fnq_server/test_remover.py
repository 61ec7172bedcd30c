"""What is deleted goes once nothing is left of it, here and where its workers ran."""

from __future__ import annotations

from pathlib import Path

import pytest

from fnq_core import keys
from fnq_core.removal import Removal
from fnq_server import remover
from fnq_wire.error import StackError
from tests.loop import eventually
from tests.redis import RedisServer
from tests.toy import service
from tests.toy.house import House
from tests.unit.fnq_core.streams import connected


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is deleted is looked at often, and goes as soon as it may."""
    monkeypatch.setattr(remover, "SETTLED_S", 0.0)
    monkeypatch.setattr(remover, "_LOOK_S", 0.01)


async def test_a_version_goes_once_its_workers_were_told_to(
    server: RedisServer, tmp_path: Path
) -> None:
    """While that cannot be said it stays: nobody would know of its job any more."""
    house = House()
    house.reluctance = StackError("Nomad is away")
    version = await service.deploy(server)
    running = service.server(server, tmp_path, orchestrator=house)
    async with running, connected(server) as client:
        await Removal(client).delete("default", "f")
        await eventually(lambda: len(house.stopped) > 1)
        assert server.ask("EXISTS", keys.version("default", version))
        house.reluctance = None
        await eventually(lambda: not server.ask("EXISTS", keys.version("default", version)))


async def test_a_version_goes_where_nobody_starts_workers(
    server: RedisServer, tmp_path: Path
) -> None:
    """There is nobody to be told."""
    version = await service.deploy(server)
    async with service.server(server, tmp_path), connected(server) as client:
        await Removal(client).delete("default", "f")
        await eventually(lambda: not server.ask("EXISTS", keys.version("default", version)))
