"""The table of agents, without a forge that starts any."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from fnq_local.agents import Agents, Wanted
from fnq_local.cgroups import Cgroups
from fnq_local.child import Child
from fnq_local.forged import ForgedLauncher, Order
from fnq_local.place import Place
from fnq_local.process import Process
from fnq_local.zygotes import Room, Zygotes


class _IdleForge(ForgedLauncher):
    """Never gets round to starting anything."""

    def __init__(self) -> None:
        pass

    async def launch(self, order: Order) -> Process:
        """Wait for ever."""
        never: asyncio.Future[Process] = asyncio.get_running_loop().create_future()
        return await never


_NO_ROOM = Room()


class _NoZygotes(Zygotes):
    """Never has one that listens."""

    def __init__(self) -> None:
        pass

    async def ready(self, image: str, agent: Child, room: Room = _NO_ROOM) -> str:
        """Wait for ever."""
        never: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        return await never


async def _no_gpus() -> list[str]:
    return []


async def test_logs_of_agents_that_are_no_more_are_bounded(tmp_path: Path) -> None:
    """The one of an agent that is still there stays, though it is the oldest."""
    place = Place(str(tmp_path), str(tmp_path / "run"))
    place.prepare_state()
    nowhere = Cgroups("/nowhere")
    agents = Agents(place, _IdleForge(), _NoZygotes(), "module", lambda: None, nowhere, _no_gpus)
    agents.ensure(Wanted("default", "abc", "f", 1), grace_s=1.0)
    [kept] = [Path(child.log.path) for child in agents]
    kept.touch()
    os.utime(kept, (1, 1))
    for number in range(60):
        path = kept.with_name(f"worker-{number}-0.log")
        path.touch()
        os.utime(path, (1000 + number, 1000 + number))
    agents.tidy()
    left = {path.name for path in kept.parent.iterdir()}
    assert left == {kept.name, *(f"worker-{number}-0.log" for number in range(11, 60))}
    await agents.stop_all(1.0)
