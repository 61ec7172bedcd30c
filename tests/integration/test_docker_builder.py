"""Images built by a real engine, pushed to and pulled from a real registry."""

from __future__ import annotations

import asyncio
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from fnq.v1 import spec_pb2
from fnq_server.image.docker.builder import DockerBuilder
from fnq_server.image.docker.door import DockerDoor
from fnq_wire.archive import Member, pack
from fnq_wire.contained import PREFIX
from fnq_wire.error import ImageBuildError
from tests.integration.containers import engine, python
from tests.loop import eventually
from tests.registry import registry, tags

pytestmark = [pytest.mark.integration, pytest.mark.images, pytest.mark.timeout(240)]


class Door(DockerDoor):
    """A door that counts what it has the engine build."""

    def __init__(self) -> None:
        super().__init__()
        self.builds = 0
        self.tags: set[str] = set()

    async def build(self, context: bytes, tag: str, labels: Mapping[str, str], hear: Any) -> None:
        """Count, and build."""
        self.builds += 1
        if tag:
            self.tags.add(tag)
        await super().build(context, tag, labels, hear)


class House:
    """A builder of a server, what it said, and files that deployers have brought."""

    def __init__(self, where: str = "") -> None:
        self.door = Door()
        self.said: list[tuple[str, str]] = []
        self.files: dict[str, bytes] = {}
        self.builder = DockerBuilder(self._file, where, self.door)

    async def _file(self, digest: str) -> bytes | None:
        return self.files.get(digest)

    def add(self, **members: Member) -> str:
        """Bring files; return the hash of their zip."""
        digest, data = pack(members)
        self.files[digest] = data
        return digest

    async def build(self, *steps: tuple[str, ...]) -> str:
        """Build an image; return what is behind "docker:" in its name."""
        name = await self.builder.build(_steps(steps), {}, lambda *words: self.said.append(words))
        assert name == await self.builder.built(_steps(steps), {})
        assert name.startswith(PREFIX)
        return name.removeprefix(PREFIX)


def _steps(steps: tuple[tuple[str, ...], ...]) -> list[spec_pb2.ImageStep]:
    return [spec_pb2.ImageStep(verb=verb, arguments=words) for verb, *words in steps]


def _run(image: str, command: str) -> str:
    words = ["docker", "run", "--rm", "--network", "host", image, "/bin/sh", "-c", command]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def base() -> Iterator[tuple[str, ...]]:
    """The first step of an image that no run before has built."""
    name = python.have()
    fresh = f"fnq-test-{uuid.uuid4().hex[:8]}:1"
    dockerfile = f"FROM {name}\nENV RUN={fresh}\n".encode()
    command = ["docker", "build", "-q", "-t", fresh, "-"]
    subprocess.run(command, input=dockerfile, capture_output=True, check=True)
    yield ("base", fresh)
    python.remove(fresh)


@pytest.fixture
def house() -> Iterator[House]:
    """A builder without a registry; its images go."""
    made = House()
    yield made
    python.remove(*made.door.tags)


async def test_an_image_is_built_pushed_pulled_and_then_found(
    base: tuple[str, ...], tmp_path: Path
) -> None:
    """Also by another server; and one that lost it pulls it by its digest."""
    steps = (base, ("run", "pip install cowsay==6.1"))
    with registry(tmp_path) as address:
        house, other = House(f"{address}/team"), House(f"{address}/team")
        assert await house.builder.built(_steps(steps), {}) is None
        image = await house.build(*steps)
        repository, digest = image.split("@")
        assert repository == f"{address}/team/fnq-image"
        assert digest.startswith("sha256:")
        assert len(tags(address, "team/fnq-image")) == 1
        step = "step 2/2 pip install cowsay==6.1"
        assert (step, "") in house.said
        assert (step, "Successfully installed cowsay-6.1") in house.said
        python.remove(*house.door.tags)
        assert await other.build(*steps) == await house.build(*steps) == image
        assert (house.door.builds, other.door.builds, other.said) == (2, 0, [])
        assert "6.1" in _run(image, "pip show cowsay")
        python.remove(image)


async def test_an_image_of_an_engine_alone_is_found_by_its_name(
    base: tuple[str, ...], house: House
) -> None:
    """Without a registry; the second time nothing is built."""
    image = await house.build(base, ("env", "A=$HOME 'x'"), ("workdir", "/srv/a b"))
    assert await house.build(base, ("env", "A=$HOME 'x'"), ("workdir", "/srv/a b")) == image
    assert house.door.builds == 2
    assert _run(image, 'printf %s "$A:$PWD"') == "$HOME 'x':/srv/a b"


