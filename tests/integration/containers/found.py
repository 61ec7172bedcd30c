"""A fleet in which everybody is found through Consul, in a container of its own."""

from __future__ import annotations

import shutil
from typing import Any

import consul
import pytest

from tests.integration.containers.engine import stock
from tests.integration.containers.fleet import PORT, START_S, Fleet
from tests.livestack import wait_until

__all__ = ["FoundFleet"]

STOCK = "hashicorp/consul:1.20"
#: Consul's own port.
HTTP = 8500


class FoundFleet(Fleet):
    """Knows no address but Consul's; what it starts is registered there with a check."""

    redis = f"redis+consul://consul:{HTTP}"
    consumer = server = f"consul://consul:{HTTP}"

    @property
    def addr(self) -> str:
        return f"consul://127.0.0.1:{self._ports['consul']}"

    def prepare(self) -> None:
        command = ["consul", "agent", "-dev", "-client", "0.0.0.0"]  # noqa: S104 - of its network
        if image := stock(STOCK):
            self.run("consul", image, command, publish=HTTP)
        elif binary := shutil.which("consul"):
            self.run("consul", "base", command, mount=binary, publish=HTTP)
        else:
            pytest.skip(f"no Consul: {STOCK} cannot be pulled, and none is on the path")
        self.wait_for("consul", "cluster leadership acquired")

    def announce(self, name: str) -> None:
        if not name.startswith(("redis", "server", "consumer")):
            return
        [network] = self.look(name)["NetworkSettings"]["Networks"].values()
        address = network["IPAddress"]
        kind, port = ("tcp", 6379) if name == "redis" else ("grpc", PORT)
        with self._consul() as asked:
            asked.agent.service.register(
                f"fnq-{name.partition('-')[0]}",
                service_id=name,
                address=address,
                port=port,
                check={kind: f"{address}:{port}", "interval": "1s"},
            )

    def start(self) -> None:
        super().start()
        for name in self.names("redis", "server", "consumer"):
            self._wait_until_found(name)

    def again(self, name: str) -> None:
        super().again(name)
        if name.startswith(("server", "consumer")):
            self._wait_until_found(name)

    def _wait_until_found(self, name: str) -> None:
        wait_until(f"{name} is healthy", lambda: self._passes(name), START_S)

    def _passes(self, name: str) -> bool:
        with self._consul() as asked:
            _, nodes = asked.health.service(f"fnq-{name.partition('-')[0]}", passing=True)
        return name in {each["Service"]["ID"] for each in nodes}

    def _consul(self) -> Any:
        return consul.Consul(host="127.0.0.1", port=self._ports["consul"])
