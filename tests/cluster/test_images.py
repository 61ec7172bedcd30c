"""Functions with images of their own: built, pushed to a registry, and fetched by the node."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fnq.v1 import spec_pb2
from fnq_server.orchestrator.nomad.door import Access
from fnq_server.orchestrator.nomad.orchestrator import NomadOrchestrator
from fnq_server.orchestrator.nomad.terms import Terms
from fnq_server.orchestrator.seam import Provision
from fnq_wire.contained import PREFIX as PREFIX_OF_BUILDER
from jobs.cluster import Cluster
from jobs.http import ask
from tests import agents
from tests.cluster import script
from tests.integration.containers import engine, python
from tests.nomad import until
from tests.registry import PASSWORD, USER, registry, tags
from tests.spec import standins

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]

#: What stands before -worker in the name of an image in which no function of these runs.
PREFIX = "fnq-imaged"
#: Seconds for a script whose image is built.
PATIENCE_S = 400
#: Below the address of the registry.
FOLDER = "team"
LOGIN = {"FNQ_REGISTRY_USER": USER, "FNQ_REGISTRY_PASSWORD": PASSWORD}


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    """An image with Python to begin with, on which nothing was ever built."""
    if agents.lacking():
        pytest.skip(f"not on the path: {agents.lacking()}")
    worker, fresh = f"{PREFIX}-worker:{engine.TAG}", f"fnq-test-{uuid.uuid4().hex[:8]}:1"
    text = f"FROM {python.have()}\nENV RUN={fresh}\n".encode()
    command = ["docker", "build", "-q", "-t", fresh, "-t", worker, "-"]
    subprocess.run(command, input=text, capture_output=True, check=True)
    yield fresh
    python.remove(fresh, worker)


@pytest.fixture(scope="module")
def imaged(base: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster whose functions run in containers, beside a registry that wants a login."""
    folder = tmp_path_factory.mktemp("registry")
    with (
        registry(folder, login=True) as address,
        agents.cluster(
            workers="docker",
            image=PREFIX,
            tag=engine.TAG,
            registry=f"{address}/{FOLDER}",
            registry_login=True,
        ) as made,
    ):
        made.start_agents()
        made.nomad.put_secrets(LOGIN)
        made.up()
        yield made


def _run(cluster: Cluster, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(script.PROGRAMS / "imaged.py"), *words],
        env=script.environment(cluster),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def _jobs(cluster: Cluster) -> list[Any]:
    """Return the jobs of functions, whole."""
    found = ask("GET", f"{cluster.nomad.address}/v1/jobs?prefix=fnq-seen")
    return [ask("GET", f"{cluster.nomad.address}/v1/job/{each['ID']}") for each in found]


def _names(image: str) -> list[str]:
    """Return all by which the engine knows what it has of an image; nothing where it has none."""
    form = "{{json .RepoTags}} {{json .RepoDigests}}"
    command = ["docker", "image", "inspect", "-f", form, image]
    done = subprocess.run(command, capture_output=True, text=True)
    return [name for part in done.stdout.split() for name in json.loads(part)]


def _forget(*images: str) -> None:
    """Take images from the engine, as on a node that never had them."""
    subprocess.run(["docker", "image", "rm", "-f", *images], capture_output=True, check=True)


@pytest.fixture(scope="module")
def built(imaged: Cluster, base: str) -> subprocess.CompletedProcess[str]:
    """The first run of the function, which has its image built."""
    return _run(imaged, base, "joe", "whole")


