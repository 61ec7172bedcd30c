"""The log files of a stack: one per process, bounded."""

from __future__ import annotations

import os
from collections.abc import Collection

from fnq_wire.error import StackError

__all__ = ["LogFile", "bound", "prune"]

#: Bytes; a larger file makes room when its process starts. One older file is kept.
_MOST = 8 << 20
#: Bytes; a file that grows larger while its process runs is emptied.
_MOST_RUNNING = 128 << 20
#: Bytes at the end of a file in which its last line is looked for.
_TAIL = 4096


class LogFile:
    """The log of one process, and where its present run begins in it."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._mark = 0

    def open(self) -> int:
        """Return a descriptor to append to; note that a run begins.

        Raises StackError when the file cannot be written.
        """
        try:
            if _size(self.path) > _MOST:
                os.replace(self.path, self.path + ".1")
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            file = os.open(self.path, flags, 0o600)
        except OSError as problem:
            raise StackError(f"cannot write {self.path}: {problem.strerror}") from problem
        self.mark()
        return file

    def mark(self) -> None:
        """Note that a run begins here."""
        self._mark = _size(self.path)

    def last_line(self) -> str:
        """Return the last line that the present run wrote; empty when it wrote none."""
        try:
            with open(self.path, "rb") as file:
                file.seek(max(self._mark, _size(self.path) - _TAIL))
                text = file.read().decode(errors="replace")
        except OSError:
            return ""
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return lines[-1] if lines else ""


def prune(directory: str, prefix: str, keep: int, most: int, used: Collection[str] = ()) -> None:
    """Leave at most `keep` files, of `most` bytes together, whose name begins with `prefix`.

    The oldest go. Those in `used` stay whatever their age; where they alone are too
    large the largest is emptied: whoever writes it only appends.
    """
    paths = [path for path in _files(directory) if os.path.basename(path).startswith(prefix)]
    found = sorted(
        ((facts.st_mtime, facts.st_size, path) for path in paths if (facts := _facts(path))),
    )
    count, total = len(found), sum(size for _, size, _ in found)
    for _, size, path in found:
        if count <= keep and total <= most:
            return
        if path not in used:
            os.unlink(path)
            count, total = count - 1, total - size
    for _, size, path in sorted(found, key=lambda each: each[1], reverse=True):
        if path in used and total > most:
            os.truncate(path, 0)
            total -= size


def bound(directory: str, most: int = _MOST_RUNNING) -> None:
    """Empty the files that have grown over `most` bytes; whoever writes them only appends."""
    for path in _files(directory):
        if _size(path) > most:
            os.truncate(path, 0)


def _files(directory: str) -> list[str]:
    paths = [os.path.join(directory, name) for name in os.listdir(directory)]
    return [path for path in paths if os.path.isfile(path)]


def _size(path: str) -> int:
    facts = _facts(path)
    return 0 if facts is None else facts.st_size


def _facts(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None
