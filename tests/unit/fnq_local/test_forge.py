"""The process that forks services."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fnq_local import proc
from tests.unit.fnq_local.stack import STANDINS, until


class _Forge:
    """A forge and the supervisor's end of its socket."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.serial = 0
        ours, theirs = socket.socketpair()
        ours.settimeout(20)
        argv = [sys.executable, "-P", "-m", "fnq_local.forge", "--fd", str(theirs.fileno())]
        argv += ["--preload", "json", "--preload", "no_such_module"]
        path = os.pathsep.join([str(folder), str(STANDINS)])
        self.popen = subprocess.Popen(
            argv, pass_fds=[theirs.fileno()], env={**os.environ, "PYTHONPATH": path}
        )
        theirs.close()
        self.socket = ours
        self._lines = ours.makefile("rb")

    def hear(self) -> dict[str, Any]:
        """Return the next line of the forge."""
        line: dict[str, Any] = json.loads(self._lines.readline())
        return line

    def order(self, module: str, *argv: str, **env: str) -> dict[str, Any]:
        """Have `module` forked; return the answer."""
        self.serial += 1
        order = {
            "id": self.serial,
            "module": module,
            "argv": argv,
            "title": "fnq-thing 1",
            "env": env,
            "log": str(self.folder / "log"),
        }
        self.socket.sendall(json.dumps(order).encode() + b"\n")
        return self.hear()

    def hang_up(self) -> None:
        """Close our end."""
        self._lines.close()
        self.socket.close()


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[_Forge]:
    """A forge that is ready; it ends with the test."""
    made = _Forge(tmp_path)
    ready = made.hear()
    assert ready["event"] == "ready"
    assert list(ready["missing"]) == ["no_such_module"]
    yield made
    made.hang_up()
    made.popen.wait(10)


def test_a_service_is_forked_with_its_arguments_and_its_log(forge: _Forge, tmp_path: Path) -> None:
    """It runs main(argv), under its own title, with its environment, and its code is told."""
    (tmp_path / "short.py").write_text(
        "import os, sys\n"
        "def main(argv):\n"
        "    print(argv, os.environ['COLOUR'], open('/proc/self/cmdline').read().strip(chr(0)))\n"
        "    print(sorted(os.listdir('/proc/self/fd')))\n"
        "    return 4\n"
    )
    started = forge.order("short", "--a", "1", COLOUR="blue")
    assert (started["event"], started["id"]) == ("started", 1)
    assert forge.hear() == {"event": "exited", "pid": started["pid"], "code": 4}
    first, files = (tmp_path / "log").read_text().splitlines()
    assert first == "['--a', '1'] blue fnq-thing 1"
    # In, out, error and the directory that is being listed: nothing of the forge is inherited.
    assert files == "['0', '1', '2', '3']"


@pytest.mark.parametrize(
    ("body", "code", "last"),
    [
        ("raise ValueError('no')", 1, "ValueError: no"),
        ("raise SystemExit(6)", 6, ""),
        ("raise SystemExit('enough')", 1, "enough"),
        ("raise SystemExit", 0, ""),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", -11, ""),
    ],
)
def test_however_a_service_ends_it_is_told(
    forge: _Forge, tmp_path: Path, body: str, code: int, last: str
) -> None:
    """An exception is a traceback in the log and code 1; a signal is a negative code."""
    (tmp_path / "thing.py").write_text(f"def main(argv):\n    {body}\n")
    pid = forge.order("thing")["pid"]
    assert forge.hear() == {"event": "exited", "pid": pid, "code": code}
    assert (tmp_path / "log").read_text().rpartition("\n")[0].endswith(last)


def test_a_service_that_cannot_be_imported_says_why(forge: _Forge, tmp_path: Path) -> None:
    """The forge lives on."""
    pid = forge.order("no_such_service")["pid"]
    assert forge.hear()["code"] == 1
    assert "No module named 'no_such_service'" in (tmp_path / "log").read_text()
    assert forge.order("standin_service")["pid"] != pid


def test_a_service_dies_with_the_forge(forge: _Forge) -> None:
    """Also when the forge is killed."""
    pids = [forge.order("standin_service")["pid"] for _ in range(3)]
    forge.popen.send_signal(signal.SIGKILL)
    until(lambda: not any(proc.began(pid) for pid in pids), "the end of the services")


def test_the_forge_ends_when_the_supervisor_hangs_up(forge: _Forge) -> None:
    """What it forked ends first."""
    pid = forge.order("standin_service")["pid"]
    forge.hang_up()
    assert forge.popen.wait(10) == 0
    until(lambda: proc.began(pid) is None, "the end of the service")


def test_a_forge_has_one_thread(forge: _Forge) -> None:
    """A fork keeps only the thread that forks, so there may be no other."""
    assert len(os.listdir(f"/proc/{forge.popen.pid}/task")) == 1


def test_what_services_import_starts_no_thread() -> None:
    """Importing grpc, redis and all services leaves one thread and no event loop."""
    code = (
        "import importlib, os\n"
        "from fnq_local.forged import _PRELOAD\n"
        "for module in _PRELOAD: importlib.import_module(module)\n"
        "print(len(os.listdir('/proc/self/task')))\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "1\n"
