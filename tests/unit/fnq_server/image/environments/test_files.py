"""Files that an image adds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fnq_server.image.environments.files import lay, make_folder, points
from fnq_wire.archive import Member
from fnq_wire.error import ImageBuildError


def test_files_and_folders_lie_at_their_paths_below_the_root(tmp_path: Path) -> None:
    """Later ones replace earlier ones, folders are merged, links and modes stay."""
    root = str(tmp_path)
    lay(root, "add_file", "/app/one", {"file": Member(b"1")})
    lay(
        root,
        "add_dir",
        "/app",
        {"one": Member(b"2", may_run=True), "deep/x": Member(b"x"), "to": Member(link="deep/x")},
    )
    lay(root, "add_dir", "/app/deep", {"y": Member(b"y"), "empty/": Member()})
    assert (tmp_path / "app/one").read_text() == "2"
    assert os.access(tmp_path / "app/one", os.X_OK)
    assert (tmp_path / "app/to").read_text() == "x"
    assert sorted(os.listdir(tmp_path / "app/deep")) == ["empty", "x", "y"]


@pytest.mark.parametrize("target", ["/../../up", "/a/../../../up", "//up", "../../up"])
def test_no_path_leads_out_of_the_root(tmp_path: Path, target: str) -> None:
    """Dots lead nowhere above it."""
    lay(str(tmp_path / "root"), "add_file", target, {"file": Member(b"1")})
    assert (tmp_path / "root/up").read_text() == "1"
    for verb, place in (("add_dir", f"{target}-1"), ("add_dir", "../up-1")):
        lay(str(tmp_path / "root"), verb, place, {"x": Member(b"2")})
    make_folder(str(tmp_path / "root"), "../up-2")
    assert sorted(os.listdir(tmp_path / "root")) == ["up", "up-1", "up-2"]
    assert os.listdir(tmp_path) == ["root"]


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    """Not into a folder that an image's own link leads to."""
    root, other = str(tmp_path / "root"), tmp_path / "other"
    other.mkdir()
    lay(root, "add_dir", "/app", {"link": Member(link=str(other))})
    for verb, member in (("add_file", "file"), ("add_dir", "x")):
        with pytest.raises(ImageBuildError, match="/app/link is no folder"):
            lay(root, verb, "/app/link/inside", {member: Member(b"1")})
    lay(root, "add_file", "/app/link", {"file": Member(b"1")})
    assert os.listdir(other) == []
    with pytest.raises(ImageBuildError, match="/app/link is no folder"):
        make_folder(root, "/app/link/deep")


def test_a_folder_that_the_system_has_is_not_hidden(tmp_path: Path) -> None:
    """What is added to it is shown beside what is there; anything else is shown whole."""
    root = str(tmp_path)
    lay(root, "add_dir", "/app", {"a": Member(b"1"), "b/c": Member(b"2")})
    lay(root, "add_dir", "/etc", {"x.conf": Member(b"3"), "deep/y.conf": Member(b"4")})
    assert points(root, {"/etc"}.__contains__) == [
        (f"{root}/app", "/app"),
        (f"{root}/etc/deep", "/etc/deep"),
        (f"{root}/etc/x.conf", "/etc/x.conf"),
    ]
    assert points(f"{root}/none") == []


def test_a_link_in_a_folder_of_the_system_is_refused(tmp_path: Path) -> None:
    """It cannot be shown on its own."""
    lay(str(tmp_path), "add_dir", "/etc", {"link": Member(link="x")})
    with pytest.raises(ImageBuildError, match="/etc/link is a link"):
        points(str(tmp_path), {"/etc"}.__contains__)
