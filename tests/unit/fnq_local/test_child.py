"""One process that is kept alive."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from fnq_local import child as child_module
from fnq_local.child import Child, Facts
from fnq_local.logfile import LogFile
from fnq_local.plain import PlainLauncher
from fnq_local.process import Process
from fnq_wire.error import StackError

_WAITS = "import signal; signal.pause()"


def _child(
    folder: Path, code: str, probe: Callable[[], Awaitable[None]] | None = None
) -> tuple[Child, list[tuple[str, int]]]:
    """Return a child that runs `code`, and the list of its (state, pid) that grows."""
    plain = PlainLauncher()
    plain.watch()
    log = LogFile(str(folder / "log"))
    seen: list[tuple[str, int]] = []

    async def launch() -> Process:
        return plain.launch([sys.executable, "-c", code], log)

    def note() -> None:
        seen.append((child.state, child.pid))

    child = Child(Facts("thing"), launch, log, probe=probe, changed=note)
    return child, seen


async def _wait(look: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not look():  # noqa: ASYNC110 - a predicate is watched, not an event
            await asyncio.sleep(0.002)


@pytest.mark.timed
def test_what_dies_is_started_again_within_a_tenth_of_a_second(tmp_path: Path) -> None:
    """The first death costs no pause, and the state says what goes on."""

    async def scene() -> float:
        child, seen = _child(tmp_path, _WAITS)
        child.start()
        await child.up(tries=1)
        first = child.pid
        killed = time.monotonic()
        os.kill(first, signal.SIGKILL)
        await _wait(lambda: child.state == "running" and child.pid not in (0, first))
        took_s = time.monotonic() - killed
        await child.stop(grace_s=5)
        await child.stop(grace_s=5)
        assert (child.state, child.pid) == ("stopped", 0)
        assert [state for state, _ in seen if state != "starting"] == [
            *("running", "waiting", "running", "stopping", "stopped", "stopped"),
        ]
        return took_s

    assert asyncio.run(scene()) < 0.1


def test_what_dies_at_once_is_started_less_and_less_often(tmp_path: Path) -> None:
    """It gives up coming up after so many deaths, with the last thing that it said."""

    async def scene() -> list[str]:
        never = asyncio.Event()

        async def probe() -> None:
            await never.wait()

        child, seen = _child(tmp_path, "print('no such table'); exit(3)", probe)
        child.start()
        with pytest.raises(StackError, match=r"thing does not start: .*exit code 3: no such table"):
            await child.up(tries=3)
        assert child.deaths == 3
        await child.stop(grace_s=5)
        return [state for state, _ in seen]

    assert asyncio.run(scene()).count("waiting") == 3


def test_a_crash_is_known_for_one_until_it_has_lived_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One death is none yet; between two of them it makes no difference what it does."""

    async def scene() -> None:
        child, _ = _child(tmp_path, "print('no such table'); exit(3)")
        child.start()
        await _wait(lambda: child.deaths == 1)
        assert not child.crashing
        for state in ("running", "waiting", "running"):
            await _wait(lambda state=state: child.deaths > 1 and child.state == state)  # type: ignore[misc]
            assert child.crashing
            assert child.ending.startswith("ended with exit code 3: no such table (see ")
        monkeypatch.setattr(child_module, "HEALTHY_S", 0.0)
        await _wait(lambda: child.state == "running" and not child.crashing)
        await child.stop(grace_s=5)

    asyncio.run(scene())


def test_it_runs_only_once_its_probe_says_so(tmp_path: Path) -> None:
    """Until then it is starting, and its id is known."""

    async def scene() -> None:
        works = asyncio.Event()

        async def probe() -> None:
            await works.wait()

        child, _ = _child(tmp_path, _WAITS, probe)
        child.start()
        await _wait(lambda: child.pid != 0)
        assert child.state == "starting"
        works.set()
        await child.up(tries=1)
        assert child.state == "running"
        await child.stop(grace_s=5)

    asyncio.run(scene())


def test_one_that_is_told_to_end_says_so_at_once(tmp_path: Path) -> None:
    """Also while it is being launched: whoever asks next must not take it for one that stays."""

    async def scene() -> tuple[str, str]:
        launching, forked = asyncio.Event(), asyncio.Event()

        async def launch() -> Process:
            launching.set()
            try:
                await asyncio.Event().wait()
            finally:
                await forked.wait()
            raise AssertionError

        log = LogFile(str(tmp_path / "log"))
        child = Child(Facts("thing"), launch, log, changed=lambda: None)
        child.start()
        await launching.wait()
        stopping = asyncio.create_task(child.stop(grace_s=5))
        await asyncio.sleep(0)
        told = child.state
        forked.set()
        await stopping
        return told, child.state

    assert asyncio.run(scene()) == ("stopping", "stopped")


def test_a_launch_that_is_refused_counts_as_a_death(tmp_path: Path) -> None:
    """Its reason is the reason of the launch."""

    async def launch() -> Process:
        raise StackError("no room")

    async def scene() -> None:
        child = Child(Facts("thing"), launch, LogFile(str(tmp_path / "log")))
        child.start()
        with pytest.raises(StackError, match="thing does not start: no room"):
            await child.up(tries=2)
        await child.stop(grace_s=1)

    asyncio.run(scene())
