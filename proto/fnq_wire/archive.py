"""Files on their way from one process to another: a zip that is the same for equal files.

Its members are stored, never compressed (no two zlibs agree), in the order of their paths,
and have no time of their own. Links stay links. Standard library only.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from fnq_wire.bundle import BundleError, unzip

__all__ = ["Member", "pack", "read"]

#: The earliest time that a zip can tell: the bytes must not depend on the clock.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
#: Of the mode of a member: its kind, and that its owner may execute it.
_KIND, _FOLDER, _PLAIN, _LINK, _EXECUTE = 0o170000, 0o040000, 0o100000, 0o120000, 0o100


@dataclass(frozen=True, slots=True)
class Member:
    """A file; a link to `link`; or an empty folder, whose path ends with "/"."""

    data: bytes = field(default=b"", repr=False)
    may_run: bool = False
    link: str = ""


def pack(members: Mapping[str, Member]) -> tuple[str, bytes]:
    """Return hash (sha256 in hex) and bytes of the zip: the same for equal members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path, member in sorted(members.items()):
            entry = zipfile.ZipInfo(path, _EPOCH)
            entry.create_system = _UNIX
            entry.external_attr = _mode(path, member) << 16
            archive.writestr(entry, member.link.encode() or member.data)
    data = buffer.getvalue()
    return hashlib.sha256(data).hexdigest(), data


def _mode(path: str, member: Member) -> int:
    if member.link:
        return _LINK | 0o777
    if path.endswith("/"):
        return _FOLDER | 0o755
    return _PLAIN | (0o755 if member.may_run else 0o644)


def read(data: bytes) -> dict[str, Member]:
    """Return the members of a zip by their paths, which all lie below its folder.

    Raises BundleError for bytes that `pack` does not make, or more than MAX_BUNDLE.
    """
    found = {each.filename: _member(each, content) for each, content in unzip(data)}
    _insist_apart(found)
    return found


def _member(info: zipfile.ZipInfo, data: bytes) -> Member:
    path, mode = PurePosixPath(info.filename), info.external_attr >> 16
    if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in info.filename:
        raise BundleError(f"member {info.filename!r} would lie outside the folder")
    if mode & _KIND == _LINK:
        return Member(link=_text(data))
    return Member(data, may_run=bool(mode & _EXECUTE) and not info.is_dir())


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as problem:
        raise BundleError(f"a link leads to what is no text: {problem}") from problem


def _insist_apart(members: Mapping[str, Member]) -> None:
    """Raise BundleError where a member would be written through another one."""
    leaves = {path for path in members if not path.endswith("/")}
    for path in members:
        for parent in PurePosixPath(path).parents:
            if str(parent) in leaves:
                raise BundleError(f"member {path!r} would be written through {str(parent)!r}")
