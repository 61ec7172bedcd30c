"""Zygotes of images: started when they are needed, ended when they are not."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from fnq_local import image as images
from fnq_local.child import Child, Facts
from fnq_local.image import Start
from fnq_local.logfile import LogFile
from fnq_local.place import Place
from fnq_local.plain import PlainLauncher
from fnq_local.process import Process
from fnq_local.zygotes import LINGER_S, Room, Zygotes
from fnq_wire.environment import Environment
from fnq_wire.error import StackError
from tests.loop import eventually
from tests.unit.fnq_local.stack import STANDINS

IMAGE = "environment:/some/where"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Return a place with short socket paths."""
    made = Place(str(tmp_path / "state"), str(tmp_path / "run"))
    made.prepare_state()
    made.claim_runtime()
    yield made
    made.remove_runtime()


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have stand-ins listen in place of zygotes; "bad" images crash. Return what was started."""
    started: list[str] = []

    def start(image: str, socket: str, runner: str) -> Start:
        started.append(image)
        if "bad" in image:
            return Start([sys.executable, "-c", "raise SystemExit('no module named pyarrow')"])
        return Start([sys.executable, str(STANDINS / "standin_runner.py"), "--zygote", socket])

    monkeypatch.setattr(images, "start", start)
    return started


@asynccontextmanager
async def keeping(place: Place) -> AsyncIterator[Zygotes]:
    """Keep zygotes, and end them all."""
    plain = PlainLauncher()
    plain.watch()
    zygotes = Zygotes(place, plain, "runner", lambda: None)
    try:
        yield zygotes
    finally:
        await zygotes.stop_all(1.0)
        await zygotes.own.stop(1.0)


def _agent(place: Place) -> Child:
    async def launch() -> Process:
        raise StackError("it is not there")

    return Child(Facts("worker"), launch, LogFile(place.log("worker")))


@pytest.mark.integration
async def test_agents_of_one_image_share_a_zygote(place: Place, starts: list[str]) -> None:
    """It is started for the first, listens when it is given, and another image has its own."""
    async with keeping(place) as zygotes:
        first, second = await asyncio.gather(
            zygotes.ready(IMAGE, _agent(place)), zygotes.ready(IMAGE, _agent(place))
        )
        other = await zygotes.ready(f"{IMAGE}/else", _agent(place))
        assert first == second != other
        assert starts == [IMAGE, f"{IMAGE}/else"]
        assert [(child.facts.role, child.facts.address) for child in zygotes] == [
            ("zygote", f"unix:{first}"),
            ("zygote", f"unix:{other}"),
        ]


@pytest.mark.integration
async def test_a_zygote_stays_a_while_longer_than_its_agents(
    place: Place, starts: list[str]
) -> None:
    """It counts from when the last of them was seen; then another one is started for the next."""
    async with keeping(place) as zygotes:
        agent = _agent(place)
        path = await zygotes.ready(IMAGE, agent)
        now = time.monotonic()
        zygotes.tidy(now + 10 * LINGER_S)
        await agent.stop(1.0)
        zygotes.tidy(now + 11 * LINGER_S - 1)
        assert [child.state for child in zygotes] == ["running"]
        zygotes.tidy(now + 11 * LINGER_S + 1)
        await eventually(lambda: not list(zygotes))
        again = await zygotes.ready(IMAGE, _agent(place))
        assert again != path
        assert starts == [IMAGE, IMAGE]


@pytest.mark.integration
async def test_an_agent_whose_zygote_cannot_start_is_told_why(
    place: Place, starts: list[str]
) -> None:
    """With the last line that it said."""
    async with keeping(place) as zygotes:
        text = "the Python of its image does not start: .*no module named pyarrow"
        with pytest.raises(StackError, match=text):
            await zygotes.ready("bad", _agent(place))
        assert starts == ["bad", "bad"]


@pytest.mark.integration
async def test_a_zygote_that_could_not_start_is_no_hindrance_later(
    place: Place, starts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once its image is there the next agent has one at once, whatever was before."""
    async with keeping(place) as zygotes:
        with pytest.raises(StackError):
            await zygotes.ready("bad", _agent(place))
        await eventually(lambda: [child.state for child in zygotes] == ["waiting"])
        bad = images.start
        monkeypatch.setattr(images, "start", lambda _, *rest: bad("good", *rest))
        await zygotes.ready("bad", _agent(place))
        assert starts[-1] == "good"


