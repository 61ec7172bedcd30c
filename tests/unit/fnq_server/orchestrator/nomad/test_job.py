"""The job of a version is what is written down here, to the last field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fnq.v1 import spec_pb2
from fnq_server.orchestrator.nomad.job import Job, job_id, render, with_count
from fnq_server.orchestrator.nomad.terms import Terms

GOLDEN = Path(__file__).parent / "golden"
VERSION = "5f0c1de2a9b84c7e6d3f2a1b0c9d8e7f"
RAW = Terms(driver="raw_exec", command="/opt/fnq/bin/python")
DOCKER = Terms(
    driver="docker",
    image="fnq-worker:0.1.0",
    consul="10.0.0.1:8500",
    nomad_namespace="fn",
    datacenters=["eu-*"],
    node_pool="cpu",
)


def _spec(**resources: Any) -> spec_pb2.FunctionSpec:
    return spec_pb2.FunctionSpec(
        name="Make_Receipt", resources=spec_pb2.Resources(**resources), env={"COLOUR": "${blue}"}
    )


def _of(terms: Terms, namespace: str = "default", **resources: Any) -> Job:
    return render(terms, namespace, VERSION, _spec(**resources), 3, 1_795_545_800_000)


@pytest.mark.parametrize(
    ("name", "job"),
    [
        ("raw_exec", _of(RAW)),
        ("docker", _of(DOCKER, "team_a", cpu_millis=1500, memory_bytes=4 << 30)),
    ],
)
def test_a_job_is_the_one_written_down(name: str, job: Job) -> None:
    """Field by field: Nomad drops one that it does not know, without a word."""
    assert job == json.loads((GOLDEN / f"{name}.json").read_text())


def test_a_core_is_a_thousand_megahertz_and_memory_is_rounded_up() -> None:
    """What a function does not ask for is the operator's; Nomad takes no less than 10 MiB."""

    def asked(**resources: Any) -> tuple[int, int]:
        given = _of(RAW, **resources)["TaskGroups"][0]["Tasks"][0]["Resources"]
        return given["CPU"], given["MemoryMB"]

    assert asked() == (100, 512)
    assert asked(cpu_millis=500) == (500, 512)
    assert asked(memory_bytes=(512 << 20) + 1) == (100, 513)
    assert asked(memory_bytes=4_000_000_000) == (100, 3815)
    assert asked(memory_bytes=1 << 20) == (100, 10)


def test_ids_are_what_nomad_and_its_paths_take() -> None:
    """At most a hundred of a-z, 0-9 and '-', never one of Nomad's own last words."""
    assert job_id("default", "f", VERSION) == "fnq-f-5f0c1de2"
    assert job_id("default", "a.B__c-", VERSION) == "fnq-a-b-c-5f0c1de2"
    assert job_id("default", "x" * 128, VERSION) == f"fnq-{'x' * 40}-5f0c1de2"
    assert job_id("default", "__", VERSION) == "fnq-x-5f0c1de2"
    assert job_id("team", "scale", VERSION) == "fnq-team-scale-5f0c1de2"


def test_two_namespaces_never_share_a_job() -> None:
    """Also where they are spelled alike."""
    spellings = ("team-a", "team_a", "team--a", "team-a-", "default")
    assert len({job_id(each, "f", VERSION) for each in spellings}) == len(spellings)


def test_a_digest_tells_jobs_apart_by_all_but_count_and_age() -> None:
    """So a server knows a job that it would make otherwise."""

    def digest(job: Job) -> str:
        return job["Meta"]["fnq.digest"]

    later = render(RAW, "default", VERSION, _spec(), 9, 7)
    assert digest(_of(RAW)) == digest(later) == digest(with_count(later, 1))
    others = [_of(DOCKER), _of(RAW, cpu_millis=1), _of(RAW, "team"), _of(RAW)]
    assert len({digest(each) for each in others}) == 4


def test_another_count_leaves_the_job_itself_alone() -> None:
    """It is a copy."""
    job = _of(RAW)
    assert with_count(job, 7)["TaskGroups"][0]["Count"] == 7
    assert job["TaskGroups"][0]["Count"] == 3


def test_a_name_cannot_reach_nomads_variables() -> None:
    """Nomad fills in ${...} in the arguments of a task."""
    with pytest.raises(ValueError, match=r"may not hold '\$\{'"):
        _of(RAW, "${attr.unique.hostname}")


def test_nothing_of_the_users_is_in_the_job() -> None:
    """Who may look at jobs sees no environment; the agent brings it to the runner."""
    assert "blue" not in json.dumps(_of(RAW))
