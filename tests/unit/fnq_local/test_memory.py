"""The spool of a stack, in memory where there is some."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from fnq_local import memory
from fnq_wire.spool import Spool


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A directory that stands for the file system in memory, which belongs to all users."""
    made = tmp_path / "shm"
    made.mkdir()
    made.chmod(0o1777)
    return made


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Where the spool of a stack is."""
    (tmp_path / "state").mkdir()
    return str(tmp_path / "state" / "spool")


def prepare(path: str, shared: Path, least_free: int = 0) -> Path:
    """Make the spool; return where it really is."""
    memory.prepare_spool(path, str(shared), least_free)
    return Path(path).resolve()


def test_a_spool_lies_in_memory_for_its_owner_alone(path: str, shared: Path) -> None:
    """At one place for each state directory, today and tomorrow."""
    spool = prepare(path, shared)
    assert spool.parent.parent == shared
    for each in (spool, spool.parent):
        assert stat.S_IMODE(each.stat().st_mode) == 0o700
    name = Spool(path).write(b"large")
    assert prepare(path, shared, 1 << 60) == spool
    assert (spool / name).exists()


def test_a_spool_that_a_boot_has_removed_is_made_anew(path: str, shared: Path) -> None:
    """The link to it is still there."""
    spool = prepare(path, shared)
    spool.rmdir()
    spool.parent.rmdir()
    assert prepare(path, shared) == spool
    assert spool.is_dir()


@pytest.mark.parametrize("why", ["no memory", "no room", "not ours"])
def test_where_memory_cannot_be_used_the_spool_is_a_directory(
    path: str, shared: Path, why: str
) -> None:
    """Beside the rest of the state."""
    if why == "no memory":
        shared.rmdir()
    if why == "not ours":
        (shared / f"fnq-{os.getuid()}").symlink_to("/tmp")
    spool = prepare(path, shared, 1 << 60 if why == "no room" else 0)
    assert spool == Path(path)
    assert stat.S_IMODE(spool.stat().st_mode) == 0o700


def test_a_directory_that_is_in_use_stays(path: str, shared: Path) -> None:
    """What lies in it would be lost."""
    prepare(path, shared, 1 << 60)
    Spool(path).write(b"large")
    assert prepare(path, shared) == Path(path)


def test_a_link_of_somebody_elses_is_replaced(path: str, shared: Path, tmp_path: Path) -> None:
    """It may come from a copied state directory."""
    (tmp_path / "elsewhere").mkdir()
    os.symlink(tmp_path / "elsewhere", path)
    assert prepare(path, shared).parent.parent == shared


def test_what_vanished_stacks_left_is_given_back(path: str, shared: Path) -> None:
    """Their spools too, unless something in them is to be kept, or somebody uses them."""
    mine = prepare(path, shared)
    Spool(path).offer(b"of a server that was killed")
    dead, keeping, used = (mine.parent / name for name in ("dead", "keeping", "used"))
    for each in (dead, keeping, used):
        each.mkdir()
    (dead / f"v-{'a' * 32}-{'b' * 32}").write_bytes(b"left behind")
    kept = Spool(str(keeping)).adopt(Spool(str(keeping)).write(b"x"), 1, 60.0)
    Spool(str(used)).offer(b"proof-of-a-test!")
    memory.tidy(path, str(shared))
    assert sorted(mine.parent.iterdir()) == sorted([keeping, used])
    assert (keeping / kept).exists()
