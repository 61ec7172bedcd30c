"""Redis, a server and a consumer as processes of this machine, whose workers a Nomad runs."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.integration.lone import service
from tests.ports import free_port
from tests.redis import RedisServer, wait_until

__all__ = ["NomadStack"]

#: Seconds that a service may take to listen, to end, and that a command has.
_READY_S, _END_S, _COMMAND_S = 20.0, 15.0, 60.0
#: What an operator has decided.
_TERMS = """\
driver = "raw_exec"
command = {python}
server = {server}
consumer = {consumer}
redis = {redis}
cpu_mhz = 100
memory_mb = 256
"""


class NomadStack:
    """Calls and their workers, on the Nomad at an address; what it keeps is below one folder."""

    def __init__(self, folder: Path, nomad: str, **environ: str) -> None:
        self.redis = RedisServer(folder)
        self.server, self.consumer = (f"127.0.0.1:{free_port()}" for _ in range(2))
        self._folder, self._nomad = folder, nomad
        self._environ = environ
        self._processes: list[subprocess.Popen[str]] = []

    def start(self) -> None:
        """Start all three, and wait until they listen."""
        self.redis.start()
        parts = {
            "python": sys.executable,
            "server": self.server,
            "consumer": self.consumer,
            "redis": self.redis.url,
        }
        terms = self._folder / "workers.toml"
        terms.write_text(_TERMS.format(**{name: json.dumps(each) for name, each in parts.items()}))
        common = ("--redis", self.redis.url, "--listen")
        words = ("--nomad", self._nomad, "--workers", str(terms))
        self._processes = [
            service("fnq_server", *common, self.server, *words),
            service("fnq_consumer", *common, self.consumer),
        ]
        for each in (self.server, self.consumer):
            wait_until(lambda: _listens(each), _READY_S)  # noqa: B023 - over before the next

    @property
    def env(self) -> dict[str, str]:
        """The environment of whoever uses it."""
        return {**os.environ, "FNQ_ADDR": self.server, "NO_COLOR": "1", **self._environ}

    def fnq(self, *words: str, code: int = 0) -> str:
        """Return what a command prints; it must end with `code`."""
        program = Path(sys.executable).with_name("fnq")
        done = subprocess.run(
            [str(program), *words],
            env=self.env,
            capture_output=True,
            text=True,
            timeout=_COMMAND_S,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def json(self, *words: str, code: int = 0) -> Any:
        """Return what a command prints as JSON."""
        return json.loads(self.fnq(*words, "--json", code=code))

    def stop(self) -> None:
        """End all three; Redis last, since the others ask it."""
        for each in self._processes:
            each.terminate()
        for each in self._processes:
            each.communicate(timeout=_END_S)
        self.redis.kill()


def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0
