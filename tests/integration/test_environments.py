"""Environments, built with a real uv: each once, whole or not at all, and nothing else touched."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from fnq.v1 import spec_pb2
from fnq_server.image.environments import python
from fnq_server.image.environments.builder import UNUSED_S, Environments
from fnq_wire import tagged
from fnq_wire.archive import Member, pack
from fnq_wire.environment import PREFIX, Environment
from fnq_wire.error import ImageBuildError
from tests.apart import can_mount
from tests.index import needs_index
from tests.livestack import wait_until
from tests.loop import eventually

pytestmark = [pytest.mark.integration, pytest.mark.images]

BUNDLES: dict[str, bytes] = {}
BASE = ("base", "python:3-slim")
#: Of the name of an environment's directory.
_DIGITS = 32


@pytest.fixture(autouse=True)
def _index() -> None:
    needs_index()


async def fetch(digest: str) -> bytes | None:
    """Return what a step adds."""
    return BUNDLES.get(digest)


def steps_of(*steps: tuple[str, ...]) -> list[spec_pb2.ImageStep]:
    """Return the steps of an image, each given as its verb and its arguments."""
    return [spec_pb2.ImageStep(verb=verb, arguments=rest) for verb, *rest in (BASE, *steps)]


def added(**members: bytes) -> str:
    """Return the hash of a zip that holds these files."""
    digest, data = pack({name: Member(text) for name, text in members.items()})
    BUNDLES[digest] = data
    return digest


class Ears:
    """Hears a build."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.lines: list[str] = []

    def __call__(self, step: str, output: str) -> None:
        """Take a step or a line of it."""
        (self.lines if output else self.steps).append(output or step)


async def make(folder: Path, *steps: tuple[str, ...]) -> tuple[Environment, Ears]:
    """Build an image in `folder`; return its environment, and what was heard."""
    ears = Ears()
    image = await Environments(str(folder), fetch).build(steps_of(*steps), {}, ears)
    return Environment.read(image.removeprefix(PREFIX)), ears


def build(folder: Path, *steps: tuple[str, ...]) -> tuple[Environment, Ears]:
    """Build an image in a loop of its own."""
    return asyncio.run(make(folder, *steps))


def built(folder: Path, steps: list[spec_pb2.ImageStep]) -> str | None:
    """Return what a builder of `folder` knows an image by."""
    return asyncio.run(Environments(str(folder), fetch).built(steps, {}))


