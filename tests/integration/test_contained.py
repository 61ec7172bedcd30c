"""Functions that run in containers of their image, on a stack with a real engine."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.containers import python
from tests.livestack import Stack, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.images, pytest.mark.timeout(120)]

PROGRAM = Path(__file__).parent / "programs" / "contained.py"

#: Directories that every container is given.
_OWN_MOUNTS = 3


class ContainerStack(Stack):
    """A stack whose images are built with Docker."""

    @property
    def env(self) -> dict[str, str]:
        """The environment in which a script uses this stack."""
        # Not Stack.env's home: the engine's program looks for its settings there.
        return super().env | {"FNQ_BUILDER": "docker"}

    def run(self, *words: str) -> list[str]:
        """Run the program, and return what it printed."""
        return self.script(PROGRAM, python.NAME, *words).splitlines()

    def containers(self) -> list[dict[str, Any]]:
        """Return what the engine knows of the containers of this stack."""
        label = f"label=fnq.stack={os.path.realpath(self.home / 'state')}"
        ids = _docker("ps", "-aq", "--no-trunc", "--filter", label).split()
        # One may be gone since: the others are told all the same.
        told = subprocess.run(["docker", "inspect", *ids], capture_output=True, text=True).stdout
        found: list[dict[str, Any]] = json.loads(told) if ids else []
        return found

    def shared(self) -> dict[str, Any]:
        """Return the one container without limits and volumes."""
        (found,) = (
            each
            for each in self.containers()
            if not each["HostConfig"]["Memory"] and len(each["Mounts"]) == _OWN_MOUNTS
        )
        return found


def _docker(*words: str) -> str:
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def contained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ContainerStack]:
    """A stack that the tests of this file share; its image goes with it."""
    python.have()
    before = _images()
    made = ContainerStack(tmp_path_factory.mktemp("stack"))
    try:
        yield made
    finally:
        made.down()
        wait_until("the containers are gone", lambda: not made.containers())
        python.remove(*(_images() - before))


def _images() -> set[str]:
    return set(_docker("images", "-q", "--filter", "label=fnq.image").split())


def test_functions_answer_from_inside_their_image(contained: ContainerStack) -> None:
    """Values, chunks, large values that are mapped, and nested calls; as the user of the stack."""
    path, text = python.MARKER
    assert contained.run("all", path) == [
        str((text, "yes", "beavis", "/srv/here", os.getuid())),
        "[0, 1, 2, 3]",
        "True",
        text,
    ]


def test_functions_of_one_image_share_a_container(contained: ContainerStack) -> None:
    """It has no more of the stack than one socket, the bundles and the spool."""
    contained.run("all", python.MARKER[0])
    targets = [os.path.basename(each["Destination"]) for each in contained.shared()["Mounts"]]
    assert sorted(re.sub(r"zygote-\d+", "zygote", each) for each in targets) == [
        "spool",
        "work",
        "zygote.cell",
    ]
    runners = {each["function"] for each in contained.processes("runner")}
    assert {"where", "count", "reverse", "outer"} <= runners


def test_an_unknown_base_fails_the_deploy_with_its_name(contained: ContainerStack) -> None:
    """And with what the registry says; the script ends with it."""
    with contained.start(PROGRAM, "127.0.0.1:1/no/such:image", "limited") as script:
        said = script.communicate(timeout=60)[0]
    assert script.returncode == 1
    assert "ImageBuildError" in said
    assert "the base image '127.0.0.1:1/no/such:image' cannot be had: " in said
    assert "connection refused" in said


def test_a_call_in_a_container_is_cancelled(contained: ContainerStack) -> None:
    """And the next one runs."""
    assert contained.run("cancel") == ["cancelled", "True"]


def test_a_volume_is_mounted_in_a_container(contained: ContainerStack) -> None:
    """Which is another one than that of functions without."""
    assert contained.run("note", "one") == ["['one']"]
    assert contained.run("note", "two") == ["['one', 'two']"]
    assert "one" in contained.fnq("volume", "list", "notes").stdout


def test_a_worker_with_limits_has_a_container_of_its_own(contained: ContainerStack) -> None:
    """With these limits."""
    assert contained.run("limited") == ["yes"]
    limits = [
        (each["HostConfig"]["Memory"], each["HostConfig"]["NanoCpus"])
        for each in contained.containers()
    ]
    assert (256 << 20, 500_000_000) in limits


def test_a_runner_that_is_killed_in_its_container_is_replaced(
    contained: ContainerStack, tmp_path: Path
) -> None:
    """Its call runs again: process ids are those of the machine."""
    # Bundles lie where the container has them too.
    mark = contained.home / "state" / "work" / "begun"
    with contained.start(PROGRAM, python.NAME, "again", str(mark)) as script:
        wait_until("the call runs", mark.exists, 40)
        os.kill(contained.pid("runner", "sleep"), signal.SIGKILL)
        assert script.communicate(timeout=60)[0].splitlines()[-1] == "True"


def test_a_container_that_is_killed_is_replaced(contained: ContainerStack) -> None:
    """Its agents start again, with another one, and calls run again."""
    mark = contained.home / "state" / "work" / "began"
    with contained.start(PROGRAM, python.NAME, "again", str(mark)) as script:
        wait_until("the call runs", mark.exists, 40)
        _docker("kill", contained.shared()["Id"])
        assert script.communicate(timeout=60)[0].splitlines()[-1] == "True"


def test_a_supervisor_that_is_killed_leaves_no_container(contained: ContainerStack) -> None:
    """The zygote ends with what it is tied to; the next stack begins anew."""
    contained.run("all", python.MARKER[0])
    assert contained.containers()
    os.kill(contained.pid("supervisor"), signal.SIGKILL)
    wait_until("the containers are gone", lambda: not contained.containers())
    assert contained.run("all", python.MARKER[0])[0].startswith("('made")


def test_a_stack_that_ends_leaves_no_container(contained: ContainerStack) -> None:
    """Nor one that does not answer any more."""
    contained.run("all", python.MARKER[0])
    os.kill(contained.shared()["State"]["Pid"], signal.SIGSTOP)
    contained.down()
    assert contained.containers() == []
