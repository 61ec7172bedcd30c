"""What Nomad is asked for a cluster, and what is made of its answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jobs.agent import ClusterError
from jobs.nomad import Nomad
from tests.unit.jobs.programs import programs
from tests.unit.jobs.somebody import somebody

VARIABLE = "/v1/var/nomad/jobs"
RUNNING = {"ID": "fnq-redis", "Stop": False}
STOPPED = {"ID": "fnq-server", "Stop": True}


def test_secrets_are_given_to_jobs_that_are_still_to_start() -> None:
    """Where nothing runs, whatever was there before."""
    for before in ({}, {VARIABLE: {"Items": {"FNQ_TOKEN": "old"}}}):
        with somebody({"/v1/jobs": [STOPPED], **before}) as there:
            Nomad(there.address).put_secrets({"FNQ_TOKEN": "new"})
        assert there.asked[-1] == f"PUT {VARIABLE}"


@pytest.mark.parametrize("before", [{}, {VARIABLE: {"Items": {"FNQ_TOKEN": "old"}}}])
def test_jobs_that_run_are_not_given_other_secrets(before: dict[str, Any]) -> None:
    """They would go on with what they have read, and those to come could not reach them."""
    with (
        somebody({"/v1/jobs": [STOPPED, RUNNING], **before}) as there,
        pytest.raises(ClusterError, match=r"another FNQ_TOKEN, .*make cluster-down"),
    ):
        Nomad(there.address).put_secrets({"FNQ_TOKEN": "new"})
    assert f"PUT {VARIABLE}" not in there.asked


def test_the_same_secrets_may_be_given_again() -> None:
    """So a cluster may be brought up twice from one shell."""
    before = {VARIABLE: {"Items": {"FNQ_TOKEN": "same", "OTHER": "x"}}}
    with somebody({"/v1/jobs": [RUNNING], **before}) as there:
        Nomad(there.address).put_secrets({"FNQ_TOKEN": "same"})


@pytest.mark.parametrize(
    ("last", "ended"), [(None, False), ("successful", False), ("running", True), ("failed", True)]
)
def test_a_job_that_was_not_deployed_is_ended_before_the_next_try(
    last: str | None, ended: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nomad would only wait on with what it placed then, and that stays unhealthy."""
    programs(tmp_path / "bin", {"nomad": "exit 0"}, monkeypatch)
    answers = {
        "/v1/jobs": [RUNNING | {"Namespace": "default"}],
        "/v1/job/fnq-redis/deployment": last and {"Status": last},
        "/v1/job/fnq-redis/allocations": [],
    }
    with somebody(answers) as there:
        Nomad(there.address).run(tmp_path / "redis.nomad.hcl", {}, 10)
    assert ("DELETE /v1/job/fnq-redis" in there.asked) == ended


def test_a_job_without_a_place_is_explained_by_the_evaluation_that_waits_now() -> None:
    """Older ones, and those that are over, tell what was true once."""
    answers = {
        "/v1/job/fnq-redis/evaluations": [
            evaluation("complete", 9, "missing drivers"),
            evaluation("blocked", 5, "memory"),
            evaluation("blocked", 7, "cpu"),
        ]
    }
    with somebody(answers) as there:
        assert Nomad(there.address).explain("fnq-redis") == "not placed: {'cpu': 1}"


def test_a_job_that_has_found_its_place_is_explained_by_its_task() -> None:
    """Though an evaluation of before says that there was none."""
    events = [{"DisplayMessage": "Task received"}, {"DisplayMessage": "Exit Code: 1"}]
    newest = {"ID": "0123456789", "CreateIndex": 2, "TaskStates": {"redis": {"Events": events}}}
    answers = {
        "/v1/job/fnq-redis/evaluations": [evaluation("complete", 1, "memory")],
        "/v1/job/fnq-redis/allocations": [{"ID": "9", "CreateIndex": 1}, newest],
    }
    with somebody(answers) as there:
        told = Nomad(there.address).explain("fnq-redis")
    assert told == "allocation 01234567: Task received; Exit Code: 1"


def evaluation(status: str, index: int, lacking: str) -> dict[str, Any]:
    """Return an evaluation that found no place on the one node."""
    metric = {"ConstraintFiltered": None, "DimensionExhausted": {lacking: 1}}
    return {"Status": status, "CreateIndex": index, "FailedTGAllocs": {"redis": metric}}
