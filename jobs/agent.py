"""An agent of Consul or Nomad in the background, on loopback, with a state of its own."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["MARK", "Agent", "ClusterError", "await_that", "missing", "own_environment"]

#: In the environment of all that belongs to a cluster: the directory of its state.
MARK = "FNQ_CLUSTER"
#: Characters of a directory in which Nomad's plugins can still have their sockets.
_LONGEST = 80
#: Seconds between two looks at something that is waited for.
_LOOK_S = 0.1
#: Seconds in which the kernel starts a process, however busy it is.
_START_S = 10.0
#: Seconds that an agent gets to end in order.
_END_S = 30.0
#: What a shell says about its own cluster, stack or Python is not for agents and tasks.
_NOT_FOR_TASKS = re.compile(
    r"FNQ_(?:ADDR|DEPLOY|HOME|LOG_LEVEL|NAMESPACE|TOKEN)|(?:CONSUL|NOMAD|REDIS)_.*|PYTHON(?:HOME|PATH)"
)


class ClusterError(RuntimeError):
    """The cluster cannot be had; the text is for whoever asked for it."""


def missing(names: list[str]) -> list[str]:
    """Return those of the programs that are not on the path."""
    return [name for name in names if shutil.which(name) is None]


def own_environment() -> dict[str, str]:
    """Return the environment for agents and tasks: ours without what names another cluster."""
    return {name: value for name, value in os.environ.items() if not _NOT_FOR_TASKS.fullmatch(name)}


def await_that(what: str, true: Callable[[], object], within_s: float) -> None:
    """Return once `true()` is. Raises ClusterError that names `what` after `within_s` seconds."""
    until = time.monotonic() + within_s
    while not true():
        if time.monotonic() > until:
            raise ClusterError(f"not within {within_s:g} s: {what}")
        time.sleep(_LOOK_S)


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent: its command, the ports it listens at, and the directory of its state.

    The command must name the directory: so a process is known to be ours. It answers at
    the first of the ports.
    """

    name: str
    command: tuple[str, ...]
    ports: tuple[int, ...]
    state: Path

    @property
    def log(self) -> Path:
        """The file in which it writes."""
        return self.state / f"{self.name}.log"

    @property
    def pid(self) -> int | None:
        """The id of its process; None when it does not run."""
        pid = self._noted("pid")
        if pid is None:
            return None
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return None
        # The id may be another process' by now; a zombie has no words.
        return pid if str(self.state).encode() in words else None

    @property
    def last_port(self) -> int | None:
        """The port at which it answers since its last start; None before the first."""
        return self._noted("port")

    def _noted(self, what: str) -> int | None:
        try:
            return int((self.state / f"{self.name}.{what}").read_text("utf-8"))
        except (OSError, ValueError):
            return None

    def _note(self, what: str, number: int) -> None:
        (self.state / f"{self.name}.{what}").write_text(str(number), "utf-8")

    def start(self) -> None:
        """Start it unless it runs; it outlives this process.

        Raises ClusterError that names a port which somebody else has.
        """
        if self.pid is not None:
            return
        for port in self.ports:
            if _taken(port):
                variable = f"{self.name.upper()}_PORT"
                raise ClusterError(
                    f"port {port}, which {self.name} needs, is taken by another program: "
                    f"end that, or name another port: {variable}={port + 10_000}"
                )
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.state,
                env=own_environment() | self._places(),
                start_new_session=True,
            )
        if self.ports:
            self._note("port", self.ports[0])
        self._note("pid", process.pid)
        # Until the kernel has laid out its words it cannot be told from a zombie.
        await_that(
            f"the start of {self.name}",
            lambda: self.pid is not None or process.poll() is not None,
            _START_S,
        )
        # Nobody waits for it here, and Python need not remind us of that.
        process.returncode = 0

    def _places(self) -> dict[str, str]:
        """Return what says where its temporary files go, and whose all that it starts is."""
        folder = self.state / "tmp"
        if len(str(folder)) > _LONGEST:
            return {MARK: str(self.state)}
        folder.mkdir(exist_ok=True)
        # Tasks inherit it, and may run as another user.
        folder.chmod(0o1777)
        return {MARK: str(self.state), "TMPDIR": str(folder)}

    def stop(self) -> None:
        """End it: in order, or after a while without."""
        for number, patience_s in ((signal.SIGTERM, _END_S), (signal.SIGKILL, _END_S)):
            pid = self.pid
            if pid is None:
                return
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            with contextlib.suppress(ClusterError):
                await_that(f"the end of {self.name}", lambda: self.pid is None, patience_s)


def _taken(port: int) -> bool:
    """Return whether somebody listens at the port of loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False
