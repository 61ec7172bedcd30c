"""Services as processes that find one another through Consul alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from fnq_wire.tls import PLAIN, Tls
from tests.consul import ConsulAgent
from tests.ports import free_port
from tests.redis import RedisServer, wait_until

__all__ = ["Registered"]

#: Seconds that a process may take to be ready, and to end.
_READY_S, _END_S = 20.0, 15.0
_MODULES = {"s": "fnq_server", "c": "fnq_consumer", "w": "fnq_worker"}
_SERVICES = {"s": "fnq-server", "c": "fnq-consumer"}


class Registered:
    """A Redis, and servers ("s1"), consumers ("c1") and workers ("w1") below one folder.

    With `tls` all of them speak it, and show each other a certificate where that has a
    `client_ca`.
    """

    def __init__(self, folder: Path, consul: ConsulAgent, tls: Tls = PLAIN) -> None:
        self._folder = folder
        self._tls = tls
        self.consul = consul
        self.redis = RedisServer(folder, durable=True, tls=tls)
        self.ports: dict[str, int] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def redis_url(self) -> str:
        """What services take as --redis."""
        return f"redis{'s' if self._tls.certificate else ''}+consul://{self.consul.place}"

    @property
    def env(self) -> dict[str, str]:
        """The environment of whoever is to find and to trust the services."""
        tls = self._tls
        shown = {"FNQ_TLS_CA": tls.ca, "FNQ_TLS_CERT": tls.certificate, "FNQ_TLS_KEY": tls.key}
        return os.environ | self.consul.env | shown

    def start_redis(self) -> None:
        """Start Redis at a port that it did not have before, and have it registered."""
        self.redis.port = free_port()
        self.redis.start()
        self.consul.register("fnq-redis", "redis", self.redis.port)

    def start(self, *names: str) -> None:
        """Start servers and consumers; have each registered once it is ready."""
        for name in names:
            self.ports[name] = free_port()
            self.begin(name, "--listen", self.place(name), *self._strictness)
        for name in names:
            self.wait_said(name, "is ready")
            self.consul.register(_SERVICES[name[0]], name, self.ports[name])

    @property
    def _strictness(self) -> tuple[str, ...]:
        return ("--tls-client-ca", self._tls.client_ca) if self._tls.client_ca else ()

    def start_worker(self, name: str, version: str) -> None:
        """Start a worker of a version."""
        at, work = self.consul.address, str(self._folder / "work")
        self.begin(name, "--consumer", at, "--server", at, "--version", version, "--work", work)

    def begin(self, name: str, *words: str) -> None:
        """Start a process."""
        argv = [sys.executable, "-m", _MODULES[name[0]], "--redis", self.redis_url, *words]
        with self._log(name).open("wb") as log:
            self._processes[name] = subprocess.Popen(argv, env=self.env, stderr=log, stdout=log)

    def place(self, name: str) -> str:
        """Return where a process listens."""
        return f"127.0.0.1:{self.ports[name]}"

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def said(self, name: str) -> str:
        """Return what a process has said."""
        return self._log(name).read_text(errors="replace")

    def wait_said(self, name: str, text: str) -> None:
        """Return once a process has said `text`."""
        wait_until(lambda: text in self.said(name), _READY_S)

    def kill(self, name: str) -> None:
        """End a process as `kill -9` does."""
        process = self._processes.pop(name)
        process.kill()
        process.wait(_END_S)

    def close(self) -> None:
        """End all of them; each must end in order."""
        codes = {}
        for name in sorted(self._processes, reverse=True):
            self._processes[name].terminate()
            codes[name] = self._processes[name].wait(_END_S)
        self.redis.kill()
        assert not any(codes.values()), codes
