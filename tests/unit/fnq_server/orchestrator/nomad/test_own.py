"""Functions with an image of their own: what runs, and where none is built, what is said."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from fnq.v1 import spec_pb2
from fnq_server.orchestrator.nomad import own
from fnq_server.orchestrator.nomad.door import Access
from fnq_server.orchestrator.nomad.job import Job, render
from fnq_server.orchestrator.nomad.orchestrator import NomadOrchestrator
from fnq_server.orchestrator.nomad.terms import Terms
from fnq_server.orchestrator.seam import Provision
from fnq_wire.error import StackError, UnschedulableError
from tests.unit.fnq_server.orchestrator.nomad.api import NomadApi, serving

VERSION = "abc0123456"
ID = "fnq-f-abc01234"
DOCKER = Terms(driver="docker", image="fnq-worker:0.1.0")
RAW = Terms(driver="raw_exec", command="/opt/fnq/bin/python")
SPEC = spec_pb2.FunctionSpec(
    name="f", image=[spec_pb2.ImageStep(verb="base", arguments=["python:3.12-slim"])]
)
IMAGE = "docker:host:5000/fnq-image@sha256:0a"


@pytest.fixture
def api() -> Iterator[NomadApi]:
    """A Nomad with nothing in it."""
    with serving() as made:
        yield made


def _config(job: Job) -> dict[str, object]:
    config: dict[str, object] = job["TaskGroups"][0]["Tasks"][0]["Config"]
    return config


async def test_a_worker_runs_the_image_that_was_built(api: NomadApi) -> None:
    """Whose own command is the worker; a plan shows the same."""
    nomad = NomadOrchestrator(Access(api.address), DOCKER, builds=True)
    await nomad.admit([SPEC])
    draft = await nomad.plan("default", VERSION, SPEC, IMAGE, 1)
    await nomad.ensure("default", VERSION, SPEC, Provision(image=IMAGE), 1)
    made = api.jobs[ID]["TaskGroups"][0]["Tasks"][0]["Config"]
    assert (made["image"], made["command"]) == ("host:5000/fnq-image@sha256:0a", "/opt/fnq/work")
    planned = json.loads(draft.files[f"{ID}.nomad.json"])["Job"]
    assert _config(planned) == made


async def test_a_function_without_an_image_runs_in_the_operators(api: NomadApi) -> None:
    """As before."""
    nomad = NomadOrchestrator(Access(api.address), DOCKER, builds=True)
    await nomad.ensure("default", VERSION, spec_pb2.FunctionSpec(name="f"), Provision(), 1)
    made = api.jobs[ID]["TaskGroups"][0]["Tasks"][0]["Config"]
    assert made["image"] == "fnq-worker:0.1.0"
    assert "command" not in made


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        (RAW, ["driver raw_exec, without images", "run them with docker", "/opt/fnq/bin/python"]),
        (DOCKER, ["build none", "start them with --builder docker", "fnq-worker:0.1.0"]),
    ],
)
async def test_where_no_image_is_built_a_deploy_says_what_to_do(
    api: NomadApi, terms: Terms, words: list[str]
) -> None:
    """Before anything is recorded, for the operator and for whoever deploys; so does a plan."""
    nomad = NomadOrchestrator(Access(api.address), terms)
    with pytest.raises(UnschedulableError) as refused:
        await nomad.admit([SPEC])
    assert refused.value.function == "f"
    assert [word for word in words if word not in str(refused.value)] == []
    with pytest.raises(UnschedulableError, match="it asks for an image"):
        await nomad.plan("default", VERSION, SPEC, "", 1)


async def test_a_server_that_builds_none_starts_no_worker_in_another_image(api: NomadApi) -> None:
    """As one that was started anew without a builder; it lowers what another has started."""
    builds = NomadOrchestrator(Access(api.address), DOCKER, builds=True)
    await builds.ensure("default", VERSION, SPEC, Provision(image=IMAGE), 2)
    other = NomadOrchestrator(Access(api.address), DOCKER)
    other._since_ms = builds._since_ms + 1
    with pytest.raises(StackError, match="the servers of this cluster build none"):
        await other.ensure("default", VERSION, SPEC, Provision(), 1)
    await other.scale("default", VERSION, SPEC, Provision(), 0)
    made = api.jobs[ID]["TaskGroups"][0]
    assert made["Count"] == 0
    assert made["Tasks"][0]["Config"]["image"] == "host:5000/fnq-image@sha256:0a"


def test_no_builder_goes_with_processes_that_run_in_no_image() -> None:
    """The server says so before it starts."""
    with pytest.raises(ValueError, match="with the driver raw_exec no function runs in an image"):
        NomadOrchestrator(Access("http://127.0.0.1:1"), RAW, builds=True)


def test_a_login_is_named_in_a_job_and_only_by_functions_with_an_image() -> None:
    """What it is only Nomad's variable says."""
    terms = Terms(driver="docker", image="fnq-worker:0.1.0", registry_login=True)
    with_image = render(terms, "default", VERSION, SPEC, 1, 0, image=IMAGE)
    without = render(terms, "default", VERSION, SPEC, 1, 0)
    assert "auth" in _config(with_image)
    assert "auth" not in _config(without)
    paths = [each["DestPath"] for each in without["TaskGroups"][0]["Tasks"][0]["Templates"]]
    assert own.FILE not in paths
