"""Volumes that are directories of this machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from fnq.v1 import spec_pb2
from fnq_server.volume import folders as module
from fnq_server.volume.folders import VolumeFolders
from fnq_server.volume.seam import VolumeError, VolumeFullError, VolumeMissingError


@pytest.fixture
def volumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> VolumeFolders:
    """Volumes of a machine on which anything can be mounted."""
    monkeypatch.setattr(module, "_TRIES", ("true",))
    return VolumeFolders(str(tmp_path / "volumes"), ["/opt/python"])


def _mounts(*pairs: tuple[str, str], image: str = "") -> spec_pb2.FunctionSpec:
    """Return the spec of a function that mounts volumes."""
    spec = spec_pb2.FunctionSpec(name="f")
    for name, path in pairs:
        spec.volumes.add(volume=name, path=path)
    if image:
        spec.image.add(verb="base", arguments=[image])
    return spec


def test_a_volume_is_made_once_and_stays(volumes: VolumeFolders, tmp_path: Path) -> None:
    """Its files are nobody else's; namespaces have their own."""
    volumes.prepare("default", _mounts(("a", "/a"), ("b", "/b")))
    folder = tmp_path / "volumes" / "default" / "a"
    assert folder.stat().st_mode & 0o777 == 0o700
    (folder / "x").write_text("x")
    volumes.prepare("default", _mounts(("a", "/elsewhere")))
    assert (folder / "x").exists()
    assert (volumes.names("default"), volumes.names("other")) == (["a", "b"], [])
    assert (volumes.names(".."), volumes.names("\0")) == ([], [])


def test_a_volume_that_is_deleted_is_gone_with_its_files(
    volumes: VolumeFolders, tmp_path: Path
) -> None:
    """Also what its owner may not write; one of the name may be made at once."""
    volumes.make("default", "a")
    locked = tmp_path / "volumes" / "default" / "a" / "locked"
    locked.mkdir()
    (locked / "x").write_text("x")
    locked.chmod(0o500)
    volumes.delete("default", "a")
    assert os.listdir(tmp_path / "volumes") == ["default"]
    with pytest.raises(VolumeMissingError, match="no volume 'a' in namespace 'default'; there are"):
        volumes.delete("default", "a")
    volumes.make("default", "a")
    assert volumes.names("default") == ["a"]


def test_what_a_dying_server_left_of_a_volume_is_swept(
    volumes: VolumeFolders, tmp_path: Path
) -> None:
    """Nothing else is."""
    volumes.sweep()
    volumes.make("default", "a")
    (tmp_path / "volumes" / ".deleted-1" / "deep").mkdir(parents=True)
    volumes.sweep()
    assert os.listdir(tmp_path / "volumes") == ["default"]


def test_a_full_disk_is_told_with_the_volume_the_room_and_the_remedy(
    volumes: VolumeFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the deploy, before a function finds out."""
    monkeypatch.setattr(module, "_LEAST_FREE", 1 << 60)
    with pytest.raises(
        VolumeFullError, match=r"volume 'a' is full: .* has \d+ bytes left \(.*; remove files with"
    ):
        volumes.prepare("default", _mounts(("a", "/a")))


@pytest.mark.parametrize(
    ("mounts", "words"),
    [
        ([("a", "/proc")], "volume 'a': expected a directory of its own"),
        ([("a", "/opt")], "volume 'a': expected a directory of its own"),
        ([("../a", "/a")], "volume '../a': expected at most 128 letters"),
        ([("a", "/opt/python")], "it would hide /opt/python, which its workers need"),
        ([("a", "/x"), ("b", "/x/y")], "two volumes are mounted at /x and /x/y"),
    ],
)
def test_mounts_that_no_worker_could_have_are_refused(
    volumes: VolumeFolders, mounts: list[tuple[str, str]], words: str
) -> None:
    """Whatever the decorator that asked let pass."""
    with pytest.raises(VolumeError) as told:
        volumes.prepare("default", _mounts(*mounts))
    assert words in str(told.value)


def test_a_machine_on_which_nothing_can_be_mounted_says_so_until_it_can(
    volumes: VolumeFolders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried again by each deploy, and once it works never more."""
    switch = tmp_path / "switch"
    script = f"import os, sys; os.path.exists({str(switch)!r}) or sys.exit('run it as root')"
    monkeypatch.setattr(module, "_TRIES", (sys.executable, "-c", script))
    for _ in range(2):
        with pytest.raises(VolumeError, match="'a' cannot be mounted here: run it as root"):
            volumes.prepare("default", _mounts(("a", "/a")))
    volumes.prepare("default", _mounts())
    switch.touch()
    volumes.prepare("default", _mounts(("a", "/a")))
    monkeypatch.setattr(module, "_TRIES", ("/no/such/program",))
    volumes.prepare("default", _mounts(("a", "/a")))


def test_an_engine_mounts_where_the_machine_lets_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For functions that have an image, which run in containers; the others are refused."""
    monkeypatch.setattr(module, "_TRIES", ("false",))
    volumes = VolumeFolders(str(tmp_path / "volumes"), [], contained=True)
    volumes.prepare("default", _mounts(("a", "/a"), image="python:3.12-slim"))
    with pytest.raises(VolumeError, match="'a' cannot be mounted here"):
        volumes.prepare("default", _mounts(("a", "/a")))


def test_what_cannot_be_tried_is_no_machine_for_mounts(
    volumes: VolumeFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason is told."""
    monkeypatch.setattr(module, "_TRIES", ("/no/such/program",))
    with pytest.raises(VolumeError, match=r"it cannot be tried: .*No such file"):
        volumes.prepare("default", _mounts(("a", "/a")))


def test_a_volume_that_is_deleted_while_it_is_measured_is_missing(volumes: VolumeFolders) -> None:
    """Whoever lists volumes goes on with the next."""
    with pytest.raises(VolumeMissingError):
        volumes.free("default", "gone")
