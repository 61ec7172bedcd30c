"""Whether a worker would get a place, by what Nomad says of one that nobody needs. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fnq.v1 import spec_pb2
from fnq_server.orchestrator.nomad.job import GROUP, Job, render
from fnq_server.orchestrator.nomad.placement import Ask, Node, judge
from fnq_server.orchestrator.nomad.terms import Terms
from fnq_server.orchestrator.nomad.volumes import assumed
from fnq_wire.finding import Finding, missing, note, ok

__all__ = ["findings", "trial"]

#: What stands for the version of the function that nobody deploys.
_VERSION = "0" * 8
#: How Nomad says that it takes no account of a limit above what is reserved.
_OVERSUBSCRIPTION = "oversubscription"


def trial(terms: Terms, *, mounting: bool = False) -> Job:
    """Return the job of a function that asks for nothing, but may use more than its memory.

    With `mounting` it has a volume that is not there.
    """
    spec = spec_pb2.FunctionSpec(
        name="check", options={"nomad.memory_max": f"{2 * terms.memory_mb}Mi"}
    )
    if mounting:
        spec.volumes.add(volume="check", path="/check")
    return render(terms, "default", _VERSION, spec, 1, 0, assumed("default", spec))


def findings(
    job: Job, reply: Mapping[str, Any], nodes: Sequence[Mapping[str, Any]]
) -> list[Finding]:
    """Return whether a worker would be placed now, and whether it may use more than its memory."""
    metric = (reply.get("FailedTGAllocs") or {}).get(GROUP)
    ask = Ask.of(job)
    if metric is None:
        place = ok("place", f"a worker with {ask} would be placed now")
    else:
        lack = judge(ask, metric, [Node.of(each) for each in nodes], {})
        place = missing(
            "place", lack.sentence, "add nodes, or change -var worker_... of the servers"
        )
    return [place, _beyond(reply)]


def _beyond(reply: Mapping[str, Any]) -> Finding:
    if _OVERSUBSCRIPTION in str(reply.get("Warnings") or ""):
        return note(
            "memory_max",
            "Nomad heeds no nomad.memory_max",
            "run nomad operator scheduler set-config -memory-oversubscription=true",
        )
    return ok("memory_max", "workers may use up to nomad.memory_max while their node has it free")
