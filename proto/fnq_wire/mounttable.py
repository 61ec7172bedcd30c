"""What is mounted where, as the kernel's table of mounts says it; and how targets lie in it.

Pure: nothing here asks the system.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

__all__ = ["Mounted", "deepest", "hidden", "in_order", "is_within", "parse"]

#: Of mount(2): what a mount may not, and when reading a file is noted. A mount of the
#: system may only be mounted again with all that it has.
READ_ONLY, NO_SUID, NO_DEVICES, NO_EXEC = 1, 2, 4, 8
_NO_ATIME, _NO_DIR_ATIME, _RELATIVE_ATIME, _STRICT_ATIME = 1 << 10, 1 << 11, 1 << 21, 1 << 24
_FLAGS = {
    "ro": READ_ONLY,
    "nosuid": NO_SUID,
    "nodev": NO_DEVICES,
    "noexec": NO_EXEC,
    "noatime": _NO_ATIME,
    "nodiratime": _NO_DIR_ATIME,
    "relatime": _RELATIVE_ATIME,
}
_ESCAPED = re.compile(rb"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mounted:
    """A line of the table: an absolute path, and the flags of mount(2)."""

    path: str
    flags: int


def parse(table: bytes) -> list[Mounted]:
    """Return the lines of `/proc/self/mountinfo`, in their order."""
    return [_mounted(line.split(b" ")) for line in table.splitlines()]


def _mounted(fields: list[bytes]) -> Mounted:
    path = _ESCAPED.sub(lambda found: bytes([int(found[1], 8)]), fields[4])
    flags = 0
    for option in fields[5].decode("ascii", "replace").split(","):
        flags |= _FLAGS.get(option, 0)
    if not flags & (_NO_ATIME | _RELATIVE_ATIME):
        flags |= _STRICT_ATIME
    return Mounted(path.decode("utf-8", "surrogateescape"), flags)


def is_within(path: str, folder: str) -> bool:
    """Return whether an absolute path is a folder's own, or lies below it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def deepest(path: str, folders: Collection[str]) -> str | None:
    """Return the lowest of `folders` in which a path lies; None where it lies in none."""
    return max((each for each in folders if is_within(path, each)), key=len, default=None)


def in_order(targets: Iterable[str]) -> list[str]:
    """Return targets so that each comes after those that it lies in."""
    return sorted(targets, key=lambda path: (path.count("/"), path))


def hidden(mounts: Collection[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield target and source where the one, mounted, hides the other's directory.

    `mounts` are pairs of source and target.
    """
    for _, target in mounts:
        for source, other in mounts:
            if other != target and is_within(source, target):
                yield target, source
