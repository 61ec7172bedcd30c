"""Where the large values of a runner lie: in the spool, where its agent shares one.

The runner maps and writes the files by itself; through the pipe goes where they lie.
"""

from __future__ import annotations

import contextlib

from fnq_wire.limits import INLINE, MOST_CHUNKED, MOST_SPOOLED
from fnq_wire.pieces import Payload, Spooled, whole
from fnq_wire.spool import Spool

__all__ = ["Depot", "NoRoomError"]


class NoRoomError(Exception):
    """A value is too large for any way but the spool, which has no room for it."""


class Depot:
    """The door to large values; all methods may be called from any thread."""

    def __init__(self) -> None:
        self._spool: Spool | None = None
        #: Bytes of the largest value that may be sent.
        self.most = MOST_SPOOLED

    def open(self, directory: str, owner: str, most: int) -> None:
        """Take up what the agent grants: a spool, if there is one, and what is owned there."""
        self.most = most
        self._spool = None
        if directory:
            spool = Spool(directory, owner)
            # Before anything is lent to it; where nothing can be written, it is tried again.
            with contextlib.suppress(OSError):
                spool.claim()
            self._spool = spool

    def put(self, payload: Payload) -> bytes | Spooled:
        """Return what goes through the pipe for a payload; what it is made of may change then.

        Raises NoRoomError.
        """
        if len(payload) <= INLINE or self._spool is None:
            return whole(payload)
        try:
            return Spooled(self._spool.write(payload), len(payload))
        except OSError as problem:
            if len(payload) > MOST_CHUNKED:
                raise NoRoomError(f"{self._spool.directory}: {problem.strerror}") from problem
            return whole(payload)

    def view(self, payload: bytes | Spooled) -> bytes | memoryview:
        """Return a payload that came through the pipe, or where it says that it lies.

        Raises OSError when it is gone.
        """
        if isinstance(payload, bytes):
            return payload
        if self._spool is None:
            raise FileNotFoundError("the spool is not shared")
        try:
            return self._spool.map(payload.name, payload.size)
        except ValueError as problem:
            raise FileNotFoundError(str(problem)) from problem

    def take(self, payload: bytes | Spooled) -> bytes | memoryview:
        """Do as `view`, and delete it: it is nobody else's."""
        try:
            return self.view(payload)
        finally:
            self.drop(payload)

    def drop(self, payload: bytes | Spooled) -> None:
        """Delete a value that nobody will read."""
        if isinstance(payload, Spooled) and self._spool is not None:
            with contextlib.suppress(OSError, ValueError):
                self._spool.delete(payload.name)
