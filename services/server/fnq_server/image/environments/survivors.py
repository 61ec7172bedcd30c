"""Processes of a build: known by a variable that all that one starts inherits."""

from __future__ import annotations

import os
import signal
import time

__all__ = ["MARK", "end"]

#: The variable; its value is the path of the environment.
MARK = "FNQ_BUILD"
#: Seconds that killed processes have to be gone, and between two looks.
_GONE_S, _LOOK_S = 5.0, 0.005


def end(path: str) -> None:
    """Kill what a build of the environment at `path` has started, whatever became of that.

    Returns when it is gone, or does not go.
    """
    limit = time.monotonic() + _GONE_S
    while (found := _marked(f"{MARK}={path}".encode())) and time.monotonic() < limit:
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue
        time.sleep(_LOOK_S)


def _marked(mark: bytes) -> list[int]:
    found = []
    for name in os.listdir("/proc") if os.path.isdir("/proc/self") else ():
        if name.isdecimal() and int(name) != os.getpid():
            try:
                with open(f"/proc/{name}/environ", "rb") as file:
                    has = mark in file.read().split(b"\0")
            except OSError:  # It has gone, or is another user's.
                continue
            if has:
                found.append(int(name))
    return found
