"""Whether the nodes of a Nomad can run workers. Pure.

`nodes` are what Nomad lists with resources, `details` nodes as it shows each for itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from fnq_server.orchestrator.nomad.device import NVIDIA
from fnq_server.orchestrator.nomad.inventory import groups
from fnq_server.orchestrator.nomad.placement import Node
from fnq_server.orchestrator.nomad.terms import Terms
from fnq_wire.finding import Finding, missing, note, ok

__all__ = ["consul", "cpu", "driver", "gpus", "nomad", "volumes"]

#: The first Nomad that makes host volumes when it is asked.
_OLDEST = (1, 10)
#: Of an attribute that a node has: its Consul, and what makes volumes.
_CONSUL, _MAKES = "consul.version", "plugins.host_volume.mkdir.version"
#: Parts of a core by which what a node counts for one may be off.
_SLACK = 0.05
_NAMED = 4
#: How an operator has a driver on a node.
_DRIVERS = {
    "raw_exec": 'give each client the block plugin "raw_exec" { config { enabled = true } }',
    "exec": "run the clients as root, where the kernel has control groups",
    "docker": "start a Docker engine on the nodes, which their clients can reach",
}

_Listed = Sequence[Mapping[str, Any]]


def nomad(nodes: _Listed, address: str) -> Finding:
    """Return whether there are nodes, of a release that will do."""
    ready = [each for each in nodes if Node.of(each).ready]
    releases = sorted({str(each["Version"]) for each in nodes}, key=_release)
    if not nodes:
        return missing(
            "nomad",
            f"Nomad at {address} has no nodes",
            "start an agent with client { enabled = true }",
        )
    if not ready:
        return missing(
            "nomad",
            f"of {_count(nodes)} at {address} none is ready and eligible",
            "see nomad node status; then nomad node eligibility -enable NODE",
        )
    if _release(releases[0]) < _OLDEST:
        wanted = ".".join(map(str, _OLDEST))
        return missing(
            "nomad",
            f"a node has Nomad {releases[0]}, and volumes need {wanted} or newer",
            "install a newer one there",
        )
    told = f"Nomad {', '.join(releases)} at {address}, {len(ready)} of {_count(nodes)} ready"
    away = {each["Name"]: _absence(each) for each in nodes if not Node.of(each).ready}
    if away:
        return note(
            "nomad",
            f"{told}: no worker goes to {_named(away)}",
            "to have workers there again: nomad node eligibility -enable NODE",
        )
    return ok("nomad", told)


def _absence(node: Mapping[str, Any]) -> str:
    """Return why a node takes no workers."""
    if node["Status"] != "ready":
        return f"it is {node['Status']}"
    return "it drains" if node.get("Drain") else "it is not eligible"


def _release(text: str) -> tuple[int, ...]:
    return tuple(int(each) for each in re.findall(r"\d+", text)[:3])


def driver(nodes: _Listed, terms: Terms) -> Finding:
    """Return whether a node of those that are meant for functions runs their driver."""
    name = terms.driver
    faults = {each["Name"]: _fault(each, name) for each in nodes if Node.of(each).ready}
    bad = {title: fault for title, fault in faults.items() if fault}
    if len(bad) == len(faults):
        why = f": {_named(bad)}" if bad else ""
        return missing("driver", f"no node that is ready runs {name}{why}", _DRIVERS[name])
    if bad:
        return note(
            "driver", f"{name} does not work on {_named(bad)}: workers go elsewhere", _DRIVERS[name]
        )
    return ok("driver", f"{name} works on {_count(faults)}")


def _fault(node: Mapping[str, Any], name: str) -> str:
    return Node.of(node).drivers.get(name, "it does not have it")


def cpu(nodes: _Listed, core_mhz: int) -> Finding:
    """Return whether nodes count for a core what functions ask for one."""
    counted = {each["Name"]: _mhz(each) for each in nodes}
    none = [title for title, mhz in counted.items() if not mhz]
    off = {title: f"{mhz:g} MHz" for title, mhz in counted.items() if _is_off(mhz, core_mhz)}
    remedy = (
        "set client { cpu_total_compute } of the nodes to 1000 for each core, or -var "
        "worker_core_mhz= of jobs/server.nomad.hcl to what they count"
    )
    if none:
        return missing("cpu", f"{', '.join(none[:_NAMED])} says that it has no CPU at all", remedy)
    if off:
        return note(
            "cpu",
            f"cpu=1 asks for {core_mhz} MHz, and a core counts otherwise on {_named(off)}: where "
            "it counts more, a node takes more workers than it has cores for, where less, fewer",
            f"unless that is meant, {remedy}",
        )
    return ok("cpu", f"a core counts {core_mhz} MHz on {_count(counted)}")


def _mhz(node: Mapping[str, Any]) -> float:
    """Return what a node counts for one core."""
    found = node["NodeResources"]["Cpu"]
    cores = found.get("TotalCpuCores") or len(found.get("ReservableCpuCores") or ()) or 1
    return float(found["CpuShares"] / cores)


def _is_off(mhz: float, core_mhz: int) -> bool:
    return abs(mhz - core_mhz) > core_mhz * _SLACK


def volumes(details: _Listed) -> Finding:
    """Return whether nodes make volumes."""
    lacking = [each["Name"] for each in details if _MAKES not in each["Attributes"]]
    if len(lacking) == len(details):
        return missing(
            "volumes",
            "no node makes host volumes: a deploy of a function with volumes= fails",
            "install Nomad 1.10 or newer there; an operator's own host volumes work without",
        )
    if lacking:
        return note("volumes", f"{', '.join(lacking[:_NAMED])} makes no host volumes")
    return ok("volumes", f"{_count(details)} can make host volumes")


def consul(details: _Listed, address: str) -> Finding:
    """Return whether workers find a Consul where they look for it."""
    lacking = [each["Name"] for each in details if _CONSUL not in each["Attributes"]]
    remedy = f"run a Consul agent on each node that runs workers; they ask it at {address}"
    if len(lacking) == len(details):
        return missing("consul agents", "no node has a Consul agent", remedy)
    if lacking:
        names = ", ".join(lacking[:_NAMED])
        return missing(
            "consul agents", f"{names} has no Consul agent: workers there find nobody", remedy
        )
    return ok("consul agents", f"a Consul agent runs on {_count(details)}")


def gpus(details: _Listed, terms: Terms) -> Finding:
    """Return what GPUs there are, and whether containers would see them."""
    having = [each for each in details if groups(each)]
    found = [group for each in having for group in groups(each)]
    if not found:
        return note(
            "gpus",
            "no node has any: functions with gpu= wait",
            "where there are some, put nomad-device-nvidia into plugin_dir, with a block plugin of "
            "the same name",
        )
    count = sum(len(each.faults) for each in found)
    ill = sum(bool(fault) for each in found for fault in each.faults.values())
    models = ", ".join(sorted({each.model for each in found}))
    blind = [each["Name"] for each in having if _is_blind(each, terms)]
    if blind:
        return missing(
            "gpus",
            f"Docker on {', '.join(blind[:_NAMED])} has no runtime {terms.gpu_runtime!r}: no "
            "container sees the GPUs there",
            "install NVIDIA's container toolkit there, or name another with -var "
            "worker_gpu_runtime=",
        )
    if ill:
        return note("gpus", f"{count} ({models}), {ill} of them not healthy", "fnq gpus names them")
    return ok("gpus", f"{count} ({models})")


def _is_blind(node: Mapping[str, Any], terms: Terms) -> bool:
    """Whether Docker on a node cannot show its GPUs to containers."""
    runtimes = node["Attributes"].get("driver.docker.runtimes", "").split(",")
    needed = terms.driver == "docker" and terms.gpu_runtime not in ("", *runtimes)
    return needed and any(each.maker == NVIDIA for each in groups(node))


def _count(nodes: Sequence[object] | Mapping[str, object]) -> str:
    return f"{len(nodes)} node{'' if len(nodes) == 1 else 's'}"


def _named(told: Mapping[str, str]) -> str:
    """Return some nodes with what is said of each."""
    shown = [f"{title} ({words})" for title, words in sorted(told.items())[:_NAMED]]
    more = f" and {len(told) - _NAMED} more" if len(told) > _NAMED else ""
    return ", ".join(shown) + more
