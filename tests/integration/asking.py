"""A script that calls, fed line by line, whose workers are started by hand."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from chalkcompute.config import Config
from chalkcompute.errors import NotFoundError
from chalkcompute.session import ServerSession
from tests.integration.registered import Registered
from tests.redis import wait_until

__all__ = ["Asked"]

_PROGRAM = Path(__file__).parent / "programs" / "asked.py"
#: Seconds in which its functions are deployed.
_SOON_S = 15.0


class Asked:
    """A script that answers a number with twice as much and one more, by nested calls."""

    def __init__(self, address: str) -> None:
        self._script = subprocess.Popen(
            [sys.executable, str(_PROGRAM)],
            env=os.environ | {"FNQ_ADDR": address},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, number: int) -> None:
        """Have a call made."""
        assert self._script.stdin is not None
        self._script.stdin.write(f"{number}\n")
        self._script.stdin.flush()

    def answer(self) -> int:
        """Return what came of it."""
        assert self._script.stdout is not None
        return int(self._script.stdout.readline())

    def start_workers(self, town: Registered) -> None:
        """Start one for each of its two functions, once they are deployed."""
        session: Any = ServerSession(Config(addr=town.consul.address))
        try:
            for name, function in (("w1", "outer"), ("w2", "double")):
                wait_until(lambda: _deployed(session, function), _SOON_S)  # noqa: B023 - called at once
                town.start_worker(name, session.lookup(function, None)[0].version)
        finally:
            session.close()

    def close(self) -> None:
        """Let it end in order."""
        try:
            self._script.communicate(timeout=20)
        finally:
            self._script.kill()
            self._script.wait(10)
        assert self._script.returncode == 0


def _deployed(session: Any, function: str) -> bool:
    try:
        session.lookup(function, None)
    except NotFoundError:
        return False
    return True
