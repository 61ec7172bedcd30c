"""The door to the zygote: the clean parent that forks runners.

One connection per agent; when it closes, the zygote kills what it forked for it.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import json
import socket
import sys
from collections.abc import Callable
from typing import Any

__all__ = ["Zygote"]

#: Bytes read at once.
_CHUNK = 65_536


class Zygote:
    """A connection to a zygote, and the zygote itself where none is shared.

    `exited` is told of each runner that ended: token, exit code or None, signal
    or None. `lost` is called when the zygote is gone, and its runners with it.
    """

    def __init__(
        self,
        exited: Callable[[str, int | None, int | None], None],
        lost: Callable[[], None],
    ) -> None:
        self._exited = exited
        self._lost = lost
        self._socket: socket.socket | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._forked: dict[str, asyncio.Future[int]] = {}
        self._buffer = b""

    async def open(self, path: str | None) -> None:
        """Connect to the zygote at `path`, or start one of our own.

        Raises OSError when neither can be had.
        """
        if path is None:
            ours, theirs = socket.socketpair()
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "fnq_runner", "--zygote", str(theirs.fileno()),
                pass_fds=[theirs.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
            theirs.close()
        else:
            ours = socket.socket(socket.AF_UNIX)
            ours.setblocking(False)
            try:
                await asyncio.get_running_loop().sock_connect(ours, path)
            except BaseException:
                ours.close()
                raise
        ours.setblocking(False)
        self._socket = ours
        asyncio.get_running_loop().add_reader(ours, self._readable)

    async def fork(self, token: str, files: list[int], env: dict[str, str], cwd: str) -> int:
        """Fork a runner on `files` (pipe, stdout, stderr); return its process id.

        Raises OSError when it cannot be forked, or the zygote is gone.
        """
        if self._socket is None:
            raise ConnectionResetError("the zygote is gone")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[int] = loop.create_future()
        self._forked[token] = future
        line = json.dumps({"fork": token, "env": env, "cwd": cwd}).encode() + b"\n"
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
            if self._process.returncode is None:
                self._process.kill()
            await self._process.wait()
            self._process = None

    def _hang_up(self) -> None:
        if self._socket is not None:
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
