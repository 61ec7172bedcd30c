"""What is there on Nomad, before anybody waits for it: GPUs, and room for what is deployed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fnq.v1 import spec_pb2
from fnq_server.orchestrator.nomad.door import Access
from fnq_server.orchestrator.nomad.orchestrator import NomadOrchestrator
from fnq_server.orchestrator.nomad.terms import Terms
from fnq_server.orchestrator.seam import Caveats, Provision
from tests.unit.fnq_server.orchestrator.nomad import recorded
from tests.unit.fnq_server.orchestrator.nomad.api import NomadApi, serving
from tests.unit.fnq_server.orchestrator.nomad.recorded import allocation, node

VERSION = "abc0123456"
ID = "fnq-f-abc01234"
WITH_GPU = spec_pb2.FunctionSpec(name="f", resources=spec_pb2.Resources(gpu="nvidia-l4"))


@pytest.fixture
def api() -> Iterator[NomadApi]:
    """A Nomad with nothing in it."""
    with serving() as made:
        yield made


def _nomad(api: NomadApi) -> NomadOrchestrator:
    terms = Terms(driver="raw_exec", command="/usr/bin/python3")
    return NomadOrchestrator(Access(api.address), terms)


async def test_all_gpus_are_listed_with_who_has_them(api: NomadApi) -> None:
    """Those that nobody has, too."""
    nomad = _nomad(api)
    await nomad.ensure("default", VERSION, WITH_GPU, Provision(), 1)
    api.nodes.append(node(NodeResources=recorded.resources(("NVIDIA L4", 23034, 2))))
    api.place(ID, allocation("running") | recorded.occupying("NVIDIA L4/0"))
    found = await nomad.gpus()
    assert [(each.model, each.identity) for each in found] == [
        ("NVIDIA L4", "NVIDIA L4/0"),
        ("NVIDIA L4", "NVIDIA L4/1"),
    ]
    assert [[worker.function for worker in each.workers] for each in found] == [["f"], []]


async def test_a_function_that_no_node_can_run_is_deployed_without_a_caveat(api: NomadApi) -> None:
    """It waits for its place, and whoever waits for it is told why."""
    huge = spec_pb2.FunctionSpec(name="f", resources=spec_pb2.Resources(memory_bytes=1 << 50))
    assert await _nomad(api).caveats([huge]) == Caveats()
