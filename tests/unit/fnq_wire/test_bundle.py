"""Bundles: what they hold, and that unpacking one is safe."""

from __future__ import annotations

import io
import json
import os
import stat
import zipfile
from pathlib import Path

import pytest

from fnq_wire.bundle import (
    BundleError,
    File,
    Manifest,
    Nested,
    Piece,
    unpack,
    value_path,
)
from fnq_wire.limits import MAX_BUNDLE


def zipped(**members: bytes) -> bytes:
    """Return a zip of members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def test_a_bundle_is_unpacked_as_it_was_packed(tmp_path: Path) -> None:
    """Files with what they hold, and directories."""
    unpack(zipped(**{"a/b.py": b"x = 1", "c/": b"", "é": b"2"}), tmp_path / "deep" / "out")
    out = tmp_path / "deep" / "out"
    assert (out / "a/b.py").read_bytes() == b"x = 1"
    assert (out / "c").is_dir()
    assert (out / "é").read_bytes() == b"2"
    assert stat.S_IMODE(out.stat().st_mode) == 0o755
    assert list(out.parent.iterdir()) == [out]


def test_what_may_be_executed_stays_so(tmp_path: Path) -> None:
    """No other right of the packer's survives."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, mode in (("tool", 0o100777), ("data", 0o106644)):
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            archive.writestr(entry, b"")
    unpack(buffer.getvalue(), tmp_path / "out")
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in (tmp_path / "out").iterdir()}
    assert modes == {"tool": 0o755, "data": 0o644}


@pytest.mark.parametrize(
    "name", ["../x", "a/../../x", "/etc/x", "a\\..\\x", "C:/x", "C:x", "..", ".", "a/..", "//x"]
)
def test_a_member_outside_is_refused(tmp_path: Path, name: str) -> None:
    """Nothing is written, neither there nor here."""
    with pytest.raises(BundleError, match="outside the bundle's directory"):
        unpack(zipped(**{"first": b"1", name: b"2"}), tmp_path / "in" / "out")
    assert [str(each) for each in tmp_path.rglob("*")] == [str(tmp_path / "in")]


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_a_link_or_device_is_refused(tmp_path: Path, kind: int) -> None:
    """Only files and directories travel."""
    entry = zipfile.ZipInfo("x")
    entry.external_attr = (kind | 0o777) << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(entry, b"/etc/passwd")
    with pytest.raises(BundleError, match="neither a file nor a directory"):
        unpack(buffer.getvalue(), tmp_path / "out")


@pytest.mark.parametrize(("first", "second"), [("a", "a/b"), ("a/b", "a"), ("a", "a/")])
def test_members_that_exclude_each_other_are_refused(
    tmp_path: Path, first: str, second: str
) -> None:
    """A name is a file or a directory, and one of each."""
    with pytest.raises(BundleError, match="is there twice"):
        unpack(zipped(**{first: b"1", second: b""}), tmp_path / "out")


def test_too_much_is_refused_before_it_is_written(tmp_path: Path) -> None:
    """A small zip that unpacks to more than a bundle may hold."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", bytes(MAX_BUNDLE + 1))
    with pytest.raises(BundleError, match="bytes; 67108864 are allowed"):
        unpack(buffer.getvalue(), tmp_path / "out")


@pytest.mark.parametrize("data", [b"", b"PK\5\6", b"not a zip at all", zipped(a=b"1" * 99)[:-30]])
def test_bytes_that_are_no_zip_are_refused(tmp_path: Path, data: bytes) -> None:
    """Cut short, or something else."""
    with pytest.raises(BundleError, match="not a zip, or a damaged one"):
        unpack(data, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_corrupt_member_is_refused(tmp_path: Path) -> None:
    """Its checksum tells."""
    data = zipped(a=b"payload").replace(b"payload", b"PAYLOAD")
    with pytest.raises(BundleError, match="damaged one: Bad CRC"):
        unpack(data, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_is_there_is_left_alone(tmp_path: Path) -> None:
    """Another process was faster; an empty one is filled."""
    (tmp_path / "out").mkdir()
    unpack(zipped(a=b"1"), tmp_path / "out")
    unpack(zipped(a=b"2"), tmp_path / "out")
    assert (tmp_path / "out" / "a").read_bytes() == b"1"
    assert os.listdir(tmp_path) == ["out"]


def test_a_file_in_the_place_of_the_directory_is_an_error(tmp_path: Path) -> None:
    """It is not taken for a bundle."""
    (tmp_path / "out").touch()
    with pytest.raises(OSError, match="out"):
        unpack(zipped(a=b"1"), tmp_path / "out")


def test_a_manifest_comes_back_equal() -> None:
    """And equal ones are equal bytes."""
    piece = Piece(0, 1, 2, 3, 4)
    manifest = Manifest(
        main="__fnq__/s.py",
        package="p",
        files=[File("__fnq__/s.py", ["annotations"])],
        statements=[piece],
        values={"b": 1, "a": 0},
        nested=[Nested("m", "k#1", "k", piece, True, {"c": 0}, {"d": 1})],
    )
    assert Manifest.decode(manifest.encode()) == manifest
    again = Manifest.decode(manifest.encode())
    again.values = {"a": 0, "b": 1}
    assert again.encode() == manifest.encode()


@pytest.mark.parametrize(
    "document",
    [b"{", b"[]", b"{}", b"\xff", b'{"format": 1}', b'{"format": 1, "files": 3}',
     json.dumps(json.loads(Manifest().encode()) | {"more": 1}).encode(),
     json.dumps(json.loads(Manifest().encode()) | {"statements": [{}]}).encode()],
)  # fmt: skip
def test_what_is_no_manifest_is_refused(document: bytes) -> None:
    """With an error of its own, whatever is wrong."""
    with pytest.raises(BundleError, match="the manifest of the bundle is"):
        Manifest.decode(document)


def test_another_format_is_refused() -> None:
    """What to do is said."""
    with pytest.raises(BundleError, match="another version of fnq: deploy again"):
        Manifest.decode(b'{"format": 2}')


def test_values_have_places() -> None:
    """By number, so that no name has to be a file's."""
    assert value_path(3) == "__fnq__/values/3"
