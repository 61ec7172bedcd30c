"""What is told of a job before it is made, and what keeps it from being made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from fnq.v1 import spec_pb2
from fnq_server.orchestrator.nomad import orchestrator as orchestrator_module
from fnq_server.orchestrator.nomad.bounds import Bounds
from fnq_server.orchestrator.nomad.door import Access
from fnq_server.orchestrator.nomad.hcl import hcl
from fnq_server.orchestrator.nomad.orchestrator import NomadOrchestrator
from fnq_server.orchestrator.nomad.terms import Terms
from fnq_server.orchestrator.seam import Provision
from fnq_wire.error import StackError, UnschedulableError
from tests.consulapi import consul_api
from tests.unit.fnq_server.orchestrator.nomad.api import NomadApi, serving
from tests.unit.fnq_server.orchestrator.nomad.recorded import node

VERSION = "abc0123456"
ID = "fnq-f-abc01234"
PLANS: dict[str, Any] = json.loads((Path(__file__).parent / "golden" / "plans.json").read_text())


@pytest.fixture
def api() -> Iterator[NomadApi]:
    """A Nomad with nothing in it."""
    with serving() as made:
        yield made


def _nomad(api: NomadApi, **bounds: Any) -> NomadOrchestrator:
    terms = Terms(
        driver="raw_exec",
        command="/usr/bin/python3",
        bounds=Bounds(source="/etc/workers.toml", **bounds),
    )
    return NomadOrchestrator(Access(api.address), terms)


def _spec(**options: str) -> spec_pb2.FunctionSpec:
    return spec_pb2.FunctionSpec(
        name="f",
        options={f"nomad.{key}": value for key, value in options.items()},
        resources=spec_pb2.Resources(cpu_millis=2_000),
        min_replicas=2,
        max_replicas=4,
    )


async def test_a_plan_is_the_job_that_would_be_made(api: NomadApi) -> None:
    """As HCL and as JSON, to the last field; nothing is written."""
    nomad = _nomad(api)
    draft = await nomad.plan("default", VERSION, _spec(), "", 2)
    assert {verb for verb, path in api.asked if not path.endswith("/plan")} == {"GET"}
    assert set(draft.files) == {f"{ID}.nomad.hcl", f"{ID}.nomad.json"}
    assert draft.text == draft.files[f"{ID}.nomad.hcl"]
    planned = json.loads(draft.files[f"{ID}.nomad.json"])["Job"]
    assert draft.text == hcl(planned)
    assert list(draft.forecast) == [f"+ job '{ID}'", "workers: 2 to be placed"]
    await nomad.ensure("default", VERSION, _spec(), Provision(), 2)
    submitted = {name: api.jobs[ID][name] for name in planned}
    assert int(submitted["Meta"].pop("fnq.since")) > int(planned["Meta"].pop("fnq.since")) == 0
    assert submitted == planned


async def test_a_plan_of_what_runs_keeps_its_workers(api: NomadApi) -> None:
    """And when it was made: another server that plans it changes nothing."""
    earlier, later = _nomad(api), _nomad(api)
    later._since_ms = earlier._since_ms + 1
    await earlier.ensure("default", VERSION, _spec(), Provision(), 3)
    draft = await later.plan("default", VERSION, _spec(), "", 1)
    planned = json.loads(draft.files[f"{ID}.nomad.json"])["Job"]
    assert {name: api.jobs[ID][name] for name in planned} == planned


async def test_a_plan_of_what_differs_keeps_its_workers_all_the_same(api: NomadApi) -> None:
    """One that was stopped has none to keep. Which server planned it does not show in it."""
    earlier, later = _nomad(api), _nomad(api)
    later._since_ms = earlier._since_ms + 1
    await earlier.ensure("default", VERSION, _spec(), Provision(), 3)
    for count in (3, 1):
        draft = await later.plan("default", VERSION, _spec(priority="70"), "", 1)
        planned = json.loads(draft.files[f"{ID}.nomad.json"])["Job"]
        assert planned["TaskGroups"][0]["Count"] == count
        assert planned["Meta"]["fnq.since"] == "0"
        api.jobs[ID]["Stop"] = True


async def test_what_nomad_answers_is_told(api: NomadApi) -> None:
    """A difference, or the sentence that whoever waits for the worker would read."""
    nomad = _nomad(api)
    api.plan, api.nodes = PLANS["big"], [node()]
    draft = await nomad.plan("default", VERSION, _spec(memory_max="1024Gi"), "", 1)
    *_, workers, place = draft.forecast
    assert workers == "workers: 1 to be placed"
    assert place == (
        "no place now: the nodes that could run it are in use: it asks for 2000 MHz and 512 MiB "
        "(Nomad: memory exhausted on 1 node)"
    )


async def test_what_no_node_ever_has_room_for_is_told_from_what_waits(api: NomadApi) -> None:
    """The deploy of one fails, and of the other it goes live; volumes change nothing of it."""
    nomad, spec = _nomad(api), _spec()
    api.plan, api.nodes = PLANS["big"], [node() | {"HostVolumes": {}}]
    spec.resources.memory_bytes = 900 << 30
    for volumes in ([], [spec_pb2.VolumeMount(volume="models", path="/models")]):
        spec.volumes.extend(volumes)
        *_, place = (await nomad.plan("default", VERSION, spec, "", 1)).forecast
        assert place.startswith("the deploy will fail: no node has enough memory: it asks for ")


async def test_a_plan_without_nomad_is_the_job_all_the_same(api: NomadApi) -> None:
    """And says why nothing is known of what would come of it."""
    nomad = _nomad(api)
    draft = await nomad.plan("default", VERSION, _spec(node_pool="gpu"), "", 1)
    assert 'node_pool   = "gpu"' in draft.text
    [line] = draft.forecast
    assert line.startswith("the deploy will fail: Nomad has no node pool 'gpu': there are ")
    api.refusal = (403, "Permission denied")
    [line] = (await nomad.plan("default", VERSION, _spec(), "", 1)).forecast
    assert "(Permission denied): set NOMAD_TOKEN to a token that may" in line


async def test_a_job_that_nomad_refuses_is_not_admitted(api: NomadApi) -> None:
    """It is asked once for all that want the same; pools are named, those without nodes too."""
    nomad, spec = _nomad(api), _spec(node_pool="gpu")
    spec.name = "g"
    api.nodes = [node() | {"NodePool": "batch"}]
    api.pools = ["all", "default", "empty"]
    with pytest.raises(UnschedulableError) as caught:
        await nomad.admit([_spec(), spec, _spec()])
    assert caught.value.function == "g"
    assert str(caught.value) == (
        "Nomad has no node pool 'gpu': there are all, batch, default, empty; name one of these as "
        "nomad.node_pool, or have an operator make it (nomad node pool apply)"
    )
    assert sum(path.endswith("/plan") for _, path in api.asked) == 2
    api.refusal = (500, "1 error occurred:\n\t* no such constraint")
    with pytest.raises(UnschedulableError, match=r"refuses to plan the job .*: no such constraint"):
        await nomad.admit([_spec()])


@pytest.mark.parametrize("refusal", [(403, "Permission denied"), (500, "No cluster leader")])
async def test_a_nomad_that_does_not_say_refuses_nothing(
    api: NomadApi, refusal: tuple[int, str]
) -> None:
    """Whether a worker comes up the deploy sees for itself."""
    api.refusal = refusal
    await _nomad(api).admit([_spec(), _spec(priority="70")])
    assert len(api.asked) == 1


@pytest.mark.parametrize(
    ("spec", "bounds", "sentence"),
    [
        (
            _spec(),
            {"cpu": 1, "replicas": 3},
            "; ".join(
                f"it asks for {each}, and the operator's bound is {bound} (/etc/workers.toml)"
                for each, bound in (("cpu=2", "cpu = 1"), ("max_replicas=4", "replicas = 3"))
            ),
        ),
        (_spec(priorty="1"), {}, "options: no such option 'nomad.priorty'; did you mean "),
        (_spec(memory_max="16Mi"), {}, "options: nomad.memory_max: 16 MiB is less than the "),
        (_spec(**{"docker.pids_limit": "5"}), {}, "options: nomad.docker.pids_limit: functions "),
    ],
)
async def test_what_may_not_be_asked_for_is_neither_planned_nor_admitted(
    api: NomadApi, spec: spec_pb2.FunctionSpec, bounds: dict[str, Any], sentence: str
) -> None:
    """With the same words; Nomad is not asked."""
    nomad = _nomad(api, **bounds)
    with pytest.raises(UnschedulableError) as caught:
        await nomad.admit([_spec() if not bounds else spec_pb2.FunctionSpec(name="g"), spec])
    assert str(caught.value).startswith(sentence)
    assert caught.value.function == "f"
    with pytest.raises(UnschedulableError) as caught:
        await nomad.plan("default", VERSION, spec, "", 1)
    assert str(caught.value).startswith(sentence)
    assert api.asked == []


async def test_what_is_within_the_bounds_of_consuls_key_is_admitted(api: NomadApi) -> None:
    """Asked through the one door to Consul; nothing is where that does not say."""
    with consul_api() as consul:
        terms = Terms(
            driver="raw_exec",
            command="/usr/bin/python3",
            consul=consul.place,
            bounds_key="fnq/bounds",
        )
        for text, bound in ((b"cpu = 2\nreplicas = 4\n", ""), (b"cpu = 1\n", "cpu = 1")):
            consul.keys["fnq/bounds"] = text
            with pytest.raises(UnschedulableError, match=bound) if bound else nullcontext():
                await NomadOrchestrator(Access(api.address), terms).admit([_spec()])
        consul.refusal = (500, "No cluster leader")
        with pytest.raises(StackError, match="No cluster leader"):
            await NomadOrchestrator(Access(api.address), terms).admit([_spec()])


async def test_a_bound_of_replicas_holds_for_what_is_set_later(api: NomadApi) -> None:
    """As by `fnq function scale`, and for what was deployed before."""
    assert _nomad(api).most_replicas == 50_000
    nomad = _nomad(api, replicas=7)
    assert nomad.most_replicas == 7
    await nomad.ensure("default", VERSION, _spec(), Provision(), 9)
    assert api.jobs[ID]["TaskGroups"][0]["Count"] == 7


async def test_a_server_that_admits_nothing_heeds_the_key_all_the_same(
    api: NomadApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that was just started; where nobody knows the key, its workers come."""
    said: list[str | None] = [None, "replicas = 3"]
    monkeypatch.setattr(orchestrator_module, "_read_key", lambda at, key: said.pop(0))
    terms = Terms(driver="raw_exec", command="/usr/bin/python3", bounds_key="fnq/bounds")
    for count in (5, 3):
        nomad = NomadOrchestrator(Access(api.address), terms)
        await nomad.scale("default", VERSION, _spec(), Provision(), 5)
        assert api.jobs[ID]["TaskGroups"][0]["Count"] == count
    assert nomad.most_replicas == 3


