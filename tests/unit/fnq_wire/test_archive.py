"""Zips of files that are the same for equal files."""

from __future__ import annotations

import contextlib
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnq_wire.archive import Member, pack, read
from fnq_wire.bundle import BundleError

NAMES = st.text(st.sampled_from("abcü ."), min_size=1, max_size=4).filter(
    lambda name: name.strip(".") != ""
)
MEMBERS = st.dictionaries(
    NAMES,
    st.one_of(
        st.builds(Member, st.binary(max_size=9), st.booleans()),
        st.builds(Member, link=st.sampled_from(["a", "../b", "/etc"])),
    ),
    max_size=5,
)


@given(MEMBERS)
def test_what_is_packed_is_read(members: dict[str, Member]) -> None:
    """Files, links and what may be run; and packed again it is the same zip."""
    digest, data = pack(members)
    assert read(data) == members
    assert pack(dict(reversed(members.items()))) == (digest, data)


def test_an_empty_folder_stays_one() -> None:
    """Its path ends with a slash."""
    members = {"deep/empty/": Member(), "deep/full/file": Member(b"x", may_run=True)}
    assert read(pack(members)[1]) == members


def _zip(*members: tuple[str, int]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, mode in members:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            archive.writestr(entry, b"x")
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"no zip",
        _zip(("../up", 0o100644)),
        _zip(("/etc/passwd", 0o100644)),
        _zip(("link", 0o120777), ("link/inside", 0o100644)),
        _zip(("file", 0o100644), ("file/inside", 0o100644)),
    ],
)
def test_bytes_that_would_be_written_elsewhere_are_refused(data: bytes) -> None:
    """Neither outside the folder nor through a link."""
    with pytest.raises(BundleError):
        read(data)


@pytest.mark.parametrize(
    "compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
@given(data=st.data())
def test_whatever_is_damaged_is_told_as_that(compression: int, data: st.DataObject) -> None:
    """However its members are compressed, and wherever the fault is."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.writestr("a", b"hello world " * 50)
    damaged = bytearray(buffer.getvalue())
    for _ in range(3):
        place = data.draw(st.integers(0, len(damaged) - 1))
        damaged[place] = data.draw(st.integers(0, 255))
    with contextlib.suppress(BundleError):
        read(bytes(damaged))
