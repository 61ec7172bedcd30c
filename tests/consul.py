"""A real Consul for tests: one agent in development mode, on ports of its own."""

from __future__ import annotations

import signal
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import consul
import pytest

from fnq_wire.tls import PLAIN, Tls
from jobs import command
from jobs.agent import missing
from tests import agents
from tests.ports import free_port
from tests.redis import wait_until

__all__ = ["ConsulAgent"]

#: Seconds that Consul may take to have a leader after its start.
_START_S = 20.0
#: Longer than any test: a check changes only when the test says so.
_TTL = "1h"


class ConsulAgent:
    """One Consul, on loopback; it forgets all when it is killed and started again.

    With `tls` it is to be found at a port where it speaks that, and `env` says so. Skips
    the test where there is no binary.
    """

    def __init__(self, folder: Path, tls: Tls = PLAIN) -> None:
        if missing(["consul"]):
            pytest.skip("consul is not on the path")
        self._agent = command.consul(agents.ports()[0], folder)
        self._port = self._agent.ports[0]
        #: What whoever looks there has to know besides its address.
        self.env: dict[str, str] = {}
        if tls.certificate:
            self._port = free_port()
            self._agent = replace(
                self._agent, command=(*self._agent.command, f"-hcl={_secured(self._port, tls)}")
            )
            self.env = {"CONSUL_HTTP_SSL": "true", "CONSUL_CACERT": tls.ca}
        self._process: subprocess.Popen[bytes] | None = None
        self._client = self._connect()

    def _connect(self) -> Any:
        client = consul.Consul("127.0.0.1", self._agent.ports[0], scheme="http")
        client.http.session.trust_env = False
        return client

    @property
    def place(self) -> str:
        """Its "host:port"."""
        return f"127.0.0.1:{self._port}"

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

    def watch(self, service: str, name: str, place: str, kind: str = "GRPC") -> None:
        """Add an instance that Consul itself asks how it is, as the system's jobs have it."""
        host, _, port = place.rpartition(":")
        check = {kind: place, "Interval": "1s", "Timeout": "1s"}
        self._client.agent.service.register(
            service, service_id=name, address=host, port=int(port), check=check
        )

    def passing(self, service: str) -> set[str]:
        """Return the names of the instances that pass their checks."""
        _, found = self._client.health.service(service, passing=True)
        return {each["Service"]["ID"] for each in found}

    def hang(self) -> None:
        """Have it answer nobody; whoever connects still can."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

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


def _secured(port: int, tls: Tls) -> str:
    return (
        f'ports {{ https = {port} }} ca_file = "{tls.ca}" '
        f'cert_file = "{tls.certificate}" key_file = "{tls.key}"'
    )
