"""What a function's options for Nomad change in its job. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fnq_wire.passthrough import Passthrough

if TYPE_CHECKING:
    from fnq_server.orchestrator.nomad.job import Job

__all__ = ["apply"]


def apply(asked: Passthrough, job: Job) -> None:
    """Write into a job what is asked for; what is not stays as the operator has it.

    Raises ValueError for what does not fit the rest of the job.
    """
    if asked.node_pool:
        job["NodePool"] = asked.node_pool
    if asked.datacenters:
        job["Datacenters"] = list(asked.datacenters)
    if asked.priority:
        job["Priority"] = asked.priority
    if asked.demands:
        job["Constraints"] = [
            {"LTarget": each.target, "Operand": each.operator, "RTarget": each.value}
            for each in asked.demands
        ]
    [task] = job["TaskGroups"][0]["Tasks"]
    if asked.memory_max_mb:
        memory_mb = task["Resources"]["MemoryMB"]
        if asked.memory_max_mb < memory_mb:
            raise ValueError(
                f"nomad.memory_max: {asked.memory_max_mb} MiB is less than the memory "
                f"of its workers, {memory_mb} MiB"
            )
        task["Resources"]["MemoryMaxMB"] = asked.memory_max_mb
    if asked.docker and task["Driver"] != "docker":
        names = ", ".join(f"nomad.docker.{each}" for each in asked.docker)
        raise ValueError(f"{names}: functions here run with the driver {task['Driver']}")
    task["Config"] |= asked.docker
