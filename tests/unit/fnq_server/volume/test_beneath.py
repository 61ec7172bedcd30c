"""Files below a directory: no name leads out of it, and none is there in part."""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fnq_server.volume.beneath import Beneath, PathError

#: Of renameat2(2).
_HERE, _EXCHANGE = -100, 2


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    """A directory beside a secret, with a file, a folder, and links of all kinds."""
    (tmp_path / "secret").write_text("do not touch")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "kept").write_text("do not touch")
    folder = tmp_path / "volume"
    (folder / "sub").mkdir(parents=True)
    (folder / "file").write_text("here")
    (folder / "to-file").symlink_to("../secret")
    (folder / "to-folder").symlink_to("../outside")
    (folder / "absolute").symlink_to(tmp_path / "outside")
    (folder / "sub" / "up").symlink_to("../..")
    return folder


@pytest.fixture
def files(inside: Path) -> Iterator[Beneath]:
    """The directory, opened."""
    with Beneath(str(inside)) as opened:
        yield opened


HOSTILE = [
    *(b"..", b"../secret", b"sub/../../secret", b"/../secret", b"to-folder/kept", b"to-file/x"),
    *(b"absolute/kept", b"sub/up/secret", b"sub/up/outside/kept", b"a\0b", b"./../x"),
]


@pytest.mark.parametrize("path", HOSTILE)
def test_no_path_leads_out(files: Beneath, inside: Path, path: bytes) -> None:
    """Neither to look nor to read, write, link or remove; what lies outside stays as it was."""

    def put() -> None:
        upload = files.begin(path, 0o600)
        upload.close()

    for attempt in (
        lambda: files.entry(path),
        lambda: list(files.look(path)),
        lambda: list(files.walk(path)),
        lambda: files.reading(path).__enter__(),
        lambda: files.make_folder(path + b"/new", 0o700),
        lambda: files.make_link(path, b"x") if b"\0" in path or b".." in path else _refuse(path),
        lambda: files.remove(path, recursive=True),
        put,
    ):
        with pytest.raises(PathError, match=r"link|'\.\.'|zero byte|nothing is there"):
            attempt()
    assert (inside.parent / "secret").read_text() == "do not touch"
    assert sorted(os.listdir(inside.parent)) == ["outside", "secret", "volume"]
    assert os.listdir(inside.parent / "outside") == ["kept"]


def _refuse(path: bytes) -> None:
    raise PathError(path, "a link is in it")


def test_a_folder_that_is_exchanged_for_a_link_at_any_moment_leads_nowhere(
    files: Beneath, inside: Path
) -> None:
    """As user code might do while files are put, listed and removed there."""
    (inside / "other").symlink_to(inside.parent / "outside")
    libc, over = ctypes.CDLL(None), threading.Event()
    two = [os.fsencode(inside / each) for each in ("sub", "other")]

    def exchange() -> None:
        while not over.is_set():
            assert libc.renameat2(_HERE, two[0], _HERE, two[1], _EXCHANGE) == 0

    villain = threading.Thread(target=exchange)
    villain.start()
    went = 0
    try:
        for _ in range(2_000):
            with contextlib.suppress(PathError):
                upload = files.begin(b"sub/new", 0o600)
                try:
                    upload.commit()
                finally:
                    upload.close()
                went += 1
            with contextlib.suppress(PathError):
                assert b"kept" not in [each.path for each in files.look(b"sub")]
            with contextlib.suppress(PathError):
                files.remove(b"sub/kept", recursive=True)
    finally:
        over.set()
        villain.join()
    assert went
    assert os.listdir(inside.parent / "outside") == ["kept"]


def test_a_link_is_shown_and_never_gone_through(files: Beneath) -> None:
    """It has where it leads; reading it is refused."""
    found = files.entry(b"to-file")
    assert (found.kind, found.target) == ("link", b"../secret")
    with pytest.raises(PathError, match="links are not followed"), files.reading(b"to-file"):
        pass


def test_removing_a_link_removes_the_link(files: Beneath, inside: Path) -> None:
    """What it leads to stays, also where a folder with links in it is removed."""
    files.remove(b"to-folder", recursive=True)
    files.remove(b"sub", recursive=True)
    assert sorted(os.listdir(inside)) == ["absolute", "file", "to-file"]
    assert (inside.parent / "outside" / "kept").exists()
    with pytest.raises(PathError, match="fnq volume delete"):
        files.remove(b"/", recursive=True)


