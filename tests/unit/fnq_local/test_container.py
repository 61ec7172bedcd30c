"""The command of a container: what it shares with the machine, and what it does not."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest

from fnq_local import container
from fnq_local.place import Place
from fnq_wire.error import StackError


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Return a place whose machine has a program `docker`."""
    program = tmp_path / "docker"
    program.write_text("")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    return Place(str(tmp_path / "state"), str(tmp_path / "run"))


def _mounts(command: list[str]) -> list[str]:
    return [word for flag, word in itertools.pairwise(command) if flag == "--mount"]


def test_a_container_has_one_socket_the_bundles_and_the_spool(place: Place) -> None:
    """Not the sockets of Redis and the supervisor, which lie beside its own."""
    command = container.command("docker:x@sha256:12", place.cell("zygote-1"), place)
    folder = f"{place.runtime}/zygote-1.cell"
    assert _mounts(command) == [
        f"type=bind,source={folder},target={folder}",
        f"type=bind,source={place.work},target={place.work}",
        f"type=bind,source={place.spool},target={place.spool}",
    ]
    assert command[-3:] == ["--zygote", f"{folder}/sock", "--tied"]
    # By its digest an image may be anywhere.
    assert command[command.index("--pull") + 1] == "missing"
    assert command[command.index("x@sha256:12") + 1] == "/bin/sh"


def test_a_spool_in_memory_is_found_where_its_link_lies(place: Place, tmp_path: Path) -> None:
    """Runners are told the path of the link."""
    target = tmp_path / "memory"
    target.mkdir()
    os.makedirs(place.state)
    os.symlink(target, place.spool)
    command = container.command("docker:x", place.cell("z"), place)
    assert f"type=bind,source={target},target={place.spool}" in _mounts(command)


def test_a_container_shares_processes_and_has_the_user_of_the_stack(place: Place) -> None:
    """Process ids are those of the machine, and files belong to whoever started the stack."""
    words = " ".join(container.command("docker:x", place.cell("z"), place))
    assert "--pid host --network host --ipc host" in words
    assert f"--user {os.getuid()}:{os.getgid()}" in words
    assert f"--label fnq.stack={place.state}" in words
    assert "--rm --interactive --pull never" in words
    assert f'label=$1" | xargs -r docker rm -f fnq fnq.stack={place.state}' in " ".join(
        container.tidying(place)
    )


def test_volumes_and_limits_are_what_is_asked_for(place: Place) -> None:
    """Memory counts without swap; a path may hold what separates fields."""
    mounts = [("/data/a,b", "/mnt/x", "ro"), ("/data/c", "/mnt/y", "rw")]
    limits = {"cpu_millis": 1500, "memory_bytes": 1 << 29}
    command = container.command("docker:x", place.cell("z"), place, mounts, limits)
    assert _mounts(command)[3:] == [
        'type=bind,"source=/data/a,b",target=/mnt/x,readonly',
        "type=bind,source=/data/c,target=/mnt/y",
    ]
    assert "--cpus 1.500 --memory 536870912 --memory-swap 536870912" in " ".join(command)


def test_a_machine_without_docker_says_what_to_do(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stack may have images without it."""
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(StackError, match=r"docker is not on the path .*FNQ_BUILDER=environments"):
        container.command("docker:x", place.cell("z"), place)
