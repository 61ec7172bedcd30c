"""Start services by having the forge fork them; the supervisor's end of it."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from fnq_local import proc
from fnq_local.logfile import LogFile
from fnq_local.plain import PlainLauncher
from fnq_local.process import Process
from fnq_wire.error import StackError

__all__ = ["ForgedLauncher", "Order"]

#: What services import, besides their own modules, before they do anything.
_PRELOAD = (
    "grpc.aio",
    "grpc_health.v1.health",
    "grpc_reflection.v1alpha.reflection",
    "redis.asyncio",
    "uvloop",
    "structlog",
    "fnq.v1.control_pb2_grpc",
    "fnq.v1.session_pb2_grpc",
    "fnq.v1.worker_pb2_grpc",
)
#: Seconds between two looks at a process that has been killed.
_LOOK_S = 0.002


@dataclass(frozen=True, slots=True)
class Order:
    """A service to be forked: `main(argv)` of `module`."""

    module: str
    argv: list[str]
    title: str
    log: LogFile
    #: May hold secrets, so it is kept out of the text.
    env: dict[str, str] = field(default_factory=dict, repr=False)


class ForgedLauncher:
    """Keeps the table of forked processes; a new forge begins an empty one."""

    def __init__(self, plain: PlainLauncher, log: LogFile, modules: Sequence[str]) -> None:
        self._plain = plain
        self._log = log
        self._modules = (*_PRELOAD, *modules)
        self._serial = 0
        self._waiting: dict[int, asyncio.Future[Process]] = {}
        self._processes: dict[int, Process] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._ready = asyncio.Event()
        self._reading: asyncio.Task[None] | None = None
        #: Modules that the forge could not import, and why.
        self.missing: dict[str, str] = {}

    async def start(self) -> Process:
        """Start the forge itself."""
        ours, theirs = socket.socketpair()
        argv = [sys.executable, "-P", "-m", "fnq_local.forge", "--fd", str(theirs.fileno())]
        for module in self._modules:
            argv += ["--preload", module]
        try:
            process = self._plain.launch(argv, self._log, (theirs.fileno(),))
        except StackError:
            ours.close()
            raise
        finally:
            theirs.close()
        reader, self._writer = await asyncio.open_unix_connection(sock=ours, limit=1 << 20)
        self._reading = asyncio.get_running_loop().create_task(self._read(reader, self._writer))
        return process

    async def wait_ready(self) -> None:
        """Return when the forge has imported everything."""
        await self._ready.wait()

    async def launch(self, order: Order) -> Process:
        """Have a service forked, as soon as there is a forge.

        Raises StackError when it cannot be.
        """
        await self._ready.wait()
        assert self._writer is not None
        self._serial += 1
        serial = self._serial
        self._waiting[serial] = asyncio.get_running_loop().create_future()
        # Reads where its run begins, so that a last line is never one of the run before.
        order.log.mark()
        line = {
            "id": serial,
            "module": order.module,
            "argv": order.argv,
            "title": order.title,
            "log": order.log.path,
            "env": order.env,
        }
        self._writer.write(json.dumps(line).encode() + b"\n")
        try:
            return await self._waiting[serial]
        finally:
            # What starts after its waiter was cancelled is killed by `_hear`.
            self._waiting.pop(serial, None)

    async def close(self) -> None:
        """Hang up: the forge kills what it still has, and ends."""
        if self._writer is not None:
            self._writer.close()
        if self._reading is not None:
            await asyncio.wait({self._reading})

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                self._hear(json.loads(line))
        except ConnectionError:
            pass
        self._ready.clear()
        writer.close()
        await self._bury()

    def _hear(self, line: dict[str, Any]) -> None:
        match line["event"]:
            case "ready":
                self.missing = line["missing"]
                self._ready.set()
            case "started":
                process = self._processes[line["pid"]] = Process(line["pid"])
                waiter = self._waiting.get(line["id"])
                if waiter is None or waiter.done():
                    process.signal(9)
                else:
                    waiter.set_result(process)
            case "refused":
                waiter = self._waiting.get(line["id"])
                if waiter is not None and not waiter.done():
                    waiter.set_exception(StackError(line["error"]))
            case "exited":
                self._processes.pop(line["pid"]).ended(line["code"])

    async def _bury(self) -> None:
        """Note the end of everything that a dead forge had, once it is really gone."""
        processes, self._processes = list(self._processes.values()), {}
        waiters, self._waiting = list(self._waiting.values()), {}
        for waiter in waiters:
            if not waiter.done():
                waiter.set_exception(StackError("the forge died while it started this"))
        for process in processes:
            process.signal(9)
            while proc.began(process.pid) is not None:  # noqa: ASYNC110 - the kernel rings no bell
                await asyncio.sleep(_LOOK_S)
            process.ended(-9)
