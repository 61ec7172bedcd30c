"""Where a stack keeps its state and its sockets."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fnq_local.place import Place
from fnq_wire.error import StackError


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A place where nothing is yet, with a runtime directory short enough for sockets."""
    with tempfile.TemporaryDirectory(dir=os.environ["XDG_RUNTIME_DIR"]) as above:
        yield Place(str(tmp_path / "state"), os.path.join(above, "run"))


def test_directories_are_for_their_owner_alone(place: Place) -> None:
    """State and runtime directory have mode 0700, also when they existed otherwise."""
    os.makedirs(place.runtime, mode=0o755)
    place.prepare_state()
    place.claim_runtime()
    for path in (place.state, place.logs, place.work, place.runtime):
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o700
    place.remove_runtime()
    assert not os.path.exists(place.runtime)
    place.remove_runtime()


def test_what_a_dead_stack_left_is_cleared(place: Place) -> None:
    """Old sockets and files go; a directory among them is an error that names it."""
    place.claim_runtime()
    Path(place.socket("redis")).touch()
    place.clear_runtime()
    assert os.listdir(place.runtime) == []
    os.mkdir(place.socket("server"))
    with pytest.raises(StackError, match=r"server\.sock is a directory"):
        place.clear_runtime()


def test_a_link_in_place_of_the_runtime_directory_is_refused(place: Place, tmp_path: Path) -> None:
    """Nobody can lead a stack to a directory of theirs."""
    os.symlink(tmp_path, place.runtime)
    with pytest.raises(StackError, match="symbolic link"):
        place.claim_runtime()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make a directory that is not its own")
def test_a_directory_of_another_user_is_refused(place: Place) -> None:
    """The error names both users."""
    os.makedirs(place.runtime)
    os.chown(place.runtime, 4242, -1)
    with pytest.raises(StackError, match="belongs to user 4242, not to you"):
        place.claim_runtime()


def test_a_file_in_place_of_the_runtime_directory_is_refused(place: Place) -> None:
    """The error says what it is."""
    Path(place.runtime).touch()
    with pytest.raises(StackError, match="is not a directory"):
        place.claim_runtime()


def test_a_path_too_long_for_a_socket_is_refused(tmp_path: Path) -> None:
    """The error comes before anything is made, with the remedy."""
    place = Place(str(tmp_path / "state"), f"/tmp/{'x' * 90}")
    with pytest.raises(StackError, match=r"too long for a socket.*XDG_RUNTIME_DIR"):
        place.claim_runtime()


def test_a_full_disk_is_refused(place: Place) -> None:
    """A disk with less room than Redis needs is named, with how much is left."""
    with pytest.raises(StackError, match=r"disk full: \d+ MiB left"):
        place.prepare_state(least_free=1 << 60)


def test_a_state_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    """The error names the path and the setting that moves it."""
    (tmp_path / "file").touch()
    with pytest.raises(StackError, match=r"cannot make .*/file/state: .*FNQ_HOME"):
        Place(str(tmp_path / "file" / "state"), "/tmp/unused").prepare_state()