def test_a_folder_is_walked_with_all_that_is_in_it(files: Beneath, inside: Path) -> None:
    """Each folder before what is in it; files are open to read, and nothing else is."""
    os.mkfifo(inside / "pipe")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(inside / "sub" / "sock"))
    found = []
    for entry, descriptor in files.walk(b""):
        data = os.read(descriptor, 10) if entry.kind == "file" else b""
        found.append((entry.path, entry.kind, data))
    assert found == [
        (b"absolute", "link", b""),
        (b"file", "file", b"here"),
        (b"pipe", "other", b""),
        (b"sub", "folder", b""),
        (b"sub/sock", "other", b""),
        (b"sub/up", "link", b""),
        (b"to-file", "link", b""),
        (b"to-folder", "link", b""),
    ]
    assert files.usage() == (4, 1)
    # A pipe without a writer is not waited for.
    with pytest.raises(PathError, match="no file is there"), files.reading(b"pipe"):
        pass


def test_folders_without_end_end(files: Beneath) -> None:
    """A hundred in each other are walked; more are refused, and no descriptor is left."""
    files.make_folder(b"/".join([b"d"] * 120), 0o700)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(PathError, match="more than 100 folders"):
        list(files.walk(b""))
    assert files.usage() == (4, 1)
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("named", [False, True])
def test_a_file_is_there_once_it_is_whole(
    files: Beneath, inside: Path, named: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In place of another, with its mode; also where a file system has no nameless files."""
    if named:
        # Of a directory that is to be opened as a file with a name: it cannot be.
        monkeypatch.setattr(os, "O_TMPFILE", os.O_DIRECTORY | os.O_CREAT)
    upload = files.begin(b"new/deep/file", 0o4751)
    upload.write(b"one ")
    assert not (inside / "new" / "deep" / "file").exists()
    upload.write(b"two")
    upload.commit()
    upload.close()
    made = inside / "new" / "deep" / "file"
    assert made.read_text() == "one two"
    # Permissions are kept, and no right to run as somebody else.
    assert stat.S_IMODE(made.stat().st_mode) == 0o751
    broken = files.begin(b"new/deep/file", 0o600)
    broken.write(b"half")
    broken.close()
    assert made.read_text() == "one two"
    assert os.listdir(inside / "new" / "deep") == ["file"]


def test_what_is_in_the_way_is_named(files: Beneath, inside: Path) -> None:
    """A file where a folder should be, a folder where a file should be; nothing is left."""
    with pytest.raises(PathError, match="'file/x': what should be a folder is a file"):
        files.begin(b"file/x", 0o600)
    upload = files.begin(b"sub", 0o600)
    with pytest.raises(PathError, match="'sub': no file is there, but a folder"):
        upload.commit()
    upload.close()
    with pytest.raises(PathError, match="what should be a folder"):
        files.make_folder(b"file", 0o700)
    with pytest.raises(PathError, match="nothing is there") as told:
        files.entry(b"none")
    assert told.value.missing
    with pytest.raises(PathError, match="the folder is not empty"):
        files.remove(b"sub", recursive=False)
    assert not [each for each in os.listdir(inside) if each.startswith(".fnq")]


def test_names_need_not_be_text(files: Beneath, inside: Path) -> None:
    """They travel as the bytes that they are."""
    upload = files.begin(b"\xff\xfe", 0o600)
    upload.commit()
    upload.close()
    assert b"\xff\xfe" in [each.path for each in files.look(b"")]
    files.remove(b"\xff\xfe", recursive=False)


@pytest.mark.parametrize("path", [b"", b"/", b"./"])
def test_the_directory_itself_is_a_folder_and_nothing_else(files: Beneath, path: bytes) -> None:
    """Made already; neither a file nor a link can take its place."""
    files.make_folder(path, 0o700)
    for attempt in (
        lambda: files.make_link(path, b"x"),
        lambda: files.begin(path, 0o600),
        lambda: files.remove(path, recursive=True),
        lambda: files.reading(path).__enter__(),
    ):
        with pytest.raises(PathError):
            attempt()
