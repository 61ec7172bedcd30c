"""Local files on their way into a volume, and out of one: nothing leads anywhere else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from chalkcompute.cli.download import Download
from chalkcompute.cli.upload import leads_out, parts
from fnq.v1 import volumes_pb2


def _get_part(path: bytes, kind: str = "file", **more: object) -> volumes_pb2.GetPart:
    return volumes_pb2.GetPart(entry=volumes_pb2.VolumeEntry(path=path, kind=kind, **more))  # type: ignore[arg-type]


def _tree(folder: Path) -> None:
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "run.sh").write_text("run")
    (folder / "sub" / "run.sh").chmod(0o750)
    (folder / "empty").touch()
    (folder / "link").symlink_to("sub/run.sh")
    (folder / "out").symlink_to("../secret")
    (folder / "far").symlink_to("/etc/passwd")
    os.mkfifo(folder / "pipe")


def test_a_folder_is_sent_with_all_that_belongs_in_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Links that lead out, and what is no file, stay; each is said."""
    _tree(tmp_path / "d")
    found = [(each.entry, each.data, each.last) for each in parts(str(tmp_path / "d"), b"to/d")]
    assert [(each.path, each.kind, data, last) for each, data, last in found if each.path] == [
        (b"to/d", "folder", b"", False),
        (b"to/d/empty", "file", b"", False),
        (b"to/d/link", "link", b"", False),
        (b"to/d/sub", "folder", b"", False),
        (b"to/d/sub/run.sh", "file", b"", False),
    ]
    assert found[-3][0].mode == 0o750
    assert [(data, last) for _, data, last in found[-2:]] == [(b"run", False), (b"", True)]
    said = capsys.readouterr().err
    assert [line.split(": ", 1)[1].split("/")[-1] for line in said.splitlines()] == [
        "far is a link to somewhere else",
        "out is a link to somewhere else",
        "pipe is neither a file nor a folder",
    ]


def test_what_is_sent_comes_back_as_it_was(tmp_path: Path) -> None:
    """Contents, modes and links, in place of what is there."""
    _tree(tmp_path / "d")
    (tmp_path / "back" / "sub").mkdir(parents=True)
    (tmp_path / "back" / "sub" / "run.sh").write_text("an older one")
    with Download(str(tmp_path / "back")) as download:
        for part in parts(str(tmp_path / "d"), b""):
            if not part.last:
                entry = part.entry if part.HasField("entry") else None
                download.take(volumes_pb2.GetPart(entry=entry, data=part.data))
    assert (download.files, download.bytes) == (2, 3)
    back = tmp_path / "back"
    assert (back / "sub" / "run.sh").read_text() == "run"
    assert (back / "sub" / "run.sh").stat().st_mode & 0o777 == 0o750
    assert os.readlink(back / "link") == "sub/run.sh"
    assert sorted(os.listdir(back)) == ["empty", "link", "sub"]


@pytest.mark.parametrize(
    ("path", "target", "out"),
    [
        (b"a", b"b", False),
        (b"a/b", b"../c", False),
        (b"a/b", b"../../c", True),
        (b"a", b"..", True),
        (b"a", b"..b", False),
        (b"a", b"/a", True),
        (b"a/b", b"c/../../d", False),
    ],
)
def test_a_link_leads_out_by_its_words(path: bytes, target: bytes, out: bool) -> None:
    """From the folder that it lies in, at most up to the top."""
    assert leads_out(path, target) is out


@pytest.mark.parametrize("path", [b"../x", b"/x", b"a//b", b"a/../../x", b"./x"])
def test_a_path_that_a_volume_cannot_have_is_refused(tmp_path: Path, path: bytes) -> None:
    """Whatever a server sends, nothing is written outside."""
    download = Download(str(tmp_path / "in"))
    with pytest.raises(ValueError, match="no path in a volume"), download:
        download.take(_get_part(path, mode=0o600))
    assert os.listdir(tmp_path) == []


def test_nothing_is_put_through_a_link(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither one that came nor one that was there; one that leads out is not made."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "old").symlink_to(tmp_path)
    with Download(str(tmp_path / "in")) as download:
        download.take(_get_part(b"out", "link", target=b"../"))
        download.take(_get_part(b"near", "link", target=b"."))
    assert sorted(os.listdir(tmp_path / "in")) == ["near", "old"]
    assert "out is a link to somewhere else" in capsys.readouterr().err
    for path in (b"old/x", b"near/x"):
        with pytest.raises(ValueError, match="is a link, and nothing is put through it"):
            Download(str(tmp_path / "in")).take(_get_part(path, mode=0o600))
    # A link in the place of a file is replaced, not followed.
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "in" / "f").symlink_to(tmp_path / "secret")
    with Download(str(tmp_path / "in")) as download:
        download.take(_get_part(b"f", mode=0o600))
        download.take(volumes_pb2.GetPart(data=b"new"))
    assert (tmp_path / "secret").read_text() == "secret"
    assert (tmp_path / "in" / "f").read_text() == "new"


@pytest.mark.parametrize("kind", ["link", "other"])
def test_what_cannot_be_copied_is_an_error_where_it_is_all_that_was_asked_for(
    tmp_path: Path, kind: str
) -> None:
    """In a folder it is left out; alone there would be nothing, and no word of failure."""
    with pytest.raises(ValueError, match="neither a file nor a folder"):
        Download(str(tmp_path / "x")).take(_get_part(b"", kind, target=b"/etc"))
    assert os.listdir(tmp_path) == []


def test_the_folder_that_a_whole_volume_comes_to_is_not_open_to_all(tmp_path: Path) -> None:
    """The top of a volume is, for the users that workers have; a new folder is as any other."""
    (tmp_path / "other").mkdir()
    Download(str(tmp_path / "new")).take(_get_part(b"", "folder", mode=0o777))
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_file_that_does_not_come_to_its_end_is_not_kept(tmp_path: Path) -> None:
    """The one before stays, and nothing else is left."""
    (tmp_path / "f").write_text("before")

    def lose_it() -> None:
        with Download(str(tmp_path / "f")) as download:
            download.take(_get_part(b"", mode=0o600))
            download.take(volumes_pb2.GetPart(data=b"half"))
            raise ConnectionError

    with pytest.raises(ConnectionError):
        lose_it()
    assert (tmp_path / "f").read_text() == "before"
    assert os.listdir(tmp_path) == ["f"]