def test_an_image_is_built_pushed_and_run_by_its_digest(
    imaged: Cluster, base: str, built: subprocess.CompletedProcess[str]
) -> None:
    """Told step by step, and the second time at once; the node fetches it with the login."""
    done = built
    assert done.returncode == 0, done.stderr
    assert done.stdout == "| moo | # deep blue # /srv # joe # [] # none\n"
    assert "image: step 3/6 pip install cowsay==6.1" in done.stderr
    assert f"image: push {imaged.registry}/fnq-image" in done.stderr
    assert len(tags(imaged.registry.partition("/")[0], f"{FOLDER}/fnq-image")) == 1
    again = _run(imaged, base, "joe", "whole")
    assert again.stdout == done.stdout
    assert "image:" not in again.stderr
    [job] = _jobs(imaged)
    image = job["TaskGroups"][0]["Tasks"][0]["Config"]["image"]
    assert image.startswith(f"{imaged.registry}/fnq-image@sha256:")
    assert PASSWORD not in json.dumps(job) + done.stderr + again.stderr
    logs = [*Path(imaged.state, "nomad", "alloc").glob("*/alloc/logs/*.[0-9]")]
    assert logs
    assert [each for each in logs if PASSWORD in each.read_text(errors="replace")] == []


@pytest.mark.usefixtures("built")
def test_a_node_that_lacks_the_image_fetches_it_with_the_login(imaged: Cluster, base: str) -> None:
    """As a node does that did not build it."""
    assert _run(imaged, base, "joe", "whole").returncode == 0
    [job] = _jobs(imaged)
    image = job["TaskGroups"][0]["Tasks"][0]["Config"]["image"]
    imaged.nomad.end(lambda each: each["ID"] == job["ID"])
    _forget(*_names(image))
    assert _names(image) == []
    assert _run(imaged, base, "joe", "whole").stdout.startswith("| moo |")
    assert _names(image) == [image]


@pytest.mark.usefixtures("built")
def test_a_node_without_the_login_is_told_of(imaged: Cluster, base: str) -> None:
    """By the registry's own words, to whoever waits for the function."""
    assert _run(imaged, base, "joe", "whole").returncode == 0
    image = _jobs(imaged)[0]["TaskGroups"][0]["Tasks"][0]["Config"]["image"]
    absent = f"{PREFIX_OF_BUILDER}{image.partition('@')[0]}@sha256:{'0a' * 32}"
    spec, version = spec_pb2.FunctionSpec(name="f"), "a7" * 16

    async def scene() -> str:
        terms = Terms(driver="docker", image="unused")
        nomad = NomadOrchestrator(Access(imaged.nomad.address), terms, builds=True)
        await nomad.ensure("default", version, spec, Provision(image=absent), 1)

        async def told() -> str:
            return (await nomad.explain("default", version)).reason

        try:
            return str(await until(told, lambda text: "pulled" in text))
        finally:
            await nomad.stop("default", version)

    sentence = asyncio.run(scene())
    assert sentence.startswith("its image cannot be pulled on node ")
    assert "no basic auth credentials" in sentence


def test_a_step_that_fails_is_told_to_whoever_deploys(imaged: Cluster, base: str) -> None:
    """With its exit code and what it said; no job is made."""
    before = len(_jobs(imaged))
    done = _run(imaged, base, "root", "broken")
    assert done.returncode == 1
    assert "failed with exit code 7" in done.stderr
    assert "the cow is ill" in done.stderr
    assert len(_jobs(imaged)) == before


@pytest.fixture
def slim(base: str) -> Iterator[None]:
    """The image that the specification's example begins with; where none is here, one of ours."""
    name = "python:3.12-slim"
    if _names(name):
        yield
        return
    subprocess.run(["docker", "tag", base, name], check=True)
    yield
    python.remove(name)


@pytest.mark.usefixtures("slim")
def test_the_example_of_the_specification_with_an_image_answers(
    imaged: Cluster, tmp_path: Path
) -> None:
    """As it is; what it would download is stood in for by modules beside it."""
    path = standins.EXAMPLES / "transcribe.py"
    if not path.exists():
        pytest.skip(f"the specification's transcribe.py is not here: {path}")
    standins.write(tmp_path)
    done = subprocess.run(
        [sys.executable, str(path)],
        env=script.environment(imaged, PYTHONPATH=str(tmp_path)),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == standins.STREAMED["transcribe"]
