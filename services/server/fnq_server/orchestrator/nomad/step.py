"""What to do next about a job, so that enough workers run. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fnq_server.orchestrator.nomad.job import DIGEST, NAMESPACE, SINCE, VERSION, Job, with_count

__all__ = ["Register", "Scale", "is_alive", "next_step"]


@dataclass(frozen=True, slots=True)
class Register:
    """Give the job to Nomad, where it is as it was at `index`; 0: where there is none."""

    job: Job
    index: int


@dataclass(frozen=True, slots=True)
class Scale:
    """Have Nomad run `count` workers, where the job is as it was at `index`."""

    count: int
    index: int


def next_step(found: Mapping[str, Any] | None, job: Job, *, exact: bool) -> Register | Scale | None:
    """Return what brings the job that was found nearer to the one wanted; None: it is there.

    Unless `exact`, more workers than wanted are fine. Where two servers would have the
    job different, as while one file of theirs is exchanged, the one that started last
    decides; but of a job for no worker the count alone is heeded, since the rest may not be
    known. Raises ValueError when the id is that of another version.
    """
    wanted = job["TaskGroups"][0]["Count"]
    if found is None:
        return Register(job, 0) if wanted else None
    meta, index = found["Meta"] or {}, int(found["JobModifyIndex"])
    if any(meta.get(key) != job["Meta"][key] for key in (NAMESPACE, VERSION)):
        raise ValueError(f"there is a job {job['ID']!r} already, and it is not of this version")
    if found["Stop"]:
        return Register(job, index) if wanted else None
    count = int(found["TaskGroups"][0]["Count"])
    right = wanted if exact else max(wanted, count)
    if wanted and _is_outdated(meta, job["Meta"]):
        return Register(with_count(job, right), index)
    return Scale(right, index) if right != count else None


def is_alive(found: Mapping[str, Any] | None) -> bool:
    """Whether there is a job, and it was not stopped; it may have no workers."""
    return found is not None and not found["Stop"]


def _is_outdated(meta: Mapping[str, str], own: Mapping[str, str]) -> bool:
    """Whether an earlier server made the job, and made it different."""
    return meta.get(DIGEST) != own[DIGEST] and int(meta.get(SINCE, "0")) < int(own[SINCE])