async def test_what_a_runner_needs_is_beside_the_packages_of_the_user(
    base: tuple[str, ...], house: House
) -> None:
    """Only what the image has not; and no Python finds it that is not told to."""
    image = await house.build(base, ("run", "pip uninstall -q -y greenlet"))
    assert _run(image, "ls /opt/fnq/code").split() == ["chalkcompute", "fnq_runner", "fnq_wire"]
    assert "greenlet" in _run(image, "ls /opt/fnq/site")
    assert "pyarrow" not in _run(image, "ls /opt/fnq/site")
    assert _run(image, "python -c 'import greenlet' 2>&1 || true").endswith("'greenlet'\n")


async def test_two_who_want_one_image_have_one_build(base: tuple[str, ...], house: House) -> None:
    """Both hear of it."""
    steps = (base, ("run", "echo only once"))
    first, second = await asyncio.gather(house.build(*steps), house.build(*steps))
    assert first == second
    assert house.door.builds == 2
    assert house.said.count(("step 2/2 echo only once", "only once")) == 2


async def test_a_build_that_nobody_waits_for_any_more_is_given_up(
    base: tuple[str, ...], house: House
) -> None:
    """By the engine too, in the middle of a step that says nothing."""
    task = asyncio.ensure_future(house.build(base, ("run", "echo begun; exec sleep 4567")))
    await eventually(lambda: ("step 2/2 echo begun; exec sleep 4567", "begun") in house.said, 30)
    assert _sleeps()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await eventually(lambda: not _sleeps(), 15)


def _sleeps() -> bool:
    return subprocess.run(["pgrep", "-f", "sleep 4567$"], capture_output=True).returncode == 0


async def test_files_folders_and_requirements_are_in_the_image(
    base: tuple[str, ...], house: House
) -> None:
    """With the right to run, links as links, and empty folders."""
    one = house.add(file=Member(b"#!/bin/sh\necho ran", may_run=True))
    many = house.add(**{"a/b.txt": Member(b"b"), "link": Member(link="a/b.txt"), "none/": Member()})
    image = await house.build(
        base,
        ("add_file", "/usr/local/bin/it's $x", one),
        ("add_dir", "/srv/data", many),
        ("pip", "-r", "# comment\ncowsay==6.1\n"),
        ("entrypoint", "/usr/bin/env", "B=from the entrypoint"),
    )
    assert _run(image, '"it\'s \\$x"; cat /srv/data/link; readlink /srv/data/link') == (
        "ran\nba/b.txt\n"
    )
    assert _run(image, 'ls /srv/data; printf %s "$B"') == "a\nlink\nnone\nfrom the entrypoint"
    assert "6.1" in _run(image, "pip show cowsay")


async def test_a_dockerfile_is_a_start_and_its_user_stays(
    base: tuple[str, ...], house: House
) -> None:
    """What starts by itself in it does not; what fnq adds is added by root."""
    text = f'FROM {base[1]}\nRUN useradd joe\nUSER joe\nENTRYPOINT ["false"]\n'
    image = await house.build(("dockerfile", text), ("dockerfile_commands", "RUN id\nENV A=1"))
    assert _run(image, "id -un; printenv A; ls -ld /opt/fnq | cut -d' ' -f3") == "joe\n1\nroot\n"


@pytest.mark.parametrize(
    ("steps", "error"),
    [
        (
            [("run", "true"), ("run", "echo one; echo two >&2; exit 7")],
            r"step 3/3 echo one; echo two >&2; exit 7 failed with exit code 7\n(one\ntwo|two\none)",
        ),
        ([("pip", "fnq-no-such-package==1")], r"step 2/2 pip install .* failed with exit code 1\n"),
        (
            [("run", "true"), ("add_dir", "/x", "ab" * 32)],
            "files that its image adds are not stored any more: deploy again",
        ),
        (
            [("run", "rm -f /usr/bin/python3 /opt/python/bin/python*")],
            "fnq's runner failed with exit code 127\nthis image has no Python on its path",
        ),
    ],
)
async def test_a_build_that_fails_says_at_which_step_and_why(
    base: tuple[str, ...], house: House, steps: list[tuple[str, ...]], error: str
) -> None:
    """With the last lines of that step."""
    with pytest.raises(ImageBuildError, match=error):
        await house.build(base, *steps)


async def test_an_unknown_base_is_named_with_what_the_registry_says(
    house: House, tmp_path: Path
) -> None:
    """And with where to look."""
    engine.require()
    with registry(tmp_path) as address:
        name = f"{address}/no/such:image"
        with pytest.raises(
            ImageBuildError,
            match=f"the base image '{name}' cannot be had: .*(unknown|not found).*Check its name",
        ):
            await house.build(("base", name))