def ask(found: Environment, code: str, *options: str) -> str:
    """Return what a Python of the environment prints."""
    done = subprocess.run(
        [found.interpreter, *options, "-c", code],
        env=found.variables(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    return (done.stdout + done.stderr).strip()


def test_an_image_is_built_once(tmp_path: Path) -> None:
    """Its packages are there, its steps were heard, and what is there is not built again."""
    found, ears = build(tmp_path, ("run", "pip install cowsay==6.1"))
    assert ears.steps == [
        "step 1/2 base python:3-slim",
        "step 2/2 pip install cowsay==6.1",
        "fnq's runner",
    ]
    assert any("cowsay-6.1" in line for line in ears.lines)
    assert ask(found, "import cowsay, pyarrow, greenlet; print(cowsay.__version__)") == "6.1"
    log = Path(found.path, "build.log").stat()
    again, silent = build(tmp_path, ("run", "pip install cowsay==6.1"))
    assert (again, silent.steps) == (found, [])
    assert Path(found.path, "build.log").stat() == log
    assert not Path(found.path, "tmp").exists()


def test_only_what_runners_need_is_beside_the_users_packages(tmp_path: Path) -> None:
    """The runner can be imported; what only services need cannot."""
    found, _ = build(tmp_path)
    assert ask(found, "import fnq_runner.runner, fnq_runner.zygote, fnq_wire.arrow") == ""
    for name in ("grpc", "redis", "google.protobuf", "structlog", "fnq_core", "fnq.v1"):
        assert "ModuleNotFoundError" in ask(found, f"import {name}")
    installed = "import importlib.metadata as m; print(*sorted(d.name for d in m.distributions()))"
    assert ask(found, installed, "-I") == "greenlet pyarrow"


def test_what_the_user_chose_stays_where_it_is_new_enough(tmp_path: Path) -> None:
    """Otherwise the error names it and what is needed."""
    found, _ = build(tmp_path, ("pip", "greenlet==3.2.4"))
    assert ask(found, "import greenlet; print(greenlet.__version__)") == "3.2.4"
    with pytest.raises(ImageBuildError, match=r"has greenlet 3\.1\.1, and runners need greenlet>="):
        build(tmp_path, ("pip", "greenlet==3.1.1"))


def test_steps_see_what_came_before_them(tmp_path: Path) -> None:
    """Variables, the directory, files that were added; so do the processes of the image."""
    found, ears = build(
        tmp_path,
        ("env", "COLOUR=deep blue"),
        ("add_dir", "/opt-of-the-image", added(name=b"Ada\n", script=b"echo script")),
        ("workdir", "/opt-of-the-image"),
        ("run", "pwd; echo $COLOUR; cat name; sh script", "command -v python; command -v pip"),
        ("entrypoint", "nice", "-n", "5"),
    )
    venv = f"{found.path}/venv/bin"
    expected = ["/opt-of-the-image", "deep blue", "Ada", "script", f"{venv}/python", f"{venv}/pip"]
    assert [line for line in ears.lines if line in expected] == expected
    assert found.env == {"COLOUR": "deep blue"}
    assert (found.workdir, found.entrypoint) == ("/opt-of-the-image", ["nice", "-n", "5"])
    assert found.mounts == [(f"{found.path}/files/opt-of-the-image", "/opt-of-the-image")]
    assert not Path("/opt-of-the-image").exists()


def test_a_step_can_write_nowhere_else(tmp_path: Path) -> None:
    """Not in the system, not in a home; /tmp is its own, and so is HOME."""
    if why := can_mount():
        pytest.skip(why)
    mine = tmp_path / "mine"
    mine.write_text("kept")
    before = sorted(os.listdir("/etc"))
    system = "/etc/passwd /etc/fnq-was-here /usr/x /x /root/x"
    found, ears = build(
        tmp_path / "all",
        ("run", f"for each in {system}; do (echo hi >> $each) && echo wrote $each; done; true"),
        ("run", f"echo hi > {mine} || true", "echo hi > ~/own; ls /tmp; touch $VIRTUAL_ENV/x"),
    )
    assert [line for line in ears.lines if "wrote" in line] == []
    assert (mine.read_text(), sorted(os.listdir("/etc"))) == ("kept", before)
    assert Path(found.path, "home", "own").read_text() == "hi\n"


def test_where_nothing_can_be_sealed_steps_run_all_the_same(tmp_path: Path) -> None:
    """With a HOME and temporary files of their own; it is told, and nothing can be added."""
    builder = Environments(str(tmp_path), fetch)
    builder._unsealed = "no namespaces here"
    steps, ears = steps_of(("run", "touch $HOME/x; echo $HOME; echo $TMPDIR")), Ears()
    path = asyncio.run(builder.build(steps, {}, ears)).removeprefix(PREFIX)
    assert [f"{path}/home", f"{path}/tmp"] == ears.lines[:2]
    [remark] = asyncio.run(builder.remarks(steps, {}))
    assert "may write wherever the server may: no namespaces here" in remark
    with pytest.raises(ImageBuildError, match="step 2/2 add file /a/b: this machine lets no"):
        asyncio.run(builder.build(steps_of(("add_file", "/a/b", added(file=b"1"))), {}, ears))


def test_a_step_that_fails_is_shown_with_its_last_lines(tmp_path: Path) -> None:
    """Nothing of it counts, and the next build begins anew."""
    steps = ("run", "for n in $(seq 1 50); do echo line $n; done; exit 3")
    with pytest.raises(ImageBuildError) as caught:
        build(tmp_path, steps)
    first, *rest = str(caught.value).splitlines()
    assert (
        first
        == "step 2/2 for n in $(seq 1 50); do echo line $n; done; exit 3 failed with exit code 3"
    )
    assert rest == [f"line {number}" for number in range(31, 51)]
    assert built(tmp_path, steps_of(steps)) is None
    with pytest.raises(ImageBuildError, match="failed with exit code"):
        build(tmp_path, ("pip", "fnq-has-no-such-package-anywhere"))


def test_what_this_machine_lacks_is_named_with_the_remedy(tmp_path: Path) -> None:
    """A Debian package, and a Python that is asked for exactly."""
    with pytest.raises(ImageBuildError, match="apt-get install fnq-no-such-package"):
        build(tmp_path, ("apt", "dpkg", "fnq-no-such-package"))
    exactly = {"image.python": "exact"}
    builder = Environments(str(tmp_path), fetch)
    other = [spec_pb2.ImageStep(verb="base", arguments=["python:3.11.99-slim"])]
    with pytest.raises(ImageBuildError, match=r"asks for exactly Python 3\.11\.99"):
        asyncio.run(builder.build(other, exactly, Ears()))
    [remark] = asyncio.run(builder.remarks(other, {}))
    assert "this machine has no Python 3.11.99: its image runs on 3.11." in remark


def test_a_background_process_of_a_step_ends_with_it(tmp_path: Path) -> None:
    """Also one that left its group; the step does not wait for it."""
    began = time.monotonic()
    found, _ = build(tmp_path, ("run", "setsid sleep 300 & sleep 300 &"))
    assert time.monotonic() - began < 60
    assert _sleepers(Path(found.path)) == []


def test_two_servers_build_once_and_both_hear(tmp_path: Path) -> None:
    """The second one hears what the first one's build says."""
    steps = ("run", "echo one; sleep 1; echo two; echo $$ > $VIRTUAL_ENV/pid")

    async def both() -> tuple[tuple[Environment, Ears], tuple[Environment, Ears]]:
        return await asyncio.gather(make(tmp_path, steps), make(tmp_path, steps))

    (first, heard), (second, told) = asyncio.run(both())
    assert first == second
    assert heard.lines.count("one") == told.lines.count("one") == 1
    assert told.lines.count("two") == 1


def test_a_build_that_nobody_waits_for_is_ended(tmp_path: Path) -> None:
    """With all that it started, and nothing of it is left."""
    ears = Ears()
    steps = steps_of(("run", "echo begun; sleep 300"))

    async def give_up() -> None:
        waiting = asyncio.create_task(Environments(str(tmp_path), fetch).build(steps, {}, ears))
        await eventually(lambda: "begun" in ears.lines, 60)
        waiting.cancel()
        await asyncio.wait({waiting})
        await eventually(lambda: [list(room.iterdir()) for room in _rooms(tmp_path)] == [[]])

    asyncio.run(give_up())
    assert [_sleepers(room) for room in _rooms(tmp_path)] == [[]]


def _rooms(folder: Path) -> list[Path]:
    """Return the directories of environments, whole or not."""
    return [each for each in folder.glob("*") if len(each.name) == _DIGITS]


def _sleepers(room: Path) -> list[str]:
    """Return the processes that a build in `room` has left."""
    mark, found = f"FNQ_BUILD={room}".encode(), []
    for each in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in each.read_bytes():
                found.append(each.parent.name)
        except OSError:
            continue
    return found


_KILLED = """
import asyncio, sys
sys.path.insert(0, {here!r})
from tests.integration.test_environments import Ears, Environments, fetch, steps_of
steps = steps_of(("run", "test -e {flag} || sleep 300"))
asyncio.run(Environments({folder!r}, fetch).build(steps, {{}}, Ears()))
"""


def test_a_build_whose_server_was_killed_leaves_nothing_that_counts(tmp_path: Path) -> None:
    """The next one ends what still runs, and builds."""
    # Where commands see it: their /tmp is their own.
    folder = tmp_path / "all"
    flag = folder / "flag"
    here = str(Path(__file__).parents[2])
    code = _KILLED.format(here=here, folder=str(folder), flag=flag)
    process = subprocess.Popen([sys.executable, "-c", code])

    def sleeps() -> bool:
        return any("step 2/2" in _log(room) and _sleepers(room) for room in _rooms(folder))

    wait_until("the step runs", sleeps, 60)
    process.kill()
    process.wait()
    [room] = _rooms(folder)
    steps = steps_of(("run", f"test -e {flag} || sleep 300"))
    assert built(folder, steps) is None
    flag.touch()
    assert build(folder, ("run", f"test -e {flag} || sleep 300"))[0].path == str(room)
    assert _sleepers(room) == []


def _log(room: Path) -> str:
    try:
        return (room / "build.log").read_text()
    except OSError:
        return ""


def test_environments_that_nobody_needs_are_removed(tmp_path: Path) -> None:
    """Those that no version refers to and that were not used for long; and broken ones."""
    kept, old, fresh = (("env", f"A={number}") for number in range(3))
    found = [build(tmp_path, steps)[0].path for steps in (kept, old, fresh)]
    broken = tmp_path / ("ab" * 16)
    broken.mkdir()
    for path in found[:2]:
        long_ago = time.time() - UNUSED_S - 60
        os.utime(path, (long_ago, long_ago))
    asyncio.run(Environments(str(tmp_path), fetch).tidy([(steps_of(kept), {})]))
    assert [Path(path).exists() for path in found] == [True, False, True]
    assert not broken.exists()


def _others() -> list[int]:
    """Return the other minor versions of Python that this machine has."""
    there = {each.minor for each in python.find(os.environ)}
    return sorted(there - {sys.version_info.minor})


@pytest.fixture
def other() -> int:
    """Another minor version of Python than this one."""
    if not _others():
        pytest.skip("this machine has no second Python")
    return _others()[-1]


def test_another_minor_version_runs_the_same_runner(tmp_path: Path, other: int) -> None:
    """Values written by one are read by the other."""
    builder = Environments(str(tmp_path), fetch)
    steps = [spec_pb2.ImageStep(verb="base", arguments=[f"python:3.{other}-slim"])]
    image = asyncio.run(builder.build(steps, {}, Ears()))
    found = Environment.read(image.removeprefix(PREFIX))
    assert ask(found, "import sys; print(*sys.version_info[:2])") == f"3 {other}"
    value: Any = {"a": [1, None, 2.5], "b": "ü"}
    theirs = "import sys; from fnq_wire import tagged; print(tagged.decode(bytes.fromhex({!r})))"
    assert ask(found, theirs.format(tagged.encode(value).hex())) == str(value)
