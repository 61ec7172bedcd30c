"""The workers on Nomad in the words of the seam."""

from __future__ import annotations

from typing import Any

from fnq_server.orchestrator.nomad.census import workers
from tests.unit.fnq_server.orchestrator.nomad.recorded import allocation, job


def _job(queued: int, *, stop: bool = False) -> dict[str, Any]:
    return job(Stop=stop) | {"JobSummary": {"Summary": {"worker": {"Queued": queued}}}}


def test_every_worker_is_counted_with_its_state() -> None:
    """By index, the newest of each; what ended and was meant to is not there any more."""
    placed = workers(
        [_job(2)],
        [
            allocation("running", index=1),
            allocation("pending", index=0, created=11),
            allocation("failed", index=0, created=5, desired="stop"),
            allocation("failed", index=2),
            allocation("running", index=5, desired="stop"),
            allocation("complete", index=6, desired="stop"),
            allocation("running", index=9) | {"JobID": "another"},
        ],
    )
    assert [(each.replica, each.state, each.address) for each in placed] == [
        (0, "starting", "vm"),
        (1, "running", "vm"),
        (2, "waiting", "vm"),
        (5, "stopping", "vm"),
        (3, "waiting", ""),
        (4, "waiting", ""),
    ]
    assert {(each.namespace, each.function, each.version) for each in placed} == {
        ("default", "f", "abc0123456")
    }


def test_a_stopped_job_waits_for_nothing() -> None:
    """Its summary may still say so."""
    assert workers([_job(1, stop=True)], []) == []
