"""Images: functions with a Python, packages and files of their own."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import uuid
from pathlib import Path

import pytest

from fnq_server.image.environments import python
from tests.apart import can_mount
from tests.clusterstack import ClusterStack
from tests.index import needs_index
from tests.livestack import Stack, wait_until
from tests.spec.program import PROGRAMS, run

pytestmark = [
    pytest.mark.spec,
    pytest.mark.images,
    pytest.mark.timeout(120),
    pytest.mark.skipif(ClusterStack.named(), reason="a cluster builds its own images, with tests"),
]


@pytest.fixture(autouse=True)
def _equipped() -> None:
    needs_index()
    if why := can_mount():
        pytest.skip(why)


@pytest.fixture
def stack(stack: Stack) -> Stack:
    """That of all programs; those here wait for their images."""
    return stack.building()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the file that an image adds."""
    (tmp_path / "greeting.txt").write_text("hello")
    return tmp_path


def _logs(stack: Stack) -> dict[str, int]:
    """Return when each build of the stack said something last."""
    found = (stack.home / "state" / "environments").glob("*/build.log")
    return {str(each): each.stat().st_mtime_ns for each in found}


def test_an_image_has_its_python_packages_variables_and_files(stack: Stack, folder: Path) -> None:
    """It is built once; where the machine lacks its Python, that is said in a line."""
    done = run(stack, "images.py", str(folder))
    assert done.returncode == 0, done.stderr
    said, seen = done.stdout.splitlines()
    cow, minor = said.split(" # ")
    assert cow == "| moo |"
    assert seen == "deep blue # yes # /fnq-image-files # hello # home"
    assert minor == "12" or "this machine has no Python 3.12" in done.stderr
    assert not os.path.exists("/fnq-image-files")
    before = _logs(stack)
    again = run(stack, "images.py", str(folder))
    assert again.stdout == done.stdout
    assert "step" not in again.stderr
    assert _logs(stack) == before


def test_an_image_that_is_gone_is_built_again_for_a_call(stack: Stack, folder: Path) -> None:
    """Nobody deploys anew; the worker whose environment it was is gone with it."""
    assert run(stack, "images.py", str(folder)).returncode == 0
    # All at once, whatever is being built there.
    (stack.home / "state" / "environments").rename(stack.home / f"gone-{uuid.uuid4().hex}")
    for each in stack.processes("zygote"):
        # One that was still importing what was removed ends by itself, also just now.
        if each["pid"]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(each["pid"], signal.SIGKILL)
    done = run(stack, "images.py", str(folder), env={"FNQ_DEPLOY": "never"})
    assert done.returncode == 0, done.stderr
    assert "deep blue # yes # /fnq-image-files # hello # home" in done.stdout


@pytest.mark.parametrize(
    ("kind", "word", "texts"),
    [
        ("base", "ubuntu:24.04", ["the base 'ubuntu:24.04' is no image of a Python 3", "DOCKER"]),
        ("run", "echo so far; false", ["step 2/2 echo so far; false failed with exit", "so far"]),
        ("run", "echo hi > /etc/fnq-image", ["/etc/fnq-image: Read-only file system"]),
    ],
)
def test_an_image_that_cannot_be_built_fails_the_deploy(
    stack: Stack, kind: str, word: str, texts: list[str]
) -> None:
    """With the step, and what it printed last; the system is as it was."""
    done = run(stack, "unbuildable.py", kind, word)
    assert (done.returncode, done.stdout) == (1, "")
    assert "ImageBuildError: barred was not deployed: " in done.stderr
    assert all(text.lower() in done.stderr.lower() for text in texts), done
    assert not os.path.exists("/etc/fnq-image")


def test_a_build_is_begun_anew_when_the_server_was_killed(stack: Stack) -> None:
    """The script that deploys goes on with the next server, and nothing of before counts."""
    environments, flag = stack.home / "state" / "environments", uuid.uuid4().hex
    with stack.start(PROGRAMS / "slowbuild.py", flag) as script:
        wait_until(
            "the step runs",
            lambda: any(flag in each.read_text() for each in environments.glob("*/build.log")),
            60,
        )
        (environments / flag).touch()
        os.kill(stack.pid("server"), signal.SIGKILL)
        output, _ = script.communicate(timeout=60)
    assert "built" in output.splitlines(), output


def _others() -> list[str]:
    """Return the other minor versions of Python that this machine has."""
    there = {each.minor for each in python.find(os.environ)} - {sys.version_info.minor}
    return [f"3.{minor}" for minor in sorted(there)]


@pytest.mark.parametrize("minor", _others() or [""])
def test_functions_of_two_minor_versions_call_each_other(stack: Stack, minor: str) -> None:
    """Values, chunks and failures are the same on both sides."""
    if not minor:
        pytest.skip("this machine has no second Python")
    done = run(stack, "minors.py", minor)
    assert done.returncode == 0, done.stderr
    first, *rest = done.stdout.splitlines()
    assert first.startswith(f"{minor}.")
    assert first.partition(" | ")[2] == "cube of RED | True | True"
    assert rest == ["one | two", "LookupError: not here"]
