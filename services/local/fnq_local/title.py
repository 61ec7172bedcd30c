"""What `ps` and `top` show for a process that was forked, not executed."""

from __future__ import annotations

import ctypes
import sys

__all__ = ["set_name", "set_title"]

_SET_NAME = 15
#: Fields of /proc/self/stat behind the name in parentheses: start and end of the arguments.
_ARGUMENTS = slice(45, 47)


def set_name(name: str) -> None:
    """Set the short name of this process; the kernel keeps 15 bytes."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_NAME, ctypes.create_string_buffer(name.encode()[:15]), 0, 0, 0)


def set_title(title: str) -> None:
    """Set name and command line of this process, cut to the room that its arguments take."""
    if sys.platform != "linux":
        return
    set_name(title.split(" ", 1)[0])
    with open("/proc/self/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    start, end = (int(field) for field in fields[_ARGUMENTS])
    room = end - start
    if room > 1:
        # The kernel reads the command line from this memory, which is the process' own.
        ctypes.memmove(start, title.encode()[: room - 1].ljust(room, b"\0"), room)
