"""Servers, consumers, workers and a Redis, each in a container; callers are outside."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network

from fnq_local.redis import bundled
from tests.integration.containers.engine import LABEL, SERVICES, stock
from tests.livestack import wait_until
from tests.ports import free_port

__all__ = ["PORT", "READY", "START_S", "Fleet"]

#: The Redis that everybody has who reaches a registry.
STOCK = "valkey/valkey:8"
#: Where servers and consumers listen in their containers.
PORT = 7000
#: What services say when they can be used.
READY = "is ready"
#: Seconds that a container may take to be ready, on a busy machine.
START_S = 60
#: Seconds that a service may take to end in order.
STOP_S = 15

# Whatever a test leaves behind is swept by the next run; no container watches ours.
testcontainers_config.ryuk_disabled = True


class Fleet:
    """Containers on a network of their own, which know one another's addresses."""

    #: Where services find Redis.
    redis = "redis://redis:6379"
    #: Where workers find consumers and servers.
    consumer, server = f"consumer-1:{PORT}", f"server-1:{PORT}"

    def __init__(self, images: dict[str, str], base: str) -> None:
        self._images = images | {"base": base}
        self._network = Network()
        self._containers: dict[str, DockerContainer] = {}
        self._ports: dict[str, int] = {}
        self.token = secrets.token_hex(16)
        self.password = secrets.token_hex(16)

    @property
    def addr(self) -> str:
        """Where callers on this machine find a server."""
        return f"127.0.0.1:{self._ports['server-1']}"

    def start(self) -> None:
        """Start a Redis, two servers and two consumers, and wait until they are ready."""
        self._network.create()
        self.prepare()
        self._start_redis()
        for number in (1, 2):
            self.serve(f"server-{number}", "server")
            self.serve(f"consumer-{number}", "consumer")
        for name in self.names("server", "consumer"):
            self.wait_for(name, READY)

    def prepare(self) -> None:
        """Start what must be there before all else: nothing, where addresses are known."""

    def announce(self, name: str) -> None:
        """Say where a container is, after each of its starts: it is known by its name."""

    def _start_redis(self) -> None:
        command = ["--requirepass", self.password, "--appendonly", "yes", "--appendfsync", "no"]
        if image := stock(STOCK):
            self.run("redis", image, ["valkey-server", *command])
        else:
            self.run("redis", "base", ["valkey-server", *command], mount=bundled())
        self.wait_for("redis", "Ready to accept connections")
        self.announce("redis")

    def serve(self, name: str, service: str) -> None:
        """Start a server or a consumer; a server can be reached at a port of this machine."""
        publish = PORT if service == "server" else 0
        self.run(name, service, ["--listen", f"0.0.0.0:{PORT}"], publish=publish)
        self.announce(name)

    def run(
        self,
        name: str,
        image: str,
        command: list[str],
        *,
        mount: str = "",
        publish: int = 0,
        entrypoint: str | None = None,
    ) -> None:
        """Start a container.

        `mount` is a program of this machine that it is to have; `publish` a port of it
        that callers on this machine are to reach.
        """
        container = (
            DockerContainer(self._images.get(image, image))
            .with_command(command)
            .with_network(self._network)
            .with_network_aliases(name)
            .with_kwargs(labels={LABEL: str(os.getpid())}, entrypoint=entrypoint)
        )
        if publish:
            self._ports[name] = free_port()
            # The engine takes a pair, too, and would else listen to everybody.
            pair: Any = ("127.0.0.1", self._ports[name])
            container.ports[str(publish)] = pair
        if image in SERVICES:
            secret = {"FNQ_TOKEN": self.token, "REDIS_PASSWORD": self.password}
            container.with_envs(REDIS_URL=self.redis, **secret)
        if mount:
            container.with_volume_mapping(mount, f"/usr/local/bin/{Path(mount).name}")
        self._containers[name] = container
        container.start()

    def employ(self, *functions: str, replicas: int = 1) -> None:
        """Start workers for functions as soon as they are deployed, unless they have some."""
        wait_until("deployed", lambda: set(functions) <= self.functions().keys(), START_S)
        known = self.functions()
        for function in functions:
            for replica in range(replicas):
                name = f"{function}-{replica}"
                if name not in self._containers:
                    self._work(name, known[function]["version"], replica)

    def _work(self, name: str, version: str, replica: int) -> None:
        words = ["--consumer", self.consumer, "--server", self.server]
        words += ["--version", version, "--replica", str(replica), "--work", "/tmp/work"]
        self.run(name, "worker", words)

    def names(self, *prefixes: str) -> list[str]:
        """Return the names of the containers that begin with one of them."""
        return [name for name in self._containers if name.startswith(prefixes)]

    def id(self, name: str) -> str:
        """Return the id of a container."""
        return self._containers[name].get_container_id()

    def log(self, name: str) -> str:
        """Return what a container has said since its first start."""
        return b"".join(self._containers[name].get_logs()).decode()

    def wait_for(self, name: str, text: str) -> None:
        """Return once a container has said `text`; fail with all that it said."""
        try:
            wait_until(f"{name} says {text!r}", lambda: text in self.log(name), START_S)
        except AssertionError as problem:
            problem.add_note(self.log(name))
            raise

    def look(self, name: str) -> dict[str, Any]:
        """Return what the engine knows of a container."""
        container = self._containers[name].get_wrapped_container()
        container.reload()
        attributes: dict[str, Any] = container.attrs
        return attributes

    def execute(self, name: str, *command: str) -> tuple[int, str]:
        """Run a command in a container; return its exit code and what it said."""
        done = self._containers[name].exec(list(command))
        return done.exit_code or 0, done.output.decode()

    def kill(self, name: str) -> None:
        """End all processes of a container at once."""
        self._containers[name].get_wrapped_container().kill()

    def again(self, name: str) -> None:
        """Start a container that has ended, as an orchestrator does; return when it is ready."""
        before = self.log(name).count(READY)
        self._containers[name].get_wrapped_container().start()
        self.announce(name)
        if name.startswith(("server", "consumer")):
            wait_until(f"{name} is ready", lambda: self.log(name).count(READY) > before, START_S)

    def dismiss(self, name: str) -> int:
        """Tell a container to stop, and remove it; return its exit code."""
        container = self._containers.pop(name)
        container.get_wrapped_container().stop(timeout=STOP_S)
        code: int = container.get_wrapped_container().wait()["StatusCode"]
        container.stop()
        return code

    @property
    def env(self) -> dict[str, str]:
        """The environment in which a script on this machine uses the fleet."""
        return dict(os.environ) | {"FNQ_ADDR": self.addr, "FNQ_TOKEN": self.token}

    def functions(self) -> dict[str, dict[str, Any]]:
        """Return what `fnq status` knows of all functions, by name."""
        command = [str(Path(sys.executable).with_name("fnq")), "status", "--json"]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True)
        return {each["name"]: each for each in json.loads(done.stdout)["functions"]}

    @contextmanager
    def script(self, path: Path, *, token: str = "") -> Iterator[subprocess.Popen[str]]:
        """Start a script on this machine, and end it; its input and output are pipes."""
        with subprocess.Popen(
            [sys.executable, "-u", str(path)],
            env=self.env | {"FNQ_TOKEN": token or self.token},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def close(self) -> None:
        """End everything, what others need last; services must end in order."""
        codes = {name: self.dismiss(name) for name in reversed(list(self._containers))}
        self._network.remove()
        self._network._docker.client.close()
        assert not any(code for name, code in codes.items() if name != "consul"), codes
