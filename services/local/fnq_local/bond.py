"""The bond between a process and its parent: none outlives the stack.

Linux tells a process when its parent dies, however that happens. Elsewhere only
an orderly end of the supervisor ends everything.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

__all__ = ["adopt_orphans", "die_with"]

_SET_DEATH_SIGNAL = 1
_SET_CHILD_SUBREAPER = 36

#: Loaded here: between fork and exec nothing may be imported.
_libc = ctypes.CDLL(None)


def die_with(parent: int) -> None:
    """Have this process killed when `parent` dies; call it in the child, after the fork."""
    if sys.platform != "linux":
        return
    _libc.prctl(_SET_DEATH_SIGNAL, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        # It died before the kernel was told: nobody will send the signal.
        os._exit(1)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent has died."""
    if sys.platform == "linux":
        _libc.prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
