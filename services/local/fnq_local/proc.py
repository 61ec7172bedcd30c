"""What the kernel knows about processes; on systems without /proc, nothing."""

from __future__ import annotations

import os

__all__ = ["began", "children"]


def began(pid: int) -> int | None:
    """Return when the process began, in ticks since boot; None when it is gone.

    With the id this names a process for ever: ids are used again. A zombie is gone.
    """
    fields = _stat(pid)
    if fields is None or fields[0] in (b"Z", b"X"):
        return None
    return int(fields[19])


def children(pid: int) -> list[int]:
    """Return the ids of the living children of `pid`, in order."""
    found = []
    for name in _entries("/proc"):
        if name.isdecimal():
            fields = _stat(int(name))
            if fields is not None and fields[0] != b"Z" and int(fields[1]) == pid:
                found.append(int(name))
    return sorted(found)


def _entries(path: str) -> list[str]:
    try:
        return os.listdir(path)
    except OSError:
        return []


def _stat(pid: int) -> list[bytes] | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The name in parentheses may hold anything, spaces and parentheses too.
            return file.read().rpartition(b")")[2].split()
    except OSError:
        return None
