"""A caller that vanishes takes its calls along, once it has been away for long enough."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from fnq_server import sessions
from tests.integration.services.house import House
from tests.loop import eventually
from tests.toy import service

pytestmark = pytest.mark.integration

SCRIPT = Path(__file__).parents[1] / "programs" / "held.py"
#: Seconds for which a caller may be away here.
_AWAY_S = 1.0


async def test_calls_of_a_killed_caller_end_when_it_has_been_away_for_too_long(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not before; a coroutine is told, a thread is left behind, and nothing of them stays."""
    monkeypatch.setattr(sessions, "INTEREST_S", _AWAY_S)
    async with (
        service.server(house.redis, house.folder) as (_, server),
        service.consumer(house.redis, house.folder) as (_, consumer),
    ):
        script = await asyncio.create_subprocess_exec(
            sys.executable, str(SCRIPT), str(tmp_path), env=os.environ | {"FNQ_ADDR": server}
        )
        names = "fnq:{default}:version:*"
        await eventually(lambda: len(house.redis.names(names)) == 2)
        for number, key in enumerate(house.redis.names(names)):
            house.employ(f"w{number}", key.rpartition(":")[2], consumer, server)
        for name in ("on_a_loop", "in_a_thread"):
            await eventually((tmp_path / f"{name}.begun").exists, 20.0)
        script.kill()
        await script.wait()
        loop = asyncio.get_running_loop()
        gone_at = loop.time()
        await eventually((tmp_path / "on_a_loop.over").exists)
        assert loop.time() - gone_at > _AWAY_S / 2
        streams = house.redis.names("fnq:{default}:calls:*")
        await eventually(lambda: not any(house.redis.ask("XLEN", each) for each in streams))
        await eventually(lambda: b"a runner retires" in house.log("w0") + house.log("w1"))
        for name in ("w0", "w1"):
            assert house.stop(name) == 0
