"""A job before it is submitted: as `ensure` would have it, and as files. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fnq_server.orchestrator.nomad.hcl import hcl
from fnq_server.orchestrator.nomad.job import DIGEST, SINCE, Job, with_count

__all__ = ["files", "take_over"]


def take_over(found: Mapping[str, Any] | None, job: Job) -> Job:
    """Return a job as `ensure` would have it, given what Nomad has of it.

    It keeps the workers that there are. One that is the same but for the server that made
    it stays as it is.
    """
    if found is None or found["Stop"]:
        return job
    group, meta = job["TaskGroups"][0], found["Meta"] or {}
    same = with_count(job, max(group["Count"], int(found["TaskGroups"][0]["Count"])))
    if meta.get(DIGEST) == job["Meta"][DIGEST]:
        same["Meta"] = {**job["Meta"], SINCE: meta.get(SINCE, job["Meta"][SINCE])}
    return same


def files(job: Job) -> dict[str, str]:
    """Return what `nomad job run` takes, by name: HCL, and the same as JSON for `-json`."""
    name = job["ID"]
    return {
        f"{name}.nomad.hcl": hcl(job),
        f"{name}.nomad.json": json.dumps({"Job": job}, indent=2) + "\n",
    }
