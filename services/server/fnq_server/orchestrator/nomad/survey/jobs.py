"""How the jobs of the system and those of functions are. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fnq_server.orchestrator.nomad.job import TASK
from fnq_server.orchestrator.nomad.story import tell
from fnq_server.orchestrator.nomad.terms import Terms
from fnq_server.orchestrator.seam import Outlook
from fnq_wire.enrolment import PARTS
from fnq_wire.finding import Finding, missing, note, ok

__all__ = ["of_part", "of_workers"]


def of_part(part: str, jobs: Sequence[Mapping[str, Any]], nomad_namespace: str) -> Finding:
    """Return how the job of a part of the system is, of those that Nomad lists."""
    subject = f"job {part}"
    job = next((each for each in jobs if each["ID"] == part and not each["Stop"]), None)
    if job is None:
        return note(
            subject,
            f"it does not run in the namespace {nomad_namespace!r}: the {PARTS[part]} that "
            "Consul knows, if any, were started otherwise",
        )
    groups = ((job.get("JobSummary") or {}).get("Summary") or {}).values()
    running, starting, queued = (
        sum(each[state] for each in groups) for state in ("Running", "Starting", "Queued")
    )
    look = f"see nomad job status {part}"
    if not running:
        why = f"{queued} wait for a place" if queued else f"{starting} are starting"
        why = why if queued or starting else "and nothing is starting"
        return missing(subject, f"nothing of it runs, {why}", look)
    if queued or starting:
        return note(subject, f"{running} run, {queued + starting} do not yet", look)
    return ok(subject, f"{running} {'runs' if running == 1 else 'run'}")


def of_workers(allocations: Sequence[Mapping[str, Any]], terms: Terms, now_s: float) -> Finding:
    """Return whether what workers are made of is there, by what became of the last ones."""
    subject = "image" if terms.driver == "docker" else "environment"
    thing = terms.image if terms.driver == "docker" else terms.command
    ours = [each for each in allocations if each["JobID"] not in PARTS and each.get("TaskStates")]
    for each in sorted(ours, key=lambda each: int(each["CreateIndex"]), reverse=True):
        story = tell([{**each, "DesiredStatus": "run"}], 0, now_s)
        if story is not None and story.outlook is Outlook.CRASHING and not story.ended:
            if thing in story.sentence:
                return missing(subject, story.sentence, _remedy(terms))
            return missing("workers", story.sentence, f"see nomad alloc status {each['ID']}")
        if _has_started(each):
            return ok(subject, f"workers have started with {thing}")
    return note(subject, f"whether the nodes have {thing} is known once a worker has started")


def _has_started(allocation: Mapping[str, Any]) -> bool:
    events = (allocation["TaskStates"].get(TASK) or {}).get("Events") or ()
    return any(each["Type"] == "Started" for each in events)


def _remedy(terms: Terms) -> str:
    if terms.driver == "docker":
        return f"push {terms.image}, or name another one with -var worker_image="
    return f"install fnq[worker] for {terms.command} on each node, or set -var worker_command="
