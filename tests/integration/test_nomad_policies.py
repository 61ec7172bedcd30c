"""The policy of the servers for Nomad is enough, and none of its lines is idle."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fnq.v1 import spec_pb2
from fnq_core.secrets import Label
from fnq_server.orchestrator.nomad.door import Access
from fnq_server.orchestrator.nomad.job import job_id
from fnq_server.orchestrator.nomad.orchestrator import NomadOrchestrator
from fnq_server.orchestrator.seam import Provision
from fnq_server.secrets.variables import VariableStore
from fnq_wire.error import StackError
from tests import agents
from tests.guarded import GuardedNomad, guarded
from tests.nomad import House
from tests.policies import lines, policy

pytestmark = [
    pytest.mark.integration,
    pytest.mark.nomad,
    pytest.mark.timeout(120),
    pytest.mark.skipif("nomad" in agents.lacking(), reason="not on the path: nomad"),
]

LINES = {each.name: each for each in lines("nomad-server")}
#: Seconds in which Nomad lets go of a volume.
_FREED_S = 10.0
TOKEN = Label("env", "TOKEN")
_numbers = itertools.count(0xC0)


@dataclass
class Scene:
    """A version of its own: what servers do with it, by all rights or by those of a policy."""

    nomad: GuardedNomad
    whole: House
    version: str = ""
    volume: str = ""

    def __post_init__(self) -> None:
        number = next(_numbers)
        self.version, self.volume = f"{number:02x}" * 16, f"v{number:02x}"

    @property
    def job(self) -> str:
        """The id of the version's job."""
        return job_id("default", "f", self.version)

    def spec(self, *, secrets: bool = False, volume: bool = False) -> spec_pb2.FunctionSpec:
        """Return what the version is."""
        return spec_pb2.FunctionSpec(
            name="f",
            secrets=[spec_pb2.SecretRef(source="env", name="TOKEN")] if secrets else [],
            volumes=[spec_pb2.VolumeMount(volume=self.volume, path="/v")] if volume else [],
        )

    async def ensure(
        self, nomad: NomadOrchestrator, spec: spec_pb2.FunctionSpec, secret: str = ""
    ) -> None:
        """Have a worker of the version."""
        given = Provision(secrets={"TOKEN": secret} if secret else {})
        await nomad.ensure("default", self.version, spec, given, 1)


#: What a server does, which returns what is told of it.
Work = Callable[[Scene, NomadOrchestrator], Coroutine[Any, Any, object]]


async def status(scene: Scene, nomad: NomadOrchestrator) -> object:
    """See who runs."""
    return await nomad.status()


async def explain(scene: Scene, nomad: NomadOrchestrator) -> object:
    """Say how the workers of a version are."""
    await scene.ensure(scene.whole.nomad, scene.spec())
    return await nomad.explain("default", scene.version)


async def plan(scene: Scene, nomad: NomadOrchestrator) -> object:
    """Forecast a deploy."""
    draft = await nomad.plan("default", scene.version, scene.spec(), "", 1)
    return draft.forecast


async def start(scene: Scene, nomad: NomadOrchestrator) -> None:
    """Start a worker."""
    await scene.ensure(nomad, scene.spec())


async def scale(scene: Scene, nomad: NomadOrchestrator) -> None:
    """Start another one."""
    await scene.ensure(scene.whole.nomad, scene.spec())
    await nomad.scale("default", scene.version, scene.spec(), Provision(), 2)


async def stop(scene: Scene, nomad: NomadOrchestrator) -> None:
    """End a version."""
    await scene.ensure(scene.whole.nomad, scene.spec())
    await nomad.stop("default", scene.version)


async def look_again(scene: Scene, nomad: NomadOrchestrator) -> None:
    """Have Nomad look for a place again, as for a GPU that is well again."""
    await scene.ensure(scene.whole.nomad, scene.spec())
    await nomad._door.evaluate(scene.job)


async def logs(scene: Scene, nomad: NomadOrchestrator) -> object:
    """Show what workers print."""
    await scene.whole.ensure(scene.version)
    return await nomad.logs("default", scene.version, 1)


async def make_volume(scene: Scene, nomad: NomadOrchestrator) -> object:
    """Make a volume."""
    return await nomad.volumes.provide("default", scene.spec(volume=True))