async def test_a_plan_with_volumes_makes_none(api: NomadApi) -> None:
    """It has those that there are, and those that would be made; of a place it says nothing yet.

    Where that is run by hand, the deploy says to the job where they are.
    """
    nomad, spec = _nomad(api), _spec()
    spec.volumes.add(volume="models", path="/models")
    api.plan, api.nodes = PLANS["big"], [node() | {"HostVolumes": {}}]
    draft = await nomad.plan("default", VERSION, spec, "", 1)
    assert 'source          = "fnvol-default~models"' in draft.text
    assert draft.forecast[-1] == "whether there is a place is known once its volumes are made"
    assert api.hosts.volumes == []
    planned = json.loads(draft.files[f"{ID}.nomad.json"])["Job"]
    api.jobs[ID] = {**planned, "Stop": False, "JobModifyIndex": 7}
    await nomad.ensure("default", VERSION, spec, Provision(), 1)
    assert "/volumes/v0:/models:rw" in str(api.jobs[ID])
    api.hosts.volumes = [{"ID": "v0", "Name": "fnvol-default~models", "NodeID": api.nodes[0]["ID"]}]
    draft = await nomad.plan("default", VERSION, spec, "", 1)
    assert "/volumes/v0:/models:rw" in draft.text
    assert draft.forecast[-1].startswith("no place now: ")


async def test_whoever_wants_no_worker_gets_no_volume(api: NomadApi) -> None:
    """So one that was deleted does not come back, empty, when workers are counted down."""
    nomad, spec = _nomad(api), _spec()
    spec.volumes.add(volume="models", path="/models")
    api.nodes = [node() | {"HostVolumes": {}}]
    await nomad.scale("default", VERSION, spec, Provision(), 0)
    assert (api.hosts.volumes, api.jobs) == ([], {})
    await nomad.ensure("default", VERSION, spec, Provision(), 1)
    assert len(api.hosts.volumes) == 1


async def test_gpus_that_no_job_can_ask_for_are_neither_planned_nor_admitted(
    api: NomadApi,
) -> None:
    """The function is named."""
    nomad, spec = _nomad(api), _spec()
    spec.resources.gpu = "nvidia-l4"
    spec.resources.gpu_fallbacks.add(name="nvidia-t4", count=2)
    for asking in (nomad.admit([spec]), nomad.plan("default", VERSION, spec, "", 1)):
        with pytest.raises(UnschedulableError, match=r"^gpu: on Nomad all choices of") as caught:
            await asking
        assert caught.value.function == "f"
