"""The GPUs that nodes have, and who holds them, from what Nomad lists. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from fnq_server.orchestrator.nomad.census import replica_of
from fnq_server.orchestrator.nomad.job import FUNCTION, NAMESPACE, VERSION
from fnq_server.orchestrator.nomad.story import TERMINAL
from fnq_server.orchestrator.seam import Gpu, Placed

__all__ = ["Group", "Held", "Holder", "cards", "groups", "held"]

_GPU = "gpu"
#: MiB in what a device plugin counts memory in.
_UNITS = {"MiB": 1, "GiB": 1 << 10}
_MIB = 1 << 20


class Group(NamedTuple):
    """GPUs of one model on one node.

    `maker` is what a block asks for, as "nvidia/gpu"; `memory_mb` is of each, 0 where it is
    not known; `faults` says of each by its id what is wrong, "" for nothing.
    """

    node: str
    maker: str
    model: str
    memory_mb: int
    faults: Mapping[str, str]

    def free(self, taken: Held) -> int:
        """Return how many nobody holds, of those that work."""
        sound = (each for each, fault in self.faults.items() if not fault)
        return sum((self.node, each) not in taken for each in sound)


@dataclass(frozen=True, slots=True)
class Holder:
    """What runs on a GPU: a worker, or another's `job`, which has no function."""

    job: str
    namespace: str = ""
    function: str = ""
    version: str = ""
    replica: int = 0

    def shown(self, namespace: str) -> str:
        """Return who that is, to somebody who asks in a namespace."""
        if not self.function:
            return f"the job {self.job!r}"
        there = "" if self.namespace == namespace else f" in namespace {self.namespace!r}"
        return self.function + there


#: Who holds which GPU, by the id of its node and its own.
Held = Mapping[tuple[str, str], Holder]


def groups(node: Mapping[str, Any]) -> tuple[Group, ...]:
    """Return the GPUs of a node as Nomad lists it with its resources."""
    return tuple(
        Group(
            node=node["ID"],
            maker=f"{each['Vendor']}/{each['Type']}",
            model=each["Name"],
            memory_mb=_memory_mb((each.get("Attributes") or {}).get("memory") or {}),
            faults={
                one["ID"]: "" if one["Healthy"] else one["HealthDescription"] or "not healthy"
                for one in each["Instances"] or ()
            },
        )
        for each in node["NodeResources"].get("Devices") or ()
        if each["Type"] == _GPU
    )


def _memory_mb(attribute: Mapping[str, Any]) -> int:
    amount = attribute.get("Int") or attribute.get("Float") or 0
    return int(amount * _UNITS.get(attribute.get("Unit") or "", 0))


def held(
    jobs: Sequence[Mapping[str, Any]], allocations: Sequence[Mapping[str, Any]]
) -> dict[tuple[str, str], Holder]:
    """Return who holds which GPU; `jobs` are ours, the allocations those of all with resources."""
    ours = {(each["Namespace"], each["ID"]): each["Meta"] for each in jobs}
    return {
        (each["NodeID"], gpu): _holder(each, ours.get((each["Namespace"], each["JobID"]), {}))
        for each in allocations
        if each["ClientStatus"] not in TERMINAL
        for gpu in _gpus(each)
    }


def _gpus(allocation: Mapping[str, Any]) -> Iterator[str]:
    tasks = (allocation.get("AllocatedResources") or {}).get("Tasks") or {}
    for task in tasks.values():
        for device in task.get("Devices") or ():
            if device["Type"] == _GPU:
                yield from device["DeviceIDs"]


def _holder(allocation: Mapping[str, Any], meta: Mapping[str, str]) -> Holder:
    return Holder(
        job=allocation["JobID"],
        namespace=meta.get(NAMESPACE, ""),
        function=meta.get(FUNCTION, ""),
        version=meta.get(VERSION, ""),
        replica=replica_of(allocation),
    )


def cards(nodes: Sequence[Mapping[str, Any]], taken: Held) -> list[Gpu]:
    """Return the GPUs of all nodes, by node and model; a node that is not ready is a fault."""
    found = [
        _card(node, group, each, taken)
        for node in nodes
        for group in groups(node)
        for each in group.faults
    ]
    return sorted(found, key=lambda each: (each.address, each.model, each.identity))


def _card(node: Mapping[str, Any], group: Group, identity: str, taken: Held) -> Gpu:
    holder = taken.get((group.node, identity))
    status = "" if node["Status"] == "ready" else f"its node is {node['Status']}"
    ours = holder is not None and bool(holder.function)
    return Gpu(
        identity=identity,
        model=group.model,
        address=node["Name"],
        memory_bytes=group.memory_mb * _MIB,
        fault=status or group.faults[identity],
        workers=[_worker(holder, node["Name"])] if holder is not None and ours else (),
        others=[holder.job] if holder is not None and not ours else (),
    )


def _worker(holder: Holder, node: str) -> Placed:
    return Placed(
        namespace=holder.namespace,
        function=holder.function,
        version=holder.version,
        replica=holder.replica,
        state="running",
        address=node,
    )
