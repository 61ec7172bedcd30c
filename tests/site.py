"""A Nomad and a Consul of several machines: one server each, and nodes that run the tasks."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fnq_local import redis
from jobs import remains
from jobs.agent import Agent, missing, own_environment
from jobs.cluster import JOBS
from jobs.consul import Consul
from jobs.http import RefusalError, ask
from jobs.nomad import Nomad
from tests import machines
from tests.livestack import wait_until
from tests.machines import Machine

__all__ = ["NODES", "STORE", "Node", "Site", "lacking", "site"]

#: The machine of both servers, and those that run tasks; Redis' data lies on the first.
_HUB, NODES = "hub", ("a", "b", "c")
STORE = NODES[0]
#: Nomad's datacenter of that node, in which Redis is kept, and that of the others.
_STORE_DC, _OTHER_DC = "store", "rest"
TOKEN = "token-of-the-site"
_PASSWORD = "password-of-the-site"
#: Seconds for agents to answer, for a node to be known to all, and for a job to be healthy.
_READY_S, _JOB_S = 60.0, 90.0
#: What a node says that it has: functions that wait reserve much and use little.
_MEMORY_MB, _CPU_MHZ = 65_536, 100_000


@dataclass(frozen=True, slots=True)
class Node:
    """A machine with an agent of Consul and one of Nomad, whose files lie in `state`."""

    name: str
    machine: Machine
    state: Path
    settings: Mapping[str, Any]
    consul_words: tuple[str, ...]

    def start(self) -> None:
        """Start both agents unless they run."""
        self.machine.plug_in()
        self.state.mkdir(mode=0o711, exist_ok=True)
        (self.state / "nomad.json").write_text(json.dumps(self.settings), "utf-8")
        own = self.machine.address
        # The command names the state's folder: so the processes are known to be ours.
        consul = (
            *("consul", "agent", f"-node={self.name}", "-log-level=warn", *self.consul_words),
            *(f"-bind={own}", f"-client=127.0.0.1 {own}", f"-data-dir={self.state}/consul"),
            *("-dns-port=-1", "-grpc-port=-1"),
        )
        nomad = ("nomad", "agent", f"-config={self.state}/nomad.json")
        for name, words in (("consul", consul), ("nomad", nomad)):
            Agent(name, self.machine.command(*words), (), self.state).start()

    def lose_power(self) -> None:
        """End agents and tasks at once, without a word to anybody; `start` brings it back."""
        self.machine.lose_power()
        remains.end(self.state)


@dataclass(frozen=True, slots=True)
class Site:
    """The agents of all machines, and the jobs of the system on them."""

    hub: Node
    nodes: Mapping[str, Node]

    @property
    def consul(self) -> Consul:
        """Its Consul, at the hub."""
        return Consul(f"{self.hub.machine.address}:8500")

    @property
    def nomad(self) -> Nomad:
        """Its Nomad, at the hub."""
        return Nomad(f"http://{self.hub.machine.address}:4646")

    def up(self) -> None:
        """Start all agents, and the jobs; return when Consul calls these healthy."""
        self.hub.start()
        wait_until("Consul leads", self.consul.ready, _READY_S)
        # A client that comes before there are keys tries again only after half a minute.
        wait_until("Nomad has its keys", self._has_keys, _READY_S)
        for node in self.nodes.values():
            node.start()
        wait_until("all nodes are ready", lambda: self.ready() == set(self.nodes), _READY_S)
        self.nomad.put_secrets({"FNQ_TOKEN": TOKEN, "REDIS_PASSWORD": _PASSWORD})
        counts = {"redis": 1, "server": 2, "consumer": 3}
        with ThreadPoolExecutor() as pool:
            for _ in pool.map(self.run, counts):
                pass
        for job, count in counts.items():
            self.await_healthy(job, count)

    def run(self, job: str) -> None:
        """Run one of the system's jobs, as an operator of plain processes does."""
        data = self.hub.state / "redis"
        data.mkdir(mode=0o700, exist_ok=True)
        native = {"driver": "raw_exec", "command": sys.executable}
        worker = {"worker_driver": "raw_exec", "worker_command": sys.executable}
        variables: dict[str, dict[str, str | int]] = {
            "redis": {
                **native,
                "command": redis.find(str(data)),
                "data": str(data),
                "datacenters": f'["{_STORE_DC}"]',
            },
            # So the loss of a caller's server is not that of Redis.
            "server": {**native, **worker, "count": 2, "datacenters": f'["{_OTHER_DC}"]'},
            "consumer": {**native, "count": 3},
        }
        self.nomad.run(JOBS / f"{job}.nomad.hcl", variables[job], _JOB_S)

    def await_healthy(self, job: str, count: int) -> None:
        """Return once so many instances of one of the system's services pass their checks."""

        def healthy() -> bool:
            return len(self.consul.healthy(f"fnq-{job}")) >= count

        wait_until(f"{count} of {job} are healthy", healthy, _JOB_S)

    def _has_keys(self) -> bool:
        try:
            return bool(self.get("operator/keyring/keys"))
        except RefusalError:
            return False

    def ready(self) -> set[str]:
        """Return the nodes on which services can be placed now."""
        found = self.get("nodes")
        usable = [
            each
            for each in found
            if (each["Status"], each["SchedulingEligibility"]) == ("ready", "eligible")
        ]
        # Their Consul is asked for again until it has answered once.
        known = [each for each in usable if self._knows_consul(each["ID"])]
        return {each["Name"] for each in known}

    def _knows_consul(self, node: str) -> bool:
        return "consul.version" in self.get(f"node/{node}")["Attributes"]

    def running(self, job: str) -> dict[str, str]:
        """Return the allocations of a job that are to run, and do, with their nodes."""
        return {
            each["ID"]: each["NodeName"]
            for each in self.allocations(job)
            if (each["DesiredStatus"], each["ClientStatus"]) == ("run", "running")
        }

    def drain(self, node: str) -> None:
        """Have all that runs on a node placed elsewhere; return when nothing of it runs there."""
        self.command("node", "drain", "-enable", "-yes", self._id(node))

    def admit(self, node: str) -> None:
        """Have jobs be placed on a node that was drained; return when they can be."""
        self.command("node", "eligibility", "-enable", self._id(node))
        wait_until(f"node {node} is ready", lambda: node in self.ready(), _READY_S)

    def revive(self, node: str) -> None:
        """Start a node that lost its power; return when jobs can be placed on it."""
        self.nodes[node].start()
        wait_until(f"node {node} is ready", lambda: node in self.ready(), _READY_S)

    def _id(self, node: str) -> str:
        [found] = [each["ID"] for each in self.get("nodes") if each["Name"] == node]
        return str(found)

    def allocations(self, job: str) -> list[dict[str, Any]]:
        """Return all allocations of a job, those that ended too."""
        found: list[dict[str, Any]] = self.get(f"job/{job}/allocations")
        return found

    def get(self, path: str) -> Any:
        """Return what Nomad answers at a path below /v1/."""
        return ask("GET", f"{self.nomad.address}/v1/{path}")

    def command(self, *words: str, within_s: float = _JOB_S) -> str:
        """Run nomad's own command, which must succeed; return what it printed."""
        done = subprocess.run(
            ["nomad", *words],
            env=own_environment() | {"NOMAD_ADDR": self.nomad.address},
            capture_output=True,
            text=True,
            timeout=within_s,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def lacking() -> str:
    """Return what this machine lacks for a site; empty when it lacks nothing."""
    absent = missing(["consul", "nomad"])
    return f"not on the path: {', '.join(absent)}" if absent else machines.lacking()


@contextmanager
def site() -> Iterator[Site]:
    """Give a site that is not up yet; afterwards nothing is left of it."""
    with (
        # Not pytest's folder for temporary files: its names are too long for a socket.
        tempfile.TemporaryDirectory(prefix="n-") as folder,
        machines.machines((_HUB, *NODES)) as found,
    ):
        state = Path(folder).resolve()
        state.chmod(0o711)
        made = Site(
            _hub(found[_HUB], state / _HUB),
            {name: _node(name, found[name], found[_HUB], state / name) for name in NODES},
        )
        try:
            yield made
        finally:
            for each in (*made.nodes.values(), made.hub):
                each.lose_power()


def _hub(machine: Machine, state: Path) -> Node:
    server = {"enabled": True, "bootstrap_expect": 1}
    return Node(_HUB, machine, state, _settings(_HUB, machine, state, server=server), ("-dev",))


def _node(name: str, machine: Machine, hub: Machine, state: Path) -> Node:
    client = {
        "enabled": True,
        "servers": [hub.address],
        "network_interface": "eth0",
        "memory_total_mb": _MEMORY_MB,
        "cpu_total_compute": _CPU_MHZ,
        # Each asks an address that only a cloud has, and waits.
        "options": {"fingerprint.denylist": "env_aws,env_gce,env_azure,env_digitalocean"},
    }
    settings = _settings(name, machine, state, client=client)
    settings["datacenter"] = _STORE_DC if name == STORE else _OTHER_DC
    settings["plugin"] = [{"raw_exec": [{"config": [{"enabled": True}]}]}]
    return Node(name, machine, state, settings, (f"-retry-join={hub.address}",))


def _settings(name: str, machine: Machine, state: Path, **role: Any) -> dict[str, Any]:
    own = machine.address
    return {
        "name": name,
        "data_dir": f"{state}/nomad",
        "log_level": "WARN",
        "disable_update_check": True,
        "bind_addr": "0.0.0.0",  # noqa: S104 - of a namespace that nobody else reaches
        "advertise": {"http": own, "rpc": own, "serf": own},
        "consul": {"address": "127.0.0.1:8500"},
        **role,
    }