def test_a_zygote_runs_in_the_environment_of_its_image(tmp_path: Path) -> None:
    """With its entrypoint before, its variables, and none that lead to other packages."""
    made = Environment(
        str(tmp_path), "3.12.1", env={"COLOUR": "blue"}, entrypoint=["nice", "-n", "1"]
    )
    made.write()
    assert Environment.read(str(tmp_path)) == made
    os.environ["PYTHONPATH"] = "/elsewhere"
    try:
        how = images.start(made.image, "/run/z.sock", "fnq_runner")
    finally:
        del os.environ["PYTHONPATH"]
    python = f"{tmp_path}/venv/bin/python"
    assert how.argv == [
        *("nice", "-n", "1", python, "-P", "-m", "fnq_runner", "--zygote", "/run/z.sock", "--tied")
    ]
    # What an entrypoint starts may be a child of its own.
    assert how.tied
    assert how.env is not None
    assert how.env["COLOUR"] == "blue"
    assert how.env["PATH"].startswith(f"{tmp_path}/venv/bin:")
    assert "PYTHONPATH" not in how.env


def test_an_image_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Whether its environment was removed, or no builder of this stack made it."""
    with pytest.raises(StackError, match=f"no environment at {tmp_path}"):
        images.start(f"environment:{tmp_path}", "/s", "fnq_runner")
    with pytest.raises(StackError, match="knows no image 'oci:x'"):
        images.start("oci:x", "/s", "fnq_runner")


#: A program `docker` that runs a stand-in for what is in the container, and notes its words.
_ENGINE = """#!/bin/sh
printf '%s\\n' "$*" >> {notes}
[ "$1" = run ] || exit 0
while [ "$1" != --zygote ]; do shift; done
exec {python} {runner} --zygote "$2"
"""


@pytest.fixture
def engine(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have a program `docker`; return the file in which it notes what it is asked for."""
    notes, program = tmp_path / "notes", tmp_path / "bin" / "docker"
    notes.touch()
    program.parent.mkdir()
    runner = STANDINS / "standin_runner.py"
    program.write_text(_ENGINE.format(notes=notes, python=sys.executable, runner=runner))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return notes


def _asked(engine: Path) -> list[str]:
    return [line.split()[0] for line in engine.read_text().splitlines()]


@pytest.mark.integration
async def test_a_container_is_shared_by_those_who_ask_for_the_same(
    place: Place, engine: Path
) -> None:
    """Other mounts are another one, and so is a worker with limits: it has one alone."""
    async with keeping(place) as zygotes:
        room, limited = Room(mounts=(("/a", "/b", "rw"),)), Room(memory_bytes=1 << 29)
        paths = [
            await zygotes.ready("docker:x", _agent(place), each)
            for each in (room, room, Room(), limited, limited)
        ]
        assert paths[0] == paths[1]
        assert len(set(paths)) == _asked(engine).count("run") == 4
        assert os.getpid() not in zygotes.pids
        assert len(zygotes.pids) == 4


@pytest.mark.integration
async def test_containers_of_an_earlier_stack_are_removed_first(place: Place, engine: Path) -> None:
    """And at the end whatever is left of this one."""
    async with keeping(place) as zygotes:
        await zygotes.ready("docker:x", _agent(place))
    assert _asked(engine) == ["ps", "run", "ps"]


@pytest.mark.integration
async def test_containers_that_start_at_once_do_not_remove_each_other(
    place: Place, engine: Path
) -> None:
    """What an earlier stack left is looked for once, before the first of them."""
    async with keeping(place) as zygotes:
        images = ("docker:x", "docker:y", "docker:z")
        await asyncio.gather(*(zygotes.ready(each, _agent(place)) for each in images))
    assert _asked(engine) == ["ps", "run", "run", "run", "ps"]


@pytest.mark.integration
async def test_a_zygote_of_one_worker_ends_with_it(place: Place, engine: Path) -> None:
    """The next worker has its own."""
    async with keeping(place) as zygotes:
        agent = _agent(place)
        await zygotes.ready("docker:x", agent, Room(cpu_millis=500))
        zygotes.tidy(time.monotonic())
        assert zygotes.pids
        await agent.stop(1.0)
        zygotes.tidy(time.monotonic())
        await eventually(lambda: not list(zygotes))
