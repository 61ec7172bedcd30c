"""Jobs with volumes that are not there yet, or not any more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fnq.v1 import spec_pb2
from fnq_server.orchestrator.nomad.door import Access
from fnq_server.orchestrator.nomad.orchestrator import NomadOrchestrator
from fnq_server.orchestrator.nomad.terms import Terms
from fnq_server.orchestrator.seam import Provision
from fnq_wire.error import StackError
from tests.unit.fnq_server.orchestrator.nomad.api import NomadApi, serving
from tests.unit.fnq_server.orchestrator.nomad.recorded import node

VERSION = "abc0123456"
ID = "fnq-f-abc01234"
SPEC = spec_pb2.FunctionSpec(name="f", volumes=[spec_pb2.VolumeMount(volume="m", path="/m")])


@pytest.fixture
def api() -> Iterator[NomadApi]:
    """A Nomad with one node that has no volumes."""
    with serving() as made:
        made.nodes = [node(HostVolumes={})]
        yield made


def _nomad(api: NomadApi) -> NomadOrchestrator:
    terms = Terms(driver="raw_exec", command="/usr/bin/python3")
    return NomadOrchestrator(Access(api.address), terms)


async def test_a_job_that_was_lowered_without_its_volumes_gets_them_with_its_next_worker(
    api: NomadApi,
) -> None:
    """Whoever wants no worker asks nothing of them, and leaves the job as it is."""
    await _nomad(api).ensure("default", VERSION, SPEC, Provision(), 1)
    later = _nomad(api)
    later._since_ms += 1
    api.denied = {"volumes"}
    await later.scale("default", VERSION, SPEC, Provision(), 0)
    api.denied = set()
    assert api.jobs[ID]["TaskGroups"][0]["Count"] == 0
    await later.ensure("default", VERSION, SPEC, Provision(), 1)
    [task] = api.jobs[ID]["TaskGroups"][0]["Tasks"]
    assert task["Config"]["args"][-2:] == ["--mount", "/volumes/v0:/m:rw"]


async def test_a_volume_that_is_not_ready_keeps_no_other_function_waiting(api: NomadApi) -> None:
    """Once it is being made a worker is asked for again later; a deploy waits for it."""
    nomad = _nomad(api)
    api.hosts.slow = 1
    await nomad.volumes.provide("default", SPEC)
    api.hosts.slow = 1
    with pytest.raises(StackError, match="volume 'm' is on a node which has not said"):
        await nomad.ensure("default", VERSION, SPEC, Provision(), 1)
    await nomad.ensure("default", VERSION, SPEC, Provision(), 1)
    assert api.jobs[ID]["TaskGroups"][0]["Count"] == 1
