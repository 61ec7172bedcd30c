"""One stack per state directory."""

from __future__ import annotations

import fcntl
import os

from fnq_wire.error import StackError

__all__ = ["Lock"]


class Lock:
    """A file lock that the kernel drops with its holder, however that dies."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._file = -1
        self._held = False

    def take(self) -> bool:
        """Take the lock; return whether it is ours now. Never waits.

        Raises StackError where the file system has no locks.
        """
        if self._file < 0:
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as problem:
            raise StackError(
                f"cannot lock {self.path}: {problem.strerror}; "
                "set FNQ_HOME to a directory on a local disk"
            ) from problem
        self._held = True
        return True

    def write(self, note: str) -> None:
        """Note where the holder is found; call it only while holding the lock."""
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, os.fsencode(note), 0)

    def note(self) -> str:
        """Return where the holder says that it is found; empty when nobody says so."""
        try:
            with open(self.path, "rb") as file:
                return os.fsdecode(file.read())
        except FileNotFoundError:
            return ""

    def release(self) -> None:
        """Let another stack have it. Safe to call twice."""
        if self._file >= 0:
            if self._held:
                os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file, self._held = -1, False
