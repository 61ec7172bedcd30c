"""One running process, seen from the supervisor."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import dataclass

__all__ = ["Exit", "Process"]


@dataclass(frozen=True, slots=True)
class Exit:
    """How a process ended: its exit code, or the negative number of the signal."""

    code: int

    def __str__(self) -> str:
        if self.code >= 0:
            return f"exit code {self.code}"
        try:
            return f"signal {-self.code} ({signal.Signals(-self.code).name})"
        except ValueError:
            return f"signal {-self.code}"


class Process:
    """A process that somebody reaps; `exit` is done when it has been reaped."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.exit: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()

    def ended(self, code: int) -> None:
        """Note that it is gone; `code` as in `Exit`."""
        if not self.exit.done():
            self.exit.set_result(Exit(code))

    def signal(self, number: int) -> None:
        """Send it a signal; nothing happens when it is gone."""
        if not self.exit.done():
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                pass

    async def stop(self, grace_s: float) -> None:
        """Ask it to end, and kill it after `grace_s` seconds; return when it is gone."""
        self.signal(signal.SIGTERM)
        await asyncio.wait({self.exit}, timeout=grace_s)
        self.signal(signal.SIGKILL)
        await asyncio.wait({self.exit})
