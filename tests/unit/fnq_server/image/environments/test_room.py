"""The directory of one environment, while several processes have it in hand."""

from __future__ import annotations

import asyncio
from pathlib import Path

from fnq_server.image.environments.room import Room
from tests.loop import eventually


def _nobody(step: str, output: str) -> None:
    """Hear nothing."""


async def test_who_waits_hears_on_when_another_build_has_begun(tmp_path: Path) -> None:
    """Also where that has said more by then than the one before."""
    heard: list[tuple[str, str]] = []
    room, path = Room(str(tmp_path / "e")), str(tmp_path / "e")

    async def wait() -> None:
        async with Room(path).claimed(lambda *words: heard.append(words)):
            pass

    async with room.claimed(_nobody):
        waiting = asyncio.ensure_future(wait())
        room.saying(_nobody)("first", "")
        await eventually(lambda: heard == [("first", "")])
        room.clear()
        for step in ("again, and longer than before", "second"):
            room.saying(_nobody)(step, "")
        await eventually(lambda: heard[-1] == ("second", ""))
        room.clear()
        await eventually(lambda: not (tmp_path / "e" / "build.log").exists())
        room.saying(_nobody)("third", "")
        await eventually(lambda: heard[-1] == ("third", ""))
    await waiting


def test_of_a_build_that_prints_for_ever_the_log_has_an_end(tmp_path: Path) -> None:
    """Its steps are there all the same."""
    room = Room(str(tmp_path))
    say = room.saying(_nobody)
    for _ in range(600):
        say("step", "x" * 10_000)
    size = (tmp_path / "build.log").stat().st_size
    say("next step", "")
    assert size < 5_000_000
    assert (tmp_path / "build.log").read_text().endswith('["next step", ""]\n')
