"""A Redis, servers and consumers as processes of their own; agents and clients are toys."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.loop import eventually
from tests.ports import free_port
from tests.redis import RedisServer

__all__ = ["House"]

#: Seconds in which a process that is told to stop has ended: an agent waits 10 for what runs.
_STOP_S = 20.0


class House:
    """Processes below one folder, each found again by its name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.redis = RedisServer(folder, durable=True)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._ports: dict[str, int] = {}

    def address(self, name: str) -> str:
        """Return where a process listens: at a Unix socket, unless it is to use TCP."""
        if name in self._ports:
            return f"127.0.0.1:{self._ports[name]}"
        return f"unix:{self.folder}/{name}.sock"

    def use_tcp(self, name: str) -> None:
        """Let a process that is started later listen at a port of this machine."""
        self._ports[name] = free_port()

    async def start(self, name: str, url: str = "") -> None:
        """Start a server ("s1") or a consumer ("c1") and wait until it is ready."""
        self.begin(name, url)
        await eventually(lambda: b"is ready" in self.log(name))

    def begin(self, name: str, url: str = "") -> subprocess.Popen[bytes]:
        """Start a process."""
        module = "fnq_server" if name.startswith("s") else "fnq_consumer"
        return self._run(
            name, module, "--listen", self.address(name), "--redis", url or self.redis.url
        )

    def employ(self, name: str, version: str, consumer: str, server: str) -> None:
        """Start a worker ("w1") of a version."""
        self._run(
            name, "fnq_worker", "--version", version, "--consumer", consumer, "--server", server,
            "--redis", self.redis.url, "--work", f"{self.folder}/{name}",
        )  # fmt: skip

    def _run(self, name: str, module: str, *words: str) -> subprocess.Popen[bytes]:
        self._log(name).unlink(missing_ok=True)
        with self._log(name).open("wb") as log:
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-m", module, *words],
                env={key: value for key, value in os.environ.items() if key != "FNQ_TOKEN"},
                stderr=log,
            )
        return self._processes[name]

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def log(self, name: str) -> bytes:
        """Return what a process has said."""
        return self._log(name).read_bytes()

    def kill(self, name: str) -> None:
        """End a process as `kill -9` does."""
        process = self._processes.pop(name)
        process.kill()
        process.wait(10)

    def stop(self, name: str) -> int:
        """Tell a process to stop; return its exit code."""
        process = self._processes.pop(name)
        process.terminate()
        return process.wait(_STOP_S)

    def close(self) -> None:
        """End all of them; each must end in order."""
        codes = {name: self.stop(name) for name in sorted(self._processes, reverse=True)}
        self.redis.kill()
        assert not any(codes.values()), codes
