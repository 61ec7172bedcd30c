"""The workers that Nomad runs or should run, as the seam names them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from fnq_server.orchestrator.nomad.job import FUNCTION, GROUP, VERSION
from fnq_server.orchestrator.nomad.story import TERMINAL, newest
from fnq_server.orchestrator.seam import Placed

__all__ = ["count"]

_INDEX = re.compile(r"\[(\d+)\]$")


def count(
    jobs: Sequence[Mapping[str, Any]], allocations: Sequence[Mapping[str, Any]]
) -> list[Placed]:
    """Return the workers of all jobs: those that are placed, then those that wait for a node."""
    found: list[Placed] = []
    for job in jobs:
        own = [each for each in allocations if each["JobID"] == job["ID"]]
        found += [_placed(job, each) for each in newest(own) if not _is_over(each)]
        found += [_row(job, 0, "", "waiting", "no node has taken it") for _ in range(_queued(job))]
    return found


def _is_over(allocation: Mapping[str, Any]) -> bool:
    """Whether it ended and was meant to; one that failed is started again."""
    return allocation["ClientStatus"] in TERMINAL and allocation["DesiredStatus"] != "run"


def _queued(job: Mapping[str, Any]) -> int:
    summary = (job.get("JobSummary") or {}).get("Summary") or {}
    return 0 if job["Stop"] else int(summary.get(GROUP, {}).get("Queued", 0))


def _placed(job: Mapping[str, Any], allocation: Mapping[str, Any]) -> Placed:
    index = _INDEX.search(allocation["Name"])
    state, reason = _state(allocation)
    replica = int(index[1]) if index else 0
    return _row(job, replica, allocation["NodeName"], state, reason)


def _state(allocation: Mapping[str, Any]) -> tuple[str, str]:
    """Return state and reason in the words of the embedded stack."""
    status = allocation["ClientStatus"]
    if allocation["DesiredStatus"] != "run":
        return "stopping", allocation.get("DesiredDescription") or ""
    if status == "running":
        return "running", ""
    state = "starting" if status == "pending" else "waiting"
    return state, allocation.get("ClientDescription") or status


def _row(job: Mapping[str, Any], replica: int, node: str, state: str, reason: str) -> Placed:
    meta = job["Meta"]
    return Placed(
        role="worker",
        pid=0,
        address=node,
        function=meta.get(FUNCTION, ""),
        version=meta.get(VERSION, ""),
        replica=replica,
        state=state,
        reason=reason,
        log="",
    )
