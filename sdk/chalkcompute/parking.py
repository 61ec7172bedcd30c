"""How the callers of this process wait for what a session brings."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from chalkcompute.bell import Bell
from chalkcompute.errors import ConnectionLostError

if TYPE_CHECKING:
    from chalkcompute.inflight import Inflight

__all__ = ["Parking"]


class Parking:
    """Waiting in threads and in event loops; nothing comes in a process that was forked."""

    def __init__(self) -> None:
        self._bells: WeakKeyDictionary[asyncio.AbstractEventLoop, Bell] = WeakKeyDictionary()
        self._process = os.getpid()

    def park(self, inflight: Inflight, timeout: float | None) -> bool:
        """Block this thread until there is a chunk or an outcome."""
        if inflight.chunks or inflight.outcome is not None:
            return True
        self._check_process()
        gate = threading.Lock()
        gate.acquire()

        def open_gate() -> None:
            # It may come twice, or late: by then `wake` opens the gate of another park.
            with contextlib.suppress(RuntimeError):
                gate.release()

        inflight.wake = open_gate
        if inflight.chunks or inflight.outcome is not None:
            inflight.wake = None
            return True
        came = gate.acquire(timeout=-1 if timeout is None else max(0.0, timeout))
        inflight.wake = None
        return came

    async def park_async(self, inflight: Inflight) -> None:
        """Do as `park` for the running event loop."""
        if inflight.chunks or inflight.outcome is not None:
            return
        self._check_process()
        loop = asyncio.get_running_loop()
        bell = self._bells.get(loop)
        if bell is None:
            bell = self._bells[loop] = Bell(loop)
        future: asyncio.Future[None] = loop.create_future()
        inflight.wake = lambda: bell.ring(future)
        try:
            # Looked at again: news that came before `wake` was set woke nobody.
            if not inflight.chunks and inflight.outcome is None:
                await future
        finally:
            inflight.wake = None

    @property
    def _inherited(self) -> bool:
        """Whether this is a fork's copy: the stream is the parent's, the lock may be held."""
        return os.getpid() != self._process

    def _check_process(self) -> None:
        if self._inherited:
            raise ConnectionLostError(
                "a call is waited for in a process forked after it was made: expected that in "
                "the process that made it; make the call anew here"
            )