async def delete_volume(scene: Scene, nomad: NomadOrchestrator) -> None:
    """Delete a volume."""
    [source] = await scene.whole.nomad.volumes.provide("default", scene.spec(volume=True))
    await nomad.volumes.delete(source, _FREED_S)


async def mount(scene: Scene, nomad: NomadOrchestrator) -> None:
    """Start a worker with a volume."""
    await scene.ensure(nomad, scene.spec(volume=True))


async def gpus(scene: Scene, nomad: NomadOrchestrator) -> object:
    """List GPUs."""
    return await nomad.gpus()


async def set_secret(scene: Scene, nomad: NomadOrchestrator) -> None:
    """Set a secret."""
    await VariableStore(nomad.variables).set("default", TOKEN, {"TOKEN": scene.version})


async def list_secrets(scene: Scene, nomad: NomadOrchestrator) -> object:
    """List secrets."""
    await set_secret(scene, scene.whole.nomad)
    found = await VariableStore(nomad.variables).entries("default", "env")
    assert [each.name for each in found] == ["TOKEN"]
    return found


async def delete_secret(scene: Scene, nomad: NomadOrchestrator) -> object:
    """Delete a secret."""
    await set_secret(scene, scene.whole.nomad)
    return await VariableStore(nomad.variables).delete("default", TOKEN)


async def give(scene: Scene, nomad: NomadOrchestrator) -> None:
    """Start a worker with a secret."""
    await scene.ensure(nomad, scene.spec(secrets=True), "1")


async def take_back(scene: Scene, nomad: NomadOrchestrator) -> None:
    """End a version that has secrets."""
    await scene.ensure(scene.whole.nomad, scene.spec(secrets=True), "1")
    await nomad.stop("default", scene.version)


#: What does not work without a line.
BROKEN: Mapping[str, Work] = {
    "list-jobs": status,
    "read-job": explain,
    "plan-job": plan,
    "register-job": start,
    "scale-job": scale,
    "deregister-job": stop,
    "evaluate-job": look_again,
    "read-logs": logs,
    "host-volume-create": make_volume,
    "host-volume-delete": delete_volume,
    "fnq/secrets/* write": set_secret,
    "fnq/secrets/* read": list_secrets,
    "fnq/secrets/* destroy": delete_secret,
    "nomad/jobs/fnq-* read": give,
    "nomad/jobs/fnq-* write": give,
    "nomad/jobs/fnq-* destroy": take_back,
    'host_volume "fnvol-*" { policy = "write" }': mount,
    'node { policy = "read" }': gpus,
}


@pytest.fixture(scope="module")
def nomad() -> Iterator[GuardedNomad]:
    """A Nomad without jobs that lets nobody in without a token."""
    with guarded() as made:
        yield made


@pytest.fixture
def scene(nomad: GuardedNomad, tmp_path: Path) -> Iterator[Scene]:
    """A version of the test's own, whose workers are gone afterwards."""
    made = Scene(nomad, House(nomad.address, tmp_path, token=nomad.token, driver="raw_exec"))
    yield made
    asyncio.run(made.whole.nomad.stop("default", made.version))


def told(scene: Scene, rules: str, work: Work) -> str:
    """Return what somebody with one policy is told of some work."""
    access = Access(scene.nomad.address, scene.nomad.token_for(rules))
    try:
        return str(asyncio.run(work(scene, NomadOrchestrator(access, scene.whole.nomad._terms))))
    except StackError as problem:
        return str(problem)


def test_every_line_has_its_use() -> None:
    """None is in the file that no test takes away."""
    assert set(BROKEN) == set(LINES)


@pytest.mark.parametrize("name", BROKEN)
def test_a_line_that_is_taken_away_is_named(scene: Scene, name: str) -> None:
    """By the error of what it was for, which works with the whole policy."""
    line, work = LINES[name], BROKEN[name]
    without = told(scene, line.without, work)
    assert "does not let us" in without
    right = line.right.replace("fnvol-*", f"fnvol-default~{scene.volume}")
    assert right in without.partition("by a policy with ")[2]
    assert "does not let us" not in told(scene, policy("nomad-server"), work)
