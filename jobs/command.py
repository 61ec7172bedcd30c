"""The commands of both agents in development mode, on loopback, and Nomad's settings."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

from jobs.agent import Agent

__all__ = ["VOLUME", "configure_nomad", "consul", "nomad"]

#: Name of the host volume in which Redis keeps its data.
VOLUME = "fnq-redis"
#: The first Consul that also listens for gRPC with TLS, in development mode unasked.
_WITH_GRPC_TLS = (1, 14)
#: Each worker follows three services, each over a connection of its own; unasked, Consul
#: takes 200 from one address.
_CONNECTIONS = 10_000
#: What the one node says that it has. Functions that wait for calls reserve much and use
#: little; on a machine for development none should wait for room.
_MEMORY_MB, _CPU_MHZ = 262_144, 200_000
#: Allocations that ended and can still be looked at.
_KEPT_ALLOCATIONS = 500
#: What Nomad removes from the engine: no images, as a function that was idle for a while must not
#: wait for its own, and no containers that it does not know, which another Nomad runs.
_GC = {"image": False, "dangling_containers": [{"enabled": False}]}


def consul(port: int, state: Path) -> Agent:
    """Return Consul's agent: `port` for HTTP, three from `port` - 200 on for itself."""
    server, lan, wan = (port - 200 + each for each in range(3))
    # Its own file of the id goes before it does, so that is not the one to look at.
    command = [
        *("consul", "agent", "-dev", "-node=fnq", "-log-level=warn"),
        *("-client=127.0.0.1", "-bind=127.0.0.1", f"-pid-file={state}/consul.own"),
        *(f"-http-port={port}", f"-server-port={server}"),
        *(f"-serf-lan-port={lan}", f"-serf-wan-port={wan}", "-dns-port=-1", "-grpc-port=-1"),
        f"-hcl=limits {{ http_max_conns_per_client = {_CONNECTIONS} }}",
    ]
    if _consul_version() >= _WITH_GRPC_TLS:
        command.append("-grpc-tls-port=-1")
    return Agent("consul", tuple(command), (port, server, lan, wan), state)


def _consul_version() -> tuple[int, ...]:
    """Return the version of the binary; empty when there is none, or it does not tell."""
    try:
        said = subprocess.run(["consul", "version"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ()
    match = re.search(r"v(\d+)\.(\d+)", said.stdout)
    return tuple(int(part) for part in match.groups()) if match else ()


def nomad(port: int, state: Path) -> Agent:
    """Return Nomad's agent: `port` for HTTP, two above it for itself."""
    command = (
        *("nomad", "agent", "-dev", f"-data-dir={state}/nomad"),
        f"-config={state}/nomad.json",
    )
    return Agent("nomad", command, (port, port + 1, port + 2), state)


def configure_nomad(port: int, state: Path, consul: str) -> None:
    """Write the agent's file, and make the directory behind its host volume."""
    volume = state / "volume"
    volume.mkdir(exist_ok=True)
    # The user of a container is another one.
    volume.chmod(0o777)
    settings = {
        "log_level": "WARN",
        "disable_update_check": True,
        "ports": {"http": port, "rpc": port + 1, "serf": port + 2},
        "consul": {"address": consul},
        "server": {"default_scheduler_config": [{"memory_oversubscription_enabled": True}]},
        "client": {
            "memory_total_mb": _MEMORY_MB,
            "cpu_total_compute": _CPU_MHZ,
            "gc_max_allocs": _KEPT_ALLOCATIONS,
            "host_volume": [{VOLUME: [{"path": str(volume)}]}],
            # Each asks an address that only a cloud has, and waits.
            "options": {"fingerprint.denylist": "env_aws,env_gce,env_azure,env_digitalocean"},
        },
        "plugin": [{"docker": [{"config": [{"gc": [_GC]}]}]}],
    }
    (state / "nomad.json").write_text(json.dumps(settings), "utf-8")
