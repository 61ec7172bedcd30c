"""Whether the disk of the stack has room: a full one lets all calls wait, and tells nobody."""

from __future__ import annotations

import os
import sys

from fnq_wire.limits import PART

__all__ = ["Room"]

#: Bytes that are free at most where Redis could not write: it does so in parts, and tries on.
_MOST_LEFT = 2 * PART


class Room:
    """The room on one disk; what is said of it is said once per change."""

    def __init__(self) -> None:
        self._full = False

    def look(self, directory: str) -> None:
        """Say on stderr that the disk of `directory` is full, or no longer so."""
        try:
            facts = os.statvfs(directory)
        except OSError:
            return  # Whoever uses it says so.
        full = facts.f_bavail * facts.f_frsize <= _MOST_LEFT
        if full != self._full:
            self._full = full
            now = "is full: calls wait until some is freed (FNQ_HOME)" if full else "has room again"
            sys.stderr.write(f"[fnq] the disk of {directory} {now}\n")
