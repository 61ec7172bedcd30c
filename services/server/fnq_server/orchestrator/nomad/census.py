"""The workers that Nomad runs or should run, as the seam names them. Pure."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Any

from fnq_server.orchestrator.nomad.job import FUNCTION, GROUP, NAMESPACE, VERSION
from fnq_server.orchestrator.nomad.story import TERMINAL, newest
from fnq_server.orchestrator.seam import Placed

__all__ = ["replica_of", "workers"]

_INDEX = re.compile(r"\[(\d+)\]$")


def workers(
    jobs: Sequence[Mapping[str, Any]], allocations: Sequence[Mapping[str, Any]]
) -> list[Placed]:
    """Return the workers of all jobs: those that are placed, then those that wait for a node.

    These have the lowest indexes that are free, as Nomad will give them.
    """
    found: list[Placed] = []
    for job in jobs:
        own = [each for each in allocations if each["JobID"] == job["ID"]]
        there = [_placed(job, each) for each in newest(own) if not _is_over(each)]
        taken = {each.replica for each in there}
        free = (index for index in itertools.count() if index not in taken)
        queued = itertools.islice(free, _queued(job))
        found += [*there, *(_worker(job, index, "waiting") for index in queued)]
    return found


def _is_over(allocation: Mapping[str, Any]) -> bool:
    """Whether it ended and was meant to; one that failed is started again."""
    return allocation["ClientStatus"] in TERMINAL and allocation["DesiredStatus"] != "run"


def _queued(job: Mapping[str, Any]) -> int:
    summary = (job.get("JobSummary") or {}).get("Summary") or {}
    return 0 if job["Stop"] else int(summary.get(GROUP, {}).get("Queued", 0))


def replica_of(allocation: Mapping[str, Any]) -> int:
    """Return the index of an allocation among those of its job, by its name."""
    index = _INDEX.search(allocation["Name"])
    return int(index[1]) if index else 0


def _placed(job: Mapping[str, Any], allocation: Mapping[str, Any]) -> Placed:
    return _worker(job, replica_of(allocation), _state(allocation), allocation["NodeName"])


def _state(allocation: Mapping[str, Any]) -> str:
    """Return the state in the words of the embedded stack."""
    if allocation["DesiredStatus"] != "run":
        return "stopping"
    return {"running": "running", "pending": "starting"}.get(allocation["ClientStatus"], "waiting")


def _worker(job: Mapping[str, Any], replica: int, state: str, node: str = "") -> Placed:
    meta = job["Meta"]
    return Placed(
        namespace=meta.get(NAMESPACE, ""),
        function=meta.get(FUNCTION, ""),
        version=meta.get(VERSION, ""),
        replica=replica,
        state=state,
        address=node,
    )
