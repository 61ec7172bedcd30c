"""On which node a volume is made for a function that demands something of its node."""

from __future__ import annotations

from typing import Any

import pytest

from fnq.v1 import spec_pb2
from fnq_server.orchestrator.nomad.door import Access, NomadDoor
from fnq_server.orchestrator.nomad.hostvolumes import HostVolumes
from fnq_server.orchestrator.nomad.terms import Terms
from fnq_wire.error import StackError
from tests.unit.fnq_server.orchestrator.nomad.api import NomadApi, serving
from tests.unit.fnq_server.orchestrator.nomad.recorded import node, resources

RAW = Terms(driver="raw_exec", command="/usr/bin/python3")
RACK = {"nomad.constraint": "meta.rack = r7"}


def _spec(volume: str, **options: str) -> spec_pb2.FunctionSpec:
    mount = spec_pb2.VolumeMount(volume=volume, path=f"/{volume}")
    return spec_pb2.FunctionSpec(name="f", volumes=[mount], options=options)


def _hosts(api: NomadApi, terms: Terms = RAW) -> HostVolumes:
    return HostVolumes(NomadDoor(Access(api.address)), terms)


class _Choosy(NomadApi):
    """Plans a job only onto nodes that meet its constraints; `full` ones have no room now."""

    def __init__(self, *meet: str, full: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.nodes = [node(ID=each, Name=each, HostVolumes={}) for each in ("n1", "n2", "n3")]
        self._meet, self._full = meet, full

    def answer(self, method: str, url: str, body: Any) -> tuple[int, Any]:
        """Return what Nomad says of a job that is kept to one node."""
        if "/plan" in url:
            [pin] = body["Job"]["TaskGroups"][0]["Constraints"]
            assert (pin["LTarget"], pin["Operand"]) == ("${node.unique.id}", "=")
            self.plan = self._planned(pin["RTarget"])
        return super().answer(method, url, body)

    def _planned(self, node: str) -> dict[str, Any]:
        if node not in self._meet:
            met: dict[str, Any] = {"ConstraintFiltered": {"${meta.rack} = r7": 3}}
        elif node in self._full:
            met = {"ConstraintFiltered": {"${meta.rack} = r7": 2}}
            met["DimensionExhausted"] = {"memory": 1}
        else:
            return {"Diff": {"Type": "None"}}
        return {"Diff": {"Type": "None"}} | {"FailedTGAllocs": {"worker": met}}


@pytest.mark.parametrize("full", [(), ("n2",)])
async def test_a_volume_is_made_where_the_constraints_of_its_function_are_met(
    full: tuple[str, ...],
) -> None:
    """By what Nomad says of each node, also of one that is full now."""
    with serving(_Choosy("n2", full=full)) as api:
        for each in "abcd":
            spec = _spec(each, **RACK)
            [source] = await _hosts(api).provide("default", spec)
            assert list(source.places) == ["n2"]


async def test_without_constraints_nomad_is_not_asked_where_to_make_a_volume() -> None:
    """What nodes have is known from their list."""
    with serving(_Choosy()) as api:
        await _hosts(api).provide("default", _spec("m"))
        assert not any("/plan" in path for _, path in api.asked)


async def test_no_volume_is_made_where_no_node_meets_the_constraints() -> None:
    """It would lie where no worker ever comes; the error quotes them."""
    spec = _spec("m", **RACK)
    with serving(_Choosy()) as api:
        with pytest.raises(StackError, match=r"made: .* demands: \$\{meta.rack} = r7$"):
            await _hosts(api).provide("default", spec)
        assert api.hosts.volumes == []


async def test_a_volume_of_a_function_with_a_gpu_is_made_where_containers_can_have_one() -> None:
    """Where the operator named a runtime of containers for that, its node must have it."""
    terms = Terms(driver="docker", image="w", gpu_runtime="nvidia")
    spec = _spec("m")
    spec.resources.MergeFrom(spec_pb2.Resources(gpu="nvidia-l4", gpu_count=1))
    with serving(_Choosy("n2")) as api:
        for each in api.nodes:
            each["NodeResources"] = resources(("NVIDIA L4", 23034, 1))
        [source] = await _hosts(api, terms).provide("default", spec)
        assert list(source.places) == ["n2"]
