"""What options of functions come to on a real Nomad."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fnq.v1 import spec_pb2
from fnq_server.orchestrator.seam import Explanation, Outlook, Provision
from fnq_wire.error import StackError
from tests import agents
from tests.guarded import GuardedNomad, guarded
from tests.nomad import House, until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.nomad,
    pytest.mark.timeout(120),
    pytest.mark.skipif("nomad" in agents.lacking(), reason="not on the path: nomad"),
]

#: MiB of a worker, and what its stand-in takes, and may.
MEMORY_MIB, TAKEN_MIB, MOST_MIB = 128, 200, 300
#: Takes memory, and says so.
TAKER = f"""import time; taken = b"x" * ({TAKEN_MIB} << 20); print("taken", flush=True)"""


@pytest.fixture(scope="module")
def nomad() -> Iterator[GuardedNomad]:
    """A Nomad whose nodes give more memory than was reserved, while they have it."""
    with guarded() as made:
        yield made


@pytest.fixture
def house(nomad: GuardedNomad, tmp_path: Path) -> House:
    """Workers that are stand-ins."""
    return House(nomad.address, tmp_path, token=nomad.token)


def _spec(**options: str) -> spec_pb2.FunctionSpec:
    """Return a function; the names of its options lack their beginning."""
    return spec_pb2.FunctionSpec(
        name="f",
        resources=spec_pb2.Resources(memory_bytes=MEMORY_MIB << 20),
        options={f"nomad.{name}": text for name, text in options.items()},
    )


def test_memory_max_is_what_a_worker_may_use_beyond_its_memory(house: House) -> None:
    """Without it the same worker is killed, and its callers are told how much it has."""
    taking, dying = "a1" * 16, "a2" * 16
    house.order(f"exec {sys.executable} -c '{TAKER}; time.sleep(1000)'")

    async def scene() -> None:
        more = _spec(memory_max=f"{MOST_MIB}Mi")
        await house.nomad.ensure("default", taking, more, Provision(), 1)
        await until(lambda: house.logs(taking), lambda lines: lines[-1:] == ["taken"])
        await house.nomad.ensure("default", dying, _spec(), Provision(), 1)
        found = await until(
            lambda: _explained(house, dying), lambda told: told[0] == Outlook.CRASHING.value
        )
        assert f"as when memory runs out: it has {MEMORY_MIB} MiB" in found[1]
        assert await house.outlook(taking) is Outlook.RUNNING
        for each in (taking, dying):
            await house.nomad.stop("default", each)

    asyncio.run(scene())


async def _explained(house: House, version: str) -> tuple[str, str]:
    found: Explanation = await house.nomad.explain("default", version)
    return found.outlook.value, found.reason


def test_a_volume_is_made_only_where_a_constraint_is_met(nomad: GuardedNomad, house: House) -> None:
    """By Nomad's own reading of it."""
    mount = spec_pb2.VolumeMount(volume="models", path="/models")

    async def scene() -> None:
        spec = _spec(constraint="attr.os.name = debian\nattr.cpu.arch = none-such")
        spec.volumes.append(mount)
        with pytest.raises(StackError, match=r"'models' cannot be made: .* = none-such"):
            await house.nomad.volumes.provide("default", spec)
        assert await asyncio.to_thread(nomad.ask, "GET", "volumes?type=host") == []
        spec.options["nomad.constraint"] = "attr.cpu.arch is_set\nnode.datacenter regexp ^dc"
        [source] = await house.nomad.volumes.provide("default", spec)
        [node] = await asyncio.to_thread(nomad.ask, "GET", "nodes")
        assert list(source.places) == [node["ID"]]
        await house.nomad.volumes.delete(source, 5)

    asyncio.run(scene())
