"""The directory of one environment: who may build in it, and what its build said."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import time
from collections.abc import AsyncIterator

from fnq_server.clearance import clear_away
from fnq_server.image.environments import survivors
from fnq_server.image.seam import Say
from fnq_wire.environment import Environment
from fnq_wire.error import StackError

__all__ = ["Room"]

#: What a build said, a line of JSON for each: the step, and a line of its output.
_LOG = "build.log"
#: Bytes after which only steps are added to it.
_MOST_LOG = 4 << 20
#: Seconds between two looks whether another process has ended its build.
_LOOK_S = 0.1


class Room:
    """One environment, whole or not; several processes may have it in hand."""

    def __init__(self, path: str) -> None:
        self.path = path

    def whole(self) -> Environment | None:
        """Return the environment; None where none is whole, or its Python has gone."""
        try:
            found = Environment.read(self.path)
        except StackError:
            return None
        return found if os.path.exists(found.interpreter) else None

    def touch(self) -> None:
        """Note that it is used."""
        with contextlib.suppress(OSError):
            os.utime(self.path)

    def idle_s(self) -> float:
        """Return for how many seconds it has not been used."""
        return time.time() - os.stat(self.path).st_mtime

    @contextlib.asynccontextmanager
    async def claimed(self, say: Say) -> AsyncIterator[None]:
        """Have it for oneself; while another process builds, `say` hears what that says.

        The claim ends with the process.
        """
        heard = 0
        while (claim := self._claim()) is None:
            heard = self._hear(heard, say)
            await asyncio.sleep(_LOOK_S)
        try:
            yield
        finally:
            os.close(claim)

    def _claim(self) -> int | None:
        """Return a descriptor that holds the claim; None while another one has it."""
        os.makedirs(self.path, mode=0o700, exist_ok=True)
        claim = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # It may have been removed, and made anew, since it was opened.
            if os.path.samestat(os.fstat(claim), os.stat(self.path)):
                return claim
        except (BlockingIOError, FileNotFoundError):
            pass
        os.close(claim)
        return None

    def clear(self) -> None:
        """Remove what a build has left that did not come to its end. Only while claimed."""
        survivors.end(self.path)
        for name in os.listdir(self.path):
            clear_away(os.path.join(self.path, name))

    def remove(self) -> bool:
        """Remove it, unless another process has it in hand; return whether it is gone."""
        claim = self._claim()
        if claim is None:
            return False
        try:
            survivors.end(self.path)
            clear_away(self.path)
        finally:
            os.close(claim)
        return True

    def saying(self, say: Say) -> Say:
        """Return a `say` whose words others hear too."""
        path = os.path.join(self.path, _LOG)

        def both(step: str, output: str) -> None:
            with contextlib.suppress(OSError), open(path, "a", encoding="utf-8") as file:
                if file.tell() < _MOST_LOG or not output:
                    file.write(json.dumps([step, output]) + "\n")
            say(step, output)

        return both

    def _hear(self, heard: int, say: Say) -> int:
        """Pass on what the log says beyond byte `heard`; return how far it was read."""
        try:
            with open(os.path.join(self.path, _LOG), "rb") as file:
                if os.fstat(file.fileno()).st_size < heard:
                    heard = 0  # Another build has begun.
                file.seek(heard)
                *lines, _ = file.read().split(b"\n")
        except OSError:
            return 0
        for line in lines:
            # The first may be the rest of one, where another build has begun meanwhile.
            with contextlib.suppress(ValueError):
                say(*json.loads(line))
        return heard + sum(len(line) + 1 for line in lines)
