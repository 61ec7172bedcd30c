"""Volumes on a real Nomad with ACLs on: made once, shared by functions, outliving their workers."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from fnq.v1 import spec_pb2
from fnq_server.orchestrator.nomad.volumes import our_name
from fnq_server.orchestrator.seam import Provision
from fnq_server.volume.cluster import ClusterVolumes
from fnq_server.volume.seam import VolumeError, VolumeMissingError
from tests import agents
from tests.guarded import GuardedNomad, guarded
from tests.nomad import House, until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.nomad,
    pytest.mark.timeout(120),
    pytest.mark.skipif("nomad" in agents.lacking(), reason="not on the path: nomad"),
]

#: What a server needs to run functions with volumes.
RULES = """
namespace "default" {
  capabilities = [
    "list-jobs", "read-job", "submit-job", "scale-job", "read-logs", "csi-list-volume",
    "host-volume-create", "host-volume-read", "host-volume-delete",
  ]
}
host_volume "fnvol-*" { policy = "write" }
node { policy = "read" }
"""


@pytest.fixture(scope="module")
def nomad() -> Iterator[GuardedNomad]:
    """A Nomad without jobs that lets nobody in without a token."""
    with guarded() as made:
        yield made


@pytest.fixture
def house(nomad: GuardedNomad, tmp_path: Path) -> House:
    """Workers that are stand-ins, by the driver raw_exec."""
    return House(nomad.address, tmp_path, token=nomad.token_for(RULES))


def _spec(volume: str, path: str = "/models") -> spec_pb2.FunctionSpec:
    return spec_pb2.FunctionSpec(name="f", volumes=[spec_pb2.VolumeMount(volume=volume, path=path)])


def _put(store: ClusterVolumes) -> None:
    """Put a file into the volume."""
    with store.open("default", "models") as files:
        upload = files.begin(b"kept", 0o644)
        upload.commit()
        upload.close()


async def _ensure(house: House, version: str, spec: spec_pb2.FunctionSpec) -> None:
    await house.nomad.ensure("default", version, spec, Provision(), 1)
    await until(lambda: house.states(version), lambda found: found == [(0, "running")])


def test_a_volume_is_made_once_and_deleted_when_nobody_has_it(
    nomad: GuardedNomad, house: House
) -> None:
    """By its node, where the agents of raw_exec are told to mount it; Nomad keeps what is used."""
    store, first, second = ClusterVolumes(house.nomad.volumes), "b1" * 16, "b2" * 16
    [node] = nomad.ask("GET", "nodes")

    async def scene() -> None:
        assert await asyncio.to_thread(store.prepare, "default", _spec("models")) == []
        assert await asyncio.to_thread(store.prepare, "default", _spec("models")) == []
        assert await asyncio.to_thread(store.names, "default") == ["models"]
        [stub] = nomad.ask("GET", "volumes?type=host")
        assert (stub["Name"], stub["NodeID"]) == (our_name("default", "models"), node["ID"])
        path = nomad.ask("GET", f"volume/host/{stub['ID']}")["HostPath"]
        where = await asyncio.to_thread(store.folder, "default", "models")
        assert where == f"node {node['Name']}: {path}"

        await asyncio.gather(*(_ensure(house, each, _spec("models")) for each in (first, second)))
        told = [line for line in await house.logs(first) if line.startswith("arguments:")]
        assert f"--mount {path}:/models:rw" in told[0]
        await asyncio.to_thread(_put, store)
        await house.nomad.stop("default", first)
        assert os.listdir(path) == ["kept"]
        deletion = asyncio.create_task(asyncio.to_thread(store.delete, "default", "models"))
        await house.nomad.stop("default", second)
        await deletion
        assert await asyncio.to_thread(store.names, "default") == []
        assert os.path.basename(path) not in os.listdir(os.path.dirname(path))
        with pytest.raises(VolumeMissingError, match="no volume 'models' in namespace 'default'"):
            await asyncio.to_thread(store.delete, "default", "models")

    asyncio.run(scene())


def test_nomad_mounts_a_volume_for_workers_that_it_isolates(
    nomad: GuardedNomad, house: House, tmp_path: Path
) -> None:
    """As the job says: it is placed on the node that has the volume, and asks for that alone."""
    made = House(nomad.address, tmp_path, token=nomad.token_for(RULES), driver="exec")

    async def scene() -> None:
        spec = _spec("shared")
        sources = await made.nomad.volumes.provide("default", spec)
        draft = await made.nomad.plan("default", "b3" * 16, spec, "", 1)
        [job] = [json.loads(text) for name, text in draft.files.items() if name.endswith(".json")]
        job["Job"]["TaskGroups"][0]["Tasks"][0]["Driver"] = "raw_exec"
        answer = await asyncio.to_thread(
            nomad.ask, "POST", f"job/{job['Job']['ID']}/plan", {**job, "Diff": False}
        )
        assert answer["FailedTGAllocs"] is None
        await made.nomad.volumes.delete(sources[0], 5)

    asyncio.run(scene())


def test_an_operators_volume_is_taken_as_it_is(nomad: GuardedNomad, house: House) -> None:
    """Under its name; it is no function's to delete."""
    store = ClusterVolumes(house.nomad.volumes)

    async def scene() -> None:
        found = await house.nomad.volumes.provide("default", _spec("fnq-redis"))
        assert [(each.name, each.ours) for each in found] == [("fnq-redis", False)]
        assert await asyncio.to_thread(store.names, "default") == []
        with pytest.raises(VolumeError, match="volume 'fnq-redis' is the cluster operator's"):
            await asyncio.to_thread(store.delete, "default", "fnq-redis")

    asyncio.run(scene())
