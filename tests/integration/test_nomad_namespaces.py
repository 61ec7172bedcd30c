"""Two namespaces, of fnq or of Nomad, on one real Nomad: neither sees what is the other's."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fnq.v1 import spec_pb2
from fnq_core.secrets import Label
from fnq_server.orchestrator.seam import Outlook, Provision
from fnq_server.secrets.variables import VariableStore
from fnq_server.volume.cluster import ClusterVolumes
from fnq_wire.error import StackError
from jobs.http import ask
from tests import agents
from tests.gpus import rack
from tests.guarded import GuardedNomad, guarded
from tests.nomad import House, until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.nomad,
    pytest.mark.timeout(120),
    pytest.mark.skipif("nomad" in agents.lacking(), reason="not on the path: nomad"),
]

#: What a server needs in its namespace of Nomad, and nothing of another.
RULES = """
namespace "{}" {{
  capabilities = [
    "list-jobs", "read-job", "submit-job", "scale-job", "read-logs", "csi-list-volume",
    "host-volume-create", "host-volume-read", "host-volume-delete",
  ]
  variables {{
    path "fnq/secrets/*" {{ capabilities = ["read", "write", "list", "destroy"] }}
    path "nomad/jobs/fnq-*" {{ capabilities = ["read", "write", "destroy"] }}
  }}
}}
host_volume "fnvol-*" {{ policy = "write" }}
node {{ policy = "read" }}
"""
#: The same in both: only the namespace tells one from the other.
VERSION = "c1" * 16
LABEL = Label("env", "TOKEN")
SPEC = spec_pb2.FunctionSpec(
    name="f",
    secrets=[spec_pb2.SecretRef(source="env", name="TOKEN")],
    volumes=[spec_pb2.VolumeMount(volume="models", path="/models")],
)


class Tenant:
    """One of two that share a Nomad: a namespace of fnq, on a server of some namespace of Nomad."""

    def __init__(self, house: House, namespace: str, folder: Path) -> None:
        self.house, self.namespace, self._folder = house, namespace, folder
        self.name = folder.name
        self.volumes = ClusterVolumes(house.nomad.volumes)
        self.store = VariableStore(house.nomad.variables)

    async def open(self) -> None:
        """Set a secret, and have a worker that was given it, with the volume."""
        await self.store.set(self.namespace, LABEL, {"TOKEN": self.name})
        self.house.order(f"env > {self._folder}/env; exec sleep 1000")
        given = Provision(secrets={"TOKEN": self.name})
        await self.house.nomad.ensure(self.namespace, VERSION, SPEC, given, 1)
        await until(self.states, lambda found: found == ["running"])

    async def states(self) -> list[str]:
        """Return the states of the workers of the namespace."""
        found = await self.house.nomad.status()
        return [each.state for each in found if each.namespace == self.namespace]

    async def outlook(self) -> Outlook:
        """Return what is to be expected of them."""
        return (await self.house.nomad.explain(self.namespace, VERSION)).outlook

    async def given(self) -> str:
        """Return the secret that the worker was started with."""
        file = self._folder / "env"
        await until(lambda: asyncio.to_thread(file.exists), bool)
        lines = file.read_text().splitlines()
        return next(line for line in lines if line.startswith("FNQ_SECRET_TOKEN="))

    def put(self, name: str) -> None:
        """Put an empty file into the volume."""
        with (
            self.volumes.open(self.namespace, "models") as files,
            closing(files.begin(name.encode(), 0o644)) as upload,
        ):
            upload.commit()

    def files(self) -> list[str]:
        """Return the names of the files in the volume."""
        return os.listdir(self.volumes.folder(self.namespace, "models").partition(": ")[2])

    def delete(self) -> None:
        """Delete the volume."""
        self.volumes.delete(self.namespace, "models")


@pytest.fixture(scope="module")
def nomad() -> Iterator[GuardedNomad]:
    """A Nomad with two more namespaces that lets nobody in without a token."""
    with guarded() as made:
        for name in ("red", "blue"):
            made.ask("PUT", f"namespace/{name}", {"Name": name})
        yield made


@pytest.fixture(params=["fnq", "nomad"])
def tenants(
    request: pytest.FixtureRequest, nomad: GuardedNomad, tmp_path: Path
) -> tuple[Tenant, Tenant]:
    """Two of them: namespaces of one server, or servers each in a namespace of Nomad."""
    made = []
    for name in ("red", "blue"):
        folder = tmp_path / name
        folder.mkdir()
        home = name if request.param == "nomad" else "default"
        token = nomad.token_for(RULES.format(home))
        house = House(nomad.address, folder, token=token, nomad_namespace=home)
        made.append(Tenant(house, name if request.param == "fnq" else "default", folder))
    return made[0], made[1]


def test_neither_sees_workers_secrets_and_volumes_of_the_other(
    tenants: tuple[Tenant, Tenant],
) -> None:
    """Though function, version, secret and volume have the same names; nor ends them."""
    red, blue = tenants

    async def scene() -> None:
        await red.open()
        assert await blue.states() == []
        assert await blue.outlook() is Outlook.ABSENT
        assert await blue.house.nomad.logs(blue.namespace, VERSION, 5) == []
        assert await blue.store.entries(blue.namespace, "env") == []
        assert await blue.store.get(blue.namespace, [LABEL]) == [None]
        assert await asyncio.to_thread(blue.volumes.names, blue.namespace) == []
        await blue.house.nomad.stop(blue.namespace, VERSION)
        assert await red.states() == ["running"]

        await blue.open()
        for each in tenants:
            await asyncio.to_thread(each.put, each.name)
            assert (await each.given()).endswith(each.name)
        for each in tenants:
            assert await asyncio.to_thread(each.files) == [each.name]
            assert [one.name for one in await each.store.entries(each.namespace, "env")] == [
                "TOKEN"
            ]

        await red.house.nomad.stop(red.namespace, VERSION)
        await asyncio.to_thread(red.delete)
        assert await red.store.delete(red.namespace, LABEL)
        assert await blue.states() == ["running"]
        assert await asyncio.to_thread(blue.files) == ["blue"]
        assert await blue.store.get(blue.namespace, [LABEL]) == [{"TOKEN": "blue"}]

        await blue.house.nomad.stop(blue.namespace, VERSION)
        await asyncio.to_thread(blue.delete)
        await blue.store.delete(blue.namespace, LABEL)

    asyncio.run(scene())


def test_a_server_cannot_ask_in_a_namespace_of_nomad_that_is_not_its_own(
    nomad: GuardedNomad, tmp_path: Path
) -> None:
    """Whatever it is told to use: the token is for one."""
    token = nomad.token_for(RULES.format("red"))
    stranger = House(nomad.address, tmp_path, token=token, nomad_namespace="blue")

    async def scene() -> None:
        for asked in (
            stranger.ensure(VERSION),
            VariableStore(stranger.nomad.variables).get("default", [LABEL]),
            stranger.nomad.logs("default", VERSION, 1),
        ):
            with pytest.raises(StackError, match=r"does not let us .* namespace 'blue' .*denied"):
                await asked

    asyncio.run(scene())


def test_who_holds_a_card_is_told_by_job_in_another_namespace(tmp_path: Path) -> None:
    """A card is one machine's, whoever has it; by function only where that is one's own."""
    with rack({"model": "NVIDIA L4", "memory_mib": 23034, "ids": ["GPU-l4-0"]}) as made:
        houses = []
        for name in ("red", "blue"):
            ask("PUT", f"{made.address}/v1/namespace/{name}", {"Name": name})
            folder = tmp_path / name
            folder.mkdir()
            houses.append(House(made.address, folder, nomad_namespace=name))
        red, blue = houses

        async def scene() -> None:
            await red.ensure(VERSION, gpu="nvidia-l4")
            await until(lambda: red.states(VERSION), lambda found: found == [(0, "running")])
            await blue.ensure("c2" * 16, gpu="nvidia-l4")
            told = await until(lambda: blue.explained("c2" * 16), lambda text: "free" in text)
            assert told.startswith(
                'no node has 1 free "nvidia-l4": 1 node has 1, 1 is used by the job '
                f"'fnq-f-{VERSION[:8]}'"
            )
            [own], [others] = await red.nomad.gpus(), await blue.nomad.gpus()
            assert [each.function for each in own.workers] == ["f"]
            assert (list(others.workers), len(others.others)) == ([], 1)

        asyncio.run(scene())
