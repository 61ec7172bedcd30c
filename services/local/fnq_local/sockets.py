"""Unix sockets that processes of a stack listen on."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import sys

__all__ = ["accepts", "unlink"]

#: Seconds between two looks whether a socket accepts.
_LOOK_S = 0.005


async def accepts(path: str) -> int:
    """Return when somebody listens at the socket `path`: its process id, 0 if that is unknown."""
    while True:
        try:
            _, writer = await asyncio.open_unix_connection(path)
        except OSError:
            await asyncio.sleep(_LOOK_S)
        else:
            pid = _listener(writer.get_extra_info("socket"))
            writer.close()
            return pid


def _listener(connection: socket.socket) -> int:
    if sys.platform != "linux":
        return 0
    form = struct.Struct("3i")  # struct ucred: pid, uid, gid
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, form.size)
    pid: int = form.unpack(found)[0]
    return pid


def unlink(path: str) -> None:
    """Remove what a process that is gone left at `path`."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
