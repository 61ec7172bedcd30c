"""Which nodes are as the constraints of a job demand, as Nomad itself reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fnq_server.orchestrator.nomad.door import NomadDoor
from fnq_server.orchestrator.nomad.job import GROUP, Job
from fnq_server.orchestrator.nomad.volumes import on_node

__all__ = ["demands", "first_fit"]


def demands(job: Job) -> list[str]:
    """Return what a job, its group and its task demand of a node, as Nomad words it."""
    [group] = job["TaskGroups"]
    [task] = group["Tasks"]
    return [
        f"{each['LTarget']} {each['Operand']} {each['RTarget']}".strip()
        for level in (job, group, task)
        for each in level.get("Constraints", ())
    ]


async def first_fit(door: NomadDoor, job: Job, nodes: Iterable[str]) -> str | None:
    """Return the first node, of some ids, that meets the constraints of a job; None: none does.

    One that is full now does. Costs a plan for each node that is looked at.
    """
    for node in nodes:
        if _is_met(await door.plan(_kept_to(job, node))):
            return node
    return None


def _kept_to(job: Job, node: str) -> Job:
    """Return the same job, to run on one node alone."""
    kept = job.copy()
    [group] = job["TaskGroups"]
    group = group.copy()
    group["Constraints"] = [*group.get("Constraints", []), on_node(node)]
    kept["TaskGroups"] = [group]
    return kept


def _is_met(reply: Mapping[str, Any]) -> bool:
    """Whether the one node was left when all constraints had been looked at."""
    metric = (reply.get("FailedTGAllocs") or {}).get(GROUP)
    return metric is None or bool(metric.get("DimensionExhausted"))
