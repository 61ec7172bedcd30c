"""Why Nomad has not placed a worker, in one sentence, and whether it ever can. Pure.

Nomad says what each node lacked when it looked; that a node is full now and that it
is too small for ever are the same to it. The nodes themselves tell the two apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from fnq_server.orchestrator.nomad.inventory import Group, Held, groups
from fnq_server.orchestrator.nomad.job import GROUP
from fnq_server.orchestrator.nomad.lack import Lack
from fnq_server.orchestrator.nomad.shortage import Wish
from fnq_server.orchestrator.nomad.volumes import NODE

__all__ = ["Ask", "Node", "could_run", "is_meant", "judge", "overlooks", "unplaced", "waiting"]

#: What Nomad says of a node that is like one it has refused; the other one has the reason.
_SAME_CLASS = "computed class ineligible"
#: What it says of a node without the volumes.
_NO_VOLUMES = "missing compatible host volumes"


@dataclass(frozen=True, slots=True)
class Ask:
    """What a job asks of a node."""

    driver: str
    cpu_mhz: int
    memory_mb: int
    pool: str
    datacenters: tuple[str, ...]
    gpus: Wish | None = None
    #: Nomad's names of the volumes that it mounts.
    volumes: tuple[str, ...] = ()

    @classmethod
    def of(cls, job: Mapping[str, Any]) -> Ask:
        """Return what a job asks for, as Nomad shows the job."""
        [group] = job["TaskGroups"]
        task = group["Tasks"][0]
        return cls(
            driver=task["Driver"],
            cpu_mhz=task["Resources"]["CPU"],
            memory_mb=task["Resources"]["MemoryMB"],
            pool=job["NodePool"],
            datacenters=tuple(job["Datacenters"]),
            gpus=Wish.of(job),
            volumes=tuple(each["Source"] for each in (group.get("Volumes") or {}).values()),
        )

    def __str__(self) -> str:
        """Say how much it is, not where."""
        if self.gpus is not None:
            return f"{self.cpu_mhz} MHz, {self.memory_mb} MiB and {self.gpus}"
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
    gpus: tuple[Group, ...] = ()

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
            gpus=groups(node),
        )


def unplaced(evaluations: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return what Nomad met when it last failed to place a worker; None when nothing waits."""
    found = waiting(evaluations)
    return None if found is None else _metric(found)


