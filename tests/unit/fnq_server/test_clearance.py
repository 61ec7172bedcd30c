"""Directories that go whatever the modes of their folders."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fnq_server import clearance
from fnq_server.clearance import clear_away
from fnq_server.image.environments.room import Room
from fnq_server.volume.folders import VolumeFolders
from tests.apart import NOBODY


@pytest.fixture
def folder() -> Iterator[Path]:
    """A directory of a user whom modes hold back, which this process is meanwhile."""
    # Not where the other tests' are, which only their own user may enter.
    made = Path(tempfile.mkdtemp(dir="/tmp"))
    was_root = os.geteuid() == 0
    if was_root:
        os.chown(made, NOBODY, NOBODY)
        os.seteuid(NOBODY)
    try:
        yield made
    finally:
        if was_root:
            os.seteuid(0)
        os.system(f"chmod -R u+rwx {made}")  # noqa: S605 - as it came from the system
        shutil.rmtree(made)


def _lock(folder: Path) -> Path:
    """Make a folder with folders in it that let nobody in; return the one around."""
    for mode in (0o000, 0o300, 0o500):
        deep = folder / "home" / f"{mode:o}" / "deep"
        deep.mkdir(parents=True)
        (deep / "file").write_text("x")
        deep.parent.chmod(mode)
    (folder / "home" / "link").symlink_to("/")
    return folder


def test_folders_that_let_nobody_in_go_as_well(folder: Path) -> None:
    """What a link leads to stays as it is."""
    clear_away(str(_lock(folder / "a")))
    assert not (folder / "a").exists()
    assert Path("/").stat().st_mode & 0o055 == 0o055


def test_rooms_and_volumes_go_with_such_folders(folder: Path) -> None:
    """Cleared for the next build, or removed; a volume at once."""
    room = Room(str(_lock(folder / "room")))
    room.clear()
    assert list((folder / "room").iterdir()) == []
    _lock(folder / "volumes" / "default" / "v")
    VolumeFolders(str(folder / "volumes"), ()).delete("default", "v")
    assert os.listdir(folder / "volumes") == ["default"]


def test_two_may_remove_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the other was faster with is no fault."""
    _lock(folder / "a")

    def gone(path: str) -> None:
        os.system(f"chmod -R u+rwx {path} && rm -r {path}/home/500")  # noqa: S605
        _let_in(path)

    _let_in = clearance._let_in
    monkeypatch.setattr(clearance, "_let_in", gone)
    clear_away(str(folder / "a"))
    clear_away(str(folder / "a"))
    assert not (folder / "a").exists()
