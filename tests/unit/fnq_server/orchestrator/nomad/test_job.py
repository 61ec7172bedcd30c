"""The job of a version is what is written down here, to the last field."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fnq.v1 import spec_pb2
from fnq_server.orchestrator.nomad.hcl import hcl
from fnq_server.orchestrator.nomad.job import Job, job_id, render, with_count
from fnq_server.orchestrator.nomad.terms import Terms
from fnq_server.orchestrator.nomad.volumes import Source, assumed

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
FALLBACKS = [
    spec_pb2.GpuAsk(name="nvidia-a100", count=1),
    spec_pb2.GpuAsk(name="nvidia-t4", count=1),
]
#: Each option for Nomad.
OPTIONS = {
    "nomad.node_pool": "big",
    "nomad.datacenters": "eu-1, eu-2",
    "nomad.priority": "70",
    "nomad.constraint": "attr.cpu.arch = amd64\nmeta.rack regexp ^r[0-9]$\ndistinct_hosts",
    "nomad.memory_max": "8Gi",
    "nomad.docker.shm_size": "1Gi",
    "nomad.docker.pids_limit": "500",
    "nomad.docker.cpu_hard_limit": "true",
    "nomad.docker.readonly_rootfs": "false",
}


def _spec(options: dict[str, str] | None = None, **resources: Any) -> spec_pb2.FunctionSpec:
    return spec_pb2.FunctionSpec(
        name="Make_Receipt",
        resources=spec_pb2.Resources(**resources),
        env={"COLOUR": "${blue}"},
        options=options or {},
    )


def _of(terms: Terms, namespace: str = "default", **asked: Any) -> Job:
    return render(terms, namespace, VERSION, _spec(**asked), 3, 1_795_545_800_000)


def _furnished(terms: Terms) -> Job:
    """Return the job of a function with a secret and two volumes, one of them the operator's."""
    spec = _spec()
    spec.secrets.add(source="env", name="HF_TOKEN")
    spec.volumes.add(volume="models", path="/models")
    spec.volumes.add(volume="nfs", path="/data")
    sources = [
        *(replace(each, places={"n1": "/v/0"}) for each in assumed("default", spec)[:1]),
        Source("nfs", "host", "nfs", {"n1": "/srv/nfs"}, read_only=True),
    ]
    return render(terms, "default", VERSION, spec, 3, 1_795_545_800_000, sources)


def _imaged(**changes: Any) -> Job:
    """Return the job of a function with an image of its own."""
    terms = replace(DOCKER, **changes)
    image = f"docker:registry.example:5000/team/fnq-image@sha256:{'0a' * 32}"
    return render(terms, "default", VERSION, _spec(), 3, 1_795_545_800_000, image=image)


#: What is written down, and what is made now.
GOLDENS = [
    ("raw_exec", _of(RAW)),
    ("docker", _of(DOCKER, "team_a", cpu_millis=1500, memory_bytes=4 << 30)),
    ("options", _of(DOCKER, options=OPTIONS)),
    ("tls", _of(replace(RAW, tls="on", redis=""))),
    ("tls_docker", _of(replace(DOCKER, tls="mutual", consul_tls=True, redis=""))),
    ("gpu", _of(RAW, gpu="nvidia-l4", gpu_count=2)),
    ("gpu_docker", _of(DOCKER, gpu="nvidia", gpu_count=1, gpu_memory_bytes=40 << 30)),
    ("gpu_list", _of(RAW, gpu="nvidia-l4", gpu_count=1, gpu_fallbacks=FALLBACKS)),
    ("furnished", _furnished(RAW)),
    ("furnished_docker", _furnished(DOCKER)),
    ("image", _imaged()),
    ("image_login", _imaged(registry_login=True)),
]


@pytest.mark.parametrize(("name", "job"), GOLDENS)
def test_a_job_is_the_one_written_down(name: str, job: Job) -> None:
    """Field by field: Nomad drops one that it does not know, without a word."""
    assert job == json.loads((GOLDEN / f"{name}.json").read_text())
    assert hcl(job) == (GOLDEN / f"{name}.hcl").read_text()


def test_a_core_is_a_thousand_megahertz_and_memory_is_rounded_up() -> None:
    """What a function does not ask for is the operator's; Nomad takes no less than 10 MiB."""

    def asked(**resources: Any) -> tuple[int, int]:
        given = _of(RAW, **resources)["TaskGroups"][0]["Tasks"][0]["Resources"]
        return given["CPU"], given["MemoryMB"]

    assert asked() == (100, 512)
    assert asked(cpu_millis=500) == (500, 512)
    assert asked(memory_bytes=(512 << 20) + 1) == (100, 513)
    assert asked(memory_bytes=4_000_000_000) == (100, 3815)
    assert asked(memory_bytes=1 << 20) == (100, 128)


def test_a_core_is_what_the_nodes_count_for_one() -> None:
    """Where they are not told to count a thousand."""
    terms = replace(RAW, core_mhz=2_600)
    assert _of(terms, cpu_millis=1501)["TaskGroups"][0]["Tasks"][0]["Resources"]["CPU"] == 3903


def test_options_that_do_not_fit_the_rest_of_the_job_are_refused() -> None:
    """By the key."""
    with pytest.raises(ValueError, match=r"^nomad\.memory_max: 256 MiB is less than .* 512 MiB$"):
        _of(RAW, options={"nomad.memory_max": "256Mi"})
    with pytest.raises(ValueError, match=r"^nomad\.docker\.shm_size: .* the driver raw_exec$"):
        _of(RAW, options={"nomad.docker.shm_size": "1Gi"})
    with pytest.raises(ValueError, match=r"^no such option 'nomad\.pool'"):
        _of(RAW, options={"nomad.pool": "x"})


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


def test_nor_can_the_path_of_a_volume() -> None:
    """Nomad fills in what a task is started with, and where it mounts."""
    spec = spec_pb2.FunctionSpec(name="f")
    spec.volumes.add(volume="m", path="/data/${NOMAD_ALLOC_ID}")
    with pytest.raises(ValueError, match=r"may not hold '\$\{': '/data/"):
        render(RAW, "default", VERSION, spec, 1, 7)


def test_nothing_of_the_users_is_in_the_job() -> None:
    """Who may look at jobs sees no environment; the agent brings it to the runner."""
    assert "blue" not in json.dumps(_of(RAW))
