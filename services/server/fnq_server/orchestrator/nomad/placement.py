"""Why Nomad has not placed a worker, in one sentence, and whether it ever can. Pure.

Nomad says what each node lacked when it looked; that a node is full now and that it
is too small for ever are the same to it. The nodes themselves tell the two apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from fnq_server.orchestrator.nomad.job import GROUP

__all__ = ["Ask", "Node", "Lack", "judge", "unplaced"]

#: What Nomad says of a node that is like one it has refused; the other one has the reason.
_SAME_CLASS = "computed class ineligible"


class Lack(NamedTuple):
    """`permanent`: no node that Nomad knows would have room for it, were it empty."""

    sentence: str
    permanent: bool = False


@dataclass(frozen=True, slots=True)
class Ask:
    """What a job asks of a node."""

    driver: str
    cpu_mhz: int
    memory_mb: int
    pool: str
    datacenters: tuple[str, ...]

    @classmethod
    def of(cls, job: Mapping[str, Any]) -> Ask:
        """Return what a job asks for, as Nomad shows the job."""
        task = job["TaskGroups"][0]["Tasks"][0]
        return cls(
            driver=task["Driver"],
            cpu_mhz=task["Resources"]["CPU"],
            memory_mb=task["Resources"]["MemoryMB"],
            pool=job["NodePool"],
            datacenters=tuple(job["Datacenters"]),
        )

    def __str__(self) -> str:
        """Say how much it is, not where."""
        return f"{self.cpu_mhz} MHz and {self.memory_mb} MiB"


@dataclass(frozen=True, slots=True)
class Node:
    """What a node has for jobs when it is empty."""

    ready: bool
    pool: str
    datacenter: str
    #: The drivers that it has, and what is wrong with each; "" for nothing.
    drivers: Mapping[str, str]
    cpu_mhz: int
    memory_mb: int

    @classmethod
    def of(cls, node: Mapping[str, Any]) -> Node:
        """Return a node as Nomad lists it with its resources."""
        own, kept = node["NodeResources"], node.get("ReservedResources") or {}
        return cls(
            ready=node["Status"] == "ready" and node["SchedulingEligibility"] == "eligible",
            pool=node["NodePool"],
            datacenter=node["Datacenter"],
            drivers={
                name: "" if driver["Healthy"] else driver["HealthDescription"] or "unhealthy"
                for name, driver in (node.get("Drivers") or {}).items()
                if driver["Detected"]
            },
            cpu_mhz=own["Cpu"]["CpuShares"] - kept.get("Cpu", {}).get("CpuShares", 0),
            memory_mb=own["Memory"]["MemoryMB"] - kept.get("Memory", {}).get("MemoryMB", 0),
        )


def unplaced(evaluations: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return what Nomad met when it last failed to place a worker; None when nothing waits.

    An evaluation that waits for room is blocked, until a change of the nodes or of
    the job puts another in its place.
    """
    blocked = [each for each in evaluations if each["Status"] == "blocked"]
    for each in sorted(blocked, key=lambda each: int(each["CreateIndex"]), reverse=True):
        metric: Mapping[str, Any] | None = (each.get("FailedTGAllocs") or {}).get(GROUP)
        if metric is not None:
            return metric
    return None


def judge(ask: Ask, metric: Mapping[str, Any], nodes: Sequence[Node]) -> Lack:
    """Return why no node took a worker, from what Nomad met and what the nodes are."""
    here = [node for node in nodes if _is_meant(ask, node)]
    able = [node for node in here if ask.driver in node.drivers]
    lack = _lack_of_nodes(ask, here, able) or _lack_of_size(ask, able) or _lack_now(ask, able)
    return lack._replace(sentence=f"{lack.sentence} (Nomad: {_recount(metric)})")


def _is_meant(ask: Ask, node: Node) -> bool:
    in_pool = ask.pool in ("all", node.pool)
    return in_pool and any(fnmatchcase(node.datacenter, each) for each in ask.datacenters)


def _lack_of_nodes(ask: Ask, here: Sequence[Node], able: Sequence[Node]) -> Lack | None:
    """Return what an operator has to mend; it may be mended, so it is never permanent."""
    if not here:
        where = "" if ask.datacenters == ("*",) else f" of {', '.join(ask.datacenters)}"
        return Lack(f"no node is in the node pool {ask.pool!r}{where}")
    if not able:
        return Lack(f"no node has the driver {ask.driver!r}")
    return None


def _lack_of_size(ask: Ask, able: Sequence[Node]) -> Lack | None:
    memory_mb = max(node.memory_mb for node in able)
    cpu_mhz = max(node.cpu_mhz for node in able)
    if memory_mb < ask.memory_mb:
        return Lack(_too_small("memory", f"{ask.memory_mb} MiB", f"{memory_mb} MiB"), True)
    if cpu_mhz < ask.cpu_mhz:
        return Lack(_too_small("CPU", f"{ask.cpu_mhz} MHz", f"{cpu_mhz} MHz"), True)
    if not any(_fits(ask, node) for node in able):
        return Lack(f"no node has both the CPU and the memory: it asks for {ask}", True)
    return None


def _too_small(what: str, asked: str, most: str) -> str:
    return f"no node has enough {what}: it asks for {asked}, the most that a node has is {most}"


def _fits(ask: Ask, node: Node) -> bool:
    return node.memory_mb >= ask.memory_mb and node.cpu_mhz >= ask.cpu_mhz


def _lack_now(ask: Ask, able: Sequence[Node]) -> Lack:
    """Return why none of the nodes that are large enough takes it now."""
    large = [node for node in able if _fits(ask, node)]
    faults = {node.drivers[ask.driver] for node in large}
    if not any(node.ready for node in large):
        return Lack(f"no node that is large enough is ready: it asks for {ask}")
    if "" not in faults:
        return Lack(f"the driver {ask.driver!r} does not work: {'; '.join(sorted(faults))}")
    return Lack(f"the nodes that could run it are in use: it asks for {ask}")


def _recount(metric: Mapping[str, Any]) -> str:
    """Return what Nomad met, in its own words."""
    parts = [
        *_counts(metric.get("ConstraintFiltered"), lambda each: each),
        *_counts(metric.get("DimensionExhausted"), lambda each: f"{each} exhausted"),
        *(f"quota reached: {each}" for each in metric.get("QuotaExhausted") or ()),
    ]
    if not parts:
        return f"no node was eligible, {metric.get('NodesInPool', 0)} in the pool"
    return ", ".join(parts)


def _counts(met: Mapping[str, int] | None, words: Callable[[str], str]) -> list[str]:
    named = {each: count for each, count in (met or {}).items() if each != _SAME_CLASS}
    return [
        f"{words(each)} on {count} node{'' if count == 1 else 's'}"
        for each, count in sorted((named or met or {}).items())
    ]
