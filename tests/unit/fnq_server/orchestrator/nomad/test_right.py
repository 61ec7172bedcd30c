"""The right that lacks is told as the rule that a policy would have."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from fnq.v1 import spec_pb2
from fnq_server.orchestrator.nomad import volumes
from fnq_server.orchestrator.nomad.door import Access, DeniedError, NomadDoor
from fnq_server.orchestrator.nomad.hostvolumes import HostVolumes
from fnq_server.orchestrator.nomad.job import job_id, render
from fnq_server.orchestrator.nomad.right import mounts, rules
from fnq_server.orchestrator.nomad.terms import Terms
from fnq_server.orchestrator.nomad.variables import Variables
from tests.unit.fnq_server.orchestrator.nomad.api import NomadApi, serving

TERMS = Terms(driver="exec", command="python")
SPEC = spec_pb2.FunctionSpec(
    name="f", volumes=[spec_pb2.VolumeMount(volume=each, path=f"/{each}") for each in ("a", "b")]
)
ID = job_id("default", "f", "abc01234")


@pytest.fixture
def api() -> Iterator[NomadApi]:
    """A Nomad that denies all."""
    with serving() as made:
        made.refusal = (403, "Permission denied")
        yield made


def _job() -> Any:
    sources = volumes.assumed("default", SPEC)
    return render(TERMS, "default", "abc01234", SPEC, 1, 0, sources)


def _capability(name: str) -> str:
    return f'namespace "fn" {{ capabilities = ["{name}"] }}'


def _variable(path: str, verb: str) -> str:
    return f'namespace "fn" {{ variables {{ path "{path}" {{ capabilities = ["{verb}"] }} }} }}'


NODES = 'node { policy = "read" }'
MOUNTS = " and ".join(f'host_volume "fnvol-default~{each}" {{ policy = "write" }}' for each in "ab")


@pytest.mark.parametrize(
    ("ask", "rule"),
    [
        (lambda door: door.job(ID), _capability("read-job")),
        (lambda door: door.jobs(), _capability("list-jobs")),
        (lambda door: door.register(_job(), 0), f"{_capability('register-job')} and {MOUNTS}"),
        (lambda door: door.plan(_job()), _capability("plan-job")),
        (lambda door: door.scale(ID, 1, 0), _capability("scale-job")),
        (lambda door: door.deregister(ID), _capability("deregister-job")),
        (lambda door: door.evaluate(ID), _capability("evaluate-job")),
        (lambda door: door.evaluations(ID), _capability("read-job")),
        (lambda door: door.allocations(ID), _capability("read-job")),
        (lambda door: door.all_allocations(), _capability("read-job")),
        (lambda door: door.occupants(), _capability("read-job")),
        (lambda door: door.nodes(), NODES),
        (lambda door: door.log("a1", "stdout", 1), _capability("read-logs")),
        (lambda door: Variables(door).get("x/y"), _variable("x/y", "read")),
        (lambda door: Variables(door).paths("x/"), _variable("x/*", "read")),
        (lambda door: HostVolumes(door, TERMS).all("n"), _capability("host-volume-read")),
        (lambda door: HostVolumes(door, TERMS).hostname("n1"), NODES),
    ],
)
async def test_what_is_denied_is_told_with_the_rule_that_lets_us(
    api: NomadApi, ask: Callable[[NomadDoor], Awaitable[object]], rule: str
) -> None:
    """As HCL, with the namespace in which we ask."""
    with pytest.raises(DeniedError) as told:
        await ask(NomadDoor(Access(api.address, nomad_namespace="fn")))
    assert str(told.value).endswith(
        f"(Permission denied): set NOMAD_TOKEN to a token that may, by a policy with {rule}"
    )


CSI = [{"Volumes": {"v0": {"Type": "csi", "Source": "x"}}}]


def test_a_volume_of_csi_takes_rights_of_its_own() -> None:
    """In the namespace, and of the plugins that there are."""
    assert rules(mounts({"TaskGroups": CSI}), "fn") == (
        f'{_capability("csi-mount-volume")} and plugin {{ policy = "read" }}'
    )
