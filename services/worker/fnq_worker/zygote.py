"""The door to the zygote: the clean parent that forks runners.

One connection per agent; when it closes, the zygote kills what it forked for it.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Callable, Mapping
from typing import Any

from fnq_worker.begun import Begun, begin

__all__ = ["Zygote"]

#: Bytes read at once.
_CHUNK = 65_536


class Zygote:
    """A connection to a zygote, and the zygote itself where none is shared: `own`, if begun."""

    def __init__(self, own: Begun | None = None) -> None:
        self._exited: Callable[[str, int | None, int | None], None]
        self._lost: Callable[[], None]
        self._socket: socket.socket | None = own.socket if own else None
        self._process = own.process if own else None
        self._forked: dict[str, asyncio.Future[int]] = {}
        self._buffer = b""
        self._listening = False

    def start(self, starter: str | None = None) -> None:
        """Start a zygote of our own unless there is one; `open` is still to come.

        As `begin` does.
        """
        if self._socket is None:
            self._socket, self._process = begin(starter, os.environ)

    async def open(
        self,
        path: str | None,
        exited: Callable[[str, int | None, int | None], None],
        lost: Callable[[], None],
    ) -> None:
        """Connect to the zygote at `path`, or to our own, which `start` may have begun.

        `exited` is told of each runner that ended: token, exit code or None, signal or None.
        `lost` is called when the zygote is gone, and its runners with it. Raises OSError
        when there is none to be had.
        """
        self._exited, self._lost = exited, lost
        if path is not None:
            await self._connect(path)
        else:
            self.start()
        assert self._socket is not None
        self._socket.setblocking(False)
        asyncio.get_running_loop().add_reader(self._socket, self._readable)
        self._listening = True

    async def _connect(self, path: str) -> None:
        ours = socket.socket(socket.AF_UNIX)
        ours.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(ours, path)
        except BaseException:
            ours.close()
            raise
        self._socket = ours

    async def fork(self, token: str, files: list[int], terms: Mapping[str, Any]) -> int:
        """Fork a runner on `files` (pipe, stdout, stderr); return its process id.

        `terms` are those of an order to fork: see `fnq_runner.zygote`.
        Raises OSError when it cannot be forked, or the zygote is gone.
        """
        if self._socket is None:
            raise ConnectionResetError("the zygote is gone")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[int] = loop.create_future()
        self._forked[token] = future
        line = json.dumps({"fork": token, **terms}).encode() + b"\n"
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))]
        sent = self._socket.sendmsg([line], ancillary)
        if sent < len(line):
            await loop.sock_sendall(self._socket, line[sent:])
        return await future

    def kill(self, token: str, number: int) -> None:
        """Send a signal to a runner and what it started; a zygote that is gone has none."""
        if self._socket is not None:
            # Where it breaks, the reader notices, and reports.
            with contextlib.suppress(OSError):
                self._socket.send(json.dumps({"kill": token, "signal": number}).encode() + b"\n")

    async def close(self) -> None:
        """Let go; runners that are left are killed."""
        self._hang_up()
        if self._process is not None:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)
            self._process = None

    def _hang_up(self) -> None:
        if self._socket is not None:
            if self._listening:
                asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def _readable(self) -> None:
        assert self._socket is not None
        try:
            data = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._hang_up()
            for future in self._forked.values():
                if not future.done():
                    future.set_exception(ConnectionResetError("the zygote is gone"))
            self._forked.clear()
            self._lost()
            return
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            self._take(json.loads(line))

    def _take(self, notice: dict[str, Any]) -> None:
        if "forked" in notice:
            future = self._forked.pop(notice["forked"], None)
            if future is not None and not future.done():
                future.set_result(notice["pid"])
        elif "failed" in notice:
            future = self._forked.pop(notice["failed"], None)
            if future is not None and not future.done():
                future.set_exception(OSError(f"cannot fork a runner: {notice['error']}"))
        elif "exited" in notice:
            self._exited(notice["exited"], notice["code"], notice["signal"])