def waiting(evaluations: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the evaluation that waits for room for a worker; None when none does.

    It is blocked, until a change of the nodes or of the job puts another in its place.
    """
    blocked = [
        each for each in evaluations if each["Status"] == "blocked" and _metric(each) is not None
    ]
    return max(blocked, key=lambda each: int(each["CreateIndex"]), default=None)


def _metric(evaluation: Mapping[str, Any]) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None = (evaluation.get("FailedTGAllocs") or {}).get(GROUP)
    return found


def overlooks(
    ask: Ask, evaluation: Mapping[str, Any], nodes: Sequence[Mapping[str, Any]], taken: Held
) -> bool:
    """Whether a node has had the GPUs that are free on it since an evaluation that waits for them.

    That is once for each change of a node: the next evaluation has seen it.
    """
    return any(
        int(each["ModifyIndex"]) > int(evaluation["SnapshotIndex"])
        and could_run(ask, Node.of(each))
        and ask.gpus is not None
        and ask.gpus.now(groups(each), taken) is None
        for each in nodes
    )


def judge(ask: Ask, metric: Mapping[str, Any], nodes: Sequence[Node], taken: Held | None) -> Lack:
    """Return why no node took a worker, from what Nomad met and what the nodes are.

    `taken` are the GPUs that somebody holds, None where that is not known.
    """
    here = [node for node in nodes if is_meant(ask, node)]
    able = [node for node in here if ask.driver in node.drivers]
    lack = (
        _lack_of_nodes(ask, here, able)
        or _lack_of_gpus(ask, able)
        or _lack_of_size(ask, able)
        or _lack_of_sound_gpus(ask, able, metric)
        or _lack_of_volumes(ask, metric)
        or _lack_of_likeness(metric)
        or _lack_now(ask, able, taken)
    )
    return lack._replace(sentence=f"{lack.sentence} (Nomad: {_recount(metric)})")


def could_run(ask: Ask, node: Node) -> bool:
    """Whether a node that is as it is now would take a worker if it were empty.

    Its constraints are left to Nomad.
    """
    works = node.ready and node.drivers.get(ask.driver) == ""
    return works and is_meant(ask, node) and _fits(ask, node)


def is_meant(ask: Ask, node: Node) -> bool:
    """Whether a node is in the pool and the datacenters that are asked for."""
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


def _lack_of_gpus(ask: Ask, able: Sequence[Node]) -> Lack | None:
    return None if ask.gpus is None else ask.gpus.never(_gpus(able))


def _gpus(nodes: Sequence[Node]) -> list[Group]:
    return [each for node in nodes for each in node.gpus]


def _lack_of_sound_gpus(ask: Ask, able: Sequence[Node], metric: Mapping[str, Any]) -> Lack | None:
    """Return why no GPU would do, were all free; where a node was found full, others hold them.

    Nodes without GPUs lack Docker's runtime for them, too: that alone is no reason.
    """
    if ask.gpus is None or metric.get("DimensionExhausted"):
        return None
    return ask.gpus.now(_gpus(able), {}) or ask.gpus.without_runtime(metric)


def _lack_of_volumes(ask: Ask, metric: Mapping[str, Any]) -> Lack | None:
    """Return that no node has a worker's volumes; theirs may come back."""
    met = metric.get("ConstraintFiltered") or {}
    lacking = any(each == _NO_VOLUMES or each.startswith(NODE) for each in met)
    if not ask.volumes or not lacking or metric.get("DimensionExhausted"):
        return None
    names = " and ".join(map(repr, ask.volumes))
    return Lack(f"no node on which it may run now has its volumes: it mounts {names}")


def _lack_of_likeness(metric: Mapping[str, Any]) -> Lack | None:
    """Return which constraint of the job all nodes fail; nodes change, so it is never permanent."""
    met = metric.get("ConstraintFiltered") or {}
    failed = sorted(each for each in met if each.startswith("${"))
    if not failed or metric.get("DimensionExhausted"):
        return None
    return Lack(f"no node is as its job demands: {' '.join(' and '.join(failed).split())}")


def _lack_of_size(ask: Ask, able: Sequence[Node]) -> Lack | None:
    memory_mb = max(node.memory_mb for node in able)
    cpu_mhz = max(node.cpu_mhz for node in able)
    if memory_mb < ask.memory_mb:
        return Lack(_too_small("memory", f"{ask.memory_mb} MiB", f"{memory_mb} MiB"), True)
    if cpu_mhz < ask.cpu_mhz:
        return Lack(_too_small("CPU", f"{ask.cpu_mhz} MHz", f"{cpu_mhz} MHz"), True)
    if not any(_fits(ask, node) for node in able):
        what = "both the CPU and the memory" if ask.gpus is None else "all that it asks for"
        return Lack(f"no node has {what}: it asks for {ask}", True)
    return None


def _too_small(what: str, asked: str, most: str) -> str:
    return f"no node has enough {what}: it asks for {asked}, the most that a node has is {most}"


def _fits(ask: Ask, node: Node) -> bool:
    has_gpus = ask.gpus is None or any(map(ask.gpus.fits, node.gpus))
    return has_gpus and node.memory_mb >= ask.memory_mb and node.cpu_mhz >= ask.cpu_mhz


def _lack_now(ask: Ask, able: Sequence[Node], taken: Held | None) -> Lack:
    """Return why none of the nodes that are large enough takes it now."""
    large = [node for node in able if _fits(ask, node)]
    faults = {node.drivers[ask.driver] for node in large}
    if not any(node.ready for node in large):
        return Lack(f"no node that is large enough is ready: it asks for {ask}")
    if "" not in faults:
        return Lack(f"the driver {ask.driver!r} does not work: {'; '.join(sorted(faults))}")
    ready = _gpus([node for node in large if node.ready])
    busy = ask.gpus.now(ready, taken) if ask.gpus is not None else None
    return busy or Lack(f"the nodes that could run it are in use: it asks for {ask}")


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
        f"{' '.join(words(each).split())} on {count} node{'' if count == 1 else 's'}"
        for each, count in sorted((named or met or {}).items())
    ]
