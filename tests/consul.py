"""A real Consul for tests: one agent in development mode, on ports of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import consul
import pytest

from jobs import command
from jobs.agent import missing
from tests import agents
from tests.redis import wait_until

__all__ = ["ConsulAgent"]

#: Seconds that Consul may take to have a leader after its start.
_START_S = 20.0
#: Longer than any test: a check changes only when the test says so.
_TTL = "1h"


class ConsulAgent:
    """One Consul, on loopback; it forgets all when it is killed and started again.

    Skips the test where there is no binary.
    """

    def __init__(self, folder: Path) -> None:
        if missing(["consul"]):
            pytest.skip("consul is not on the path")
        self._agent = command.consul(agents.ports()[0], folder)
        self._process: subprocess.Popen[bytes] | None = None
        self._client = self._connect()

    def _connect(self) -> Any:
        client = consul.Consul("127.0.0.1", self._agent.ports[0], scheme="http")
        client.http.session.trust_env = False
        return client

    @property
    def place(self) -> str:
        """Its "host:port"."""
        return f"127.0.0.1:{self._agent.ports[0]}"

    @property
    def address(self) -> str:
        """What stands for a server or a consumer in settings."""
        return f"consul://{self.place}"

    def start(self) -> None:
        """Start it and wait until it has elected itself."""
        with self._agent.log.open("ab") as log:
            # A child of this process, so that it can be killed and waited for.
            self._process = subprocess.Popen(self._agent.command, stdout=log)
        wait_until(self._leads, _START_S)

    def _leads(self) -> bool:
        try:
            # The node's own check is what is written last.
            return bool(self._client.health.state("passing")[1])
        except (OSError, consul.ConsulException):
            return False

    def register(self, service: str, name: str, port: int, host: str = "127.0.0.1") -> None:
        """Add an instance, or move it; it passes its check until the test says otherwise."""
        check = consul.Check.ttl(_TTL)
        self._client.agent.service.register(
            service, service_id=name, address=host, port=port, check=check
        )
        # Registered anew, an instance keeps the state that its check had.
        self.pass_check(name)

    def pass_check(self, name: str) -> None:
        """Call an instance healthy."""
        self._client.agent.check.ttl_pass(f"service:{name}")

    def fail_check(self, name: str) -> None:
        """Call an instance critical."""
        self._client.agent.check.ttl_fail(f"service:{name}")

    def deregister(self, name: str) -> None:
        """Take an instance away."""
        self._client.agent.service.deregister(name)

    def kill(self) -> None:
        """End it at once, as `kill -9` does; twice is fine."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None
        self._client.http.session.close()
