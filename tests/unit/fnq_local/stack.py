"""A stack whose services are stand-ins, for tests that start and kill it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from fnq_local import proc

__all__ = ["OPTIONS", "Stack", "until"]

#: Folder of the stand-ins; it goes on the path of the supervisor.
STANDINS = Path(__file__).parent / "standin"
#: What makes a supervisor run stand-ins.
OPTIONS = [
    *("--program", "server=standin_service"),
    *("--program", "consumer=standin_service"),
    *("--program", "worker=standin_service"),
    *("--program", "runner=standin_runner"),
]

_T = TypeVar("_T")


def until(look: Callable[[], _T], what: str, limit_s: float = 15.0) -> _T:
    """Return what `look` returns once it is true; fail after `limit_s` seconds."""
    limit = time.monotonic() + limit_s
    while not (found := look()):
        assert time.monotonic() < limit, f"waited {limit_s:g} s for {what}"
        time.sleep(0.005)
    return found


class Stack:
    """One place for stacks; `start` runs a supervisor in it, in the foreground."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.runtime = Path(tempfile.mkdtemp(prefix="s", dir=os.environ["XDG_RUNTIME_DIR"]))
        self.runtime.rmdir()
        self.seen: dict[int, int | None] = {}
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, options: Sequence[str] = OPTIONS, **environ: str) -> subprocess.Popen[bytes]:
        """Start a supervisor; return at once."""
        supervisor = subprocess.Popen(
            [
                *(sys.executable, "-P", "-m", "fnq_local"),
                *("--state", str(self.state), "--runtime", str(self.runtime)),
                *options,
            ],
            env={**os.environ, "PYTHONPATH": str(STANDINS), **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._started.append(supervisor)
        return supervisor

    def up(self, **environ: str) -> subprocess.Popen[bytes]:
        """Start a supervisor; return when the stack is up."""
        supervisor = self.start(OPTIONS, **environ)
        until(self.answers, "the door")
        assert self.ask("ping", wait_s=20.0)["ready"]
        return supervisor

    def answers(self) -> bool:
        """Whether somebody opens when one knocks."""
        with socket.socket(socket.AF_UNIX) as knock:
            return knock.connect_ex(str(self.runtime / "supervisor.sock")) == 0

    def ask(self, verb: str, **request: object) -> dict[str, Any]:
        """Return the answer of the supervisor, whatever it is."""
        with socket.socket(socket.AF_UNIX) as door:
            door.settimeout(30)
            door.connect(str(self.runtime / "supervisor.sock"))
            door.sendall(json.dumps({"verb": verb, **request}).encode() + b"\n")
            with door.makefile("rb") as lines:
                answer: dict[str, Any] = json.loads(lines.readline())
                return answer

    def processes(self) -> dict[str, dict[str, Any]]:
        """Return the processes by role; workers by "worker REPLICA"."""
        found = {}
        for entry in self.ask("status")["processes"]:
            if entry["pid"]:
                self.seen[entry["pid"]] = proc.began(entry["pid"])
            name = entry["role"]
            found[f"worker {entry['replica']}" if name == "worker" else name] = entry
        return found

    def pid(self, name: str) -> int:
        """Return the id of a running process by its name in `processes`; 0 if it is not."""
        entry = self.processes().get(name)
        return entry["pid"] if entry and entry["state"] == "running" else 0

    def left(self) -> list[int]:
        """Return which of the processes that were ever seen are still there."""
        return [pid for pid, began in self.seen.items() if began and proc.began(pid) == began]

    def end(self) -> None:
        """End what was started; assert that no process and no socket is left."""
        for supervisor in self._started:
            if supervisor.poll() is None:
                supervisor.send_signal(signal.SIGTERM)
                supervisor.wait(30)
        until(lambda: not self.left(), "the end of every process")
        shutil.rmtree(self.runtime, ignore_errors=True)
