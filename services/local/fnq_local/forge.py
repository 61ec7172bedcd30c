"""The forge: one process that has imported what all services need, and forks them.

Importing grpc and redis takes a quarter of a second of CPU; a fork of a process
that has done so takes milliseconds, and the pages stay shared. So the forge
imports, but never opens a channel, a loop or a thread: a fork keeps only the
thread that forks.

It speaks JSON lines with the supervisor over a socket pair.

    order      {"id", "module", "argv", "title", "log", "env"}
    ready      {"event": "ready", "missing": {module: reason}}
    started    {"event": "started", "id", "pid"}
    refused    {"event": "refused", "id", "error"}
    exited     {"event": "exited", "pid", "code"}     code: negative for a signal

What it forks dies with it, and it dies with the supervisor.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
import traceback
from types import FrameType
from typing import Any, NoReturn

from fnq_local import bond, title
from fnq_local.logfile import LogFile

__all__ = ["Forge", "main"]


class Forge:
    """Forks on request until the supervisor hangs up."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._buffer = b""
        self._children: set[int] = set()
        self._bell, self._ring = socket.socketpair()
        self._selector = selectors.DefaultSelector()

    def preload(self, modules: list[str]) -> None:
        """Import `modules` and say so; what cannot be imported is reported, not fatal."""
        missing = {}
        for module in modules:
            try:
                importlib.import_module(module)
            except Exception as problem:  # noqa: BLE001 - whatever a module raises, the others load
                missing[module] = str(problem)
        gc.collect()
        # Objects that live for ever: a collection in a child must not copy their pages.
        gc.freeze()
        self._say({"event": "ready", "missing": missing})

    def run(self) -> None:
        """Serve orders; return when the supervisor hangs up, with all children killed."""
        self._bell.setblocking(False)
        self._ring.setblocking(False)
        signal.set_wakeup_fd(self._ring.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, _ignore)
        for source in (self._control, self._bell):
            self._selector.register(source, selectors.EVENT_READ)
        while self._turn():
            self._reap()
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)

    def _turn(self) -> bool:
        for key, _ in self._selector.select():
            if key.fileobj is self._bell:
                _drain(self._bell)
                continue
            data = self._control.recv(1 << 16)
            if not data:
                return False
            *lines, self._buffer = (self._buffer + data).split(b"\n")
            for line in lines:
                self._order(json.loads(line))
        return True

    def _order(self, order: dict[str, Any]) -> None:
        parent = os.getpid()
        try:
            pid = os.fork()
        except OSError as problem:
            self._say(
                {"event": "refused", "id": order["id"], "error": f"cannot fork: {problem.strerror}"}
            )
            return
        if pid == 0:
            self._become(order, parent)
        self._children.add(pid)
        self._say({"event": "started", "id": order["id"], "pid": pid})

    def _become(self, order: dict[str, Any], parent: int) -> NoReturn:
        code = 1
        try:
            bond.die_with(parent)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for end in (self._control, self._bell, self._ring):
                end.close()
            self._selector.close()
            code = _call_main(order)
        except BaseException:  # noqa: BLE001 - nothing may reach the loop of the forge
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _reap(self) -> None:
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            self._children.discard(pid)
            self._say({"event": "exited", "pid": pid, "code": os.waitstatus_to_exitcode(status)})

    def _say(self, line: dict[str, Any]) -> None:
        self._control.sendall(json.dumps(line).encode() + b"\n")


def _call_main(order: dict[str, Any]) -> int:
    output = LogFile(order["log"]).open()
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    title.set_title(order["title"])
    os.environ.update(order["env"])
    sys.argv = [order["title"].split(" ", 1)[0], *order["argv"]]
    try:
        return int(importlib.import_module(order["module"]).main(order["argv"]))
    except SystemExit as ending:
        if isinstance(ending.code, str):
            print(ending.code, file=sys.stderr)  # noqa: T201 - what Python itself would do
        return ending.code if isinstance(ending.code, int) else int(ending.code is not None)


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: the byte in the wake-up socket is the news."""


def _drain(bell: socket.socket) -> None:
    try:
        while bell.recv(4096):
            pass
    except BlockingIOError:
        pass


def main(argv: list[str]) -> int:
    """Serve the supervisor at the other end of the socket `--fd`; return the exit code."""
    parser = argparse.ArgumentParser(prog="fnq_local.forge")
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--preload", action="append", default=[])
    options = parser.parse_args(argv)
    title.set_title("fnq-forge")
    forge = Forge(socket.socket(fileno=options.fd))
    forge.preload(options.preload)
    forge.run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
