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
        return True

    def release(self) -> None:
        """Let another stack have it. Safe to call twice."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
