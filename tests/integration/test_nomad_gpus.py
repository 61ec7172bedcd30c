"""GPUs on a real Nomad, with cards that a device plugin makes up."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from fnq.v1 import spec_pb2
from fnq_server.orchestrator.seam import Outlook
from jobs.agent import await_that, missing
from tests.gpus import Rack, rack
from tests.nomad import House, until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.nomad,
    pytest.mark.timeout(120),
    pytest.mark.skipif(bool(missing(["nomad"])), reason="not on the path: nomad"),
]

L4 = {"model": "NVIDIA L4", "memory_mib": 23034, "ids": ["GPU-l4-0", "GPU-l4-1"]}
A100 = {"model": "NVIDIA A100-SXM4-80GB", "memory_mib": 81920, "ids": ["GPU-a100-0"]}


@pytest.fixture(scope="module")
def cards() -> Iterator[Rack]:
    """One node with two L4 and an A100."""
    with rack(L4, A100) as made:
        yield made


@pytest.fixture
def house(cards: Rack, tmp_path: Path) -> House:
    """Workers that are stand-ins, and say which cards they see."""
    made = House(cards.address, tmp_path)
    made.order('echo "cards: $NVIDIA_VISIBLE_DEVICES"; exec sleep 1000')
    return made


def run(scene: Coroutine[Any, Any, None]) -> None:
    """Run a scene, with a loop of its own."""
    asyncio.run(scene)


async def seen(house: House, version: str) -> list[str]:
    """Return the cards that each worker of a version sees, once one has said so.

    Nomad gives them in an order that may differ.
    """
    lines = await until(lambda: house.logs(version), lambda found: "cards:" in str(found))
    told = [line.removeprefix("cards: ") for line in lines if line.startswith("cards:")]
    return [",".join(sorted(each.split(","))) for each in told]


def test_workers_get_what_they_ask_for(house: House) -> None:
    """By model and number, by memory alone, and by a name in capitals of another maker's form."""

    async def scene() -> None:
        await house.ensure("a1" * 16, gpu="nvidia-l4", gpu_count=2)
        assert await seen(house, "a1" * 16) == ["GPU-l4-0,GPU-l4-1"]
        await house.ensure("a2" * 16, gpu="nvidia", gpu_memory_bytes=40 << 30)
        assert await seen(house, "a2" * 16) == ["GPU-a100-0"]
        for version in ("a1" * 16, "a2" * 16):
            await house.nomad.stop("default", version)
        await until(house.nomad.status, lambda left: not left)

    run(scene())


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"gpu": "nvidia-l4", "gpu_count": 3}, '3 "nvidia-l4": a node has 2 of one model at most'),
        ({"gpu": "nvidia", "gpu_count": 3}, '3 "nvidia": a node has 2 of one model at most'),
        ({"gpu": "nvidia-h100"}, '1 "nvidia-h100": there are NVIDIA A100-SXM4-80GB and NVIDIA L4'),
        (
            {"gpu": "nvidia-l4", "gpu_memory_bytes": 40 << 30},
            '1 "nvidia-l4:40Gi": the most memory that such a GPU has is 23034 MiB',
        ),
    ],
)
def test_what_no_node_has_is_told(house: House, asked: dict[str, Any], told: str) -> None:
    """The number, the model and the memory: it will never run."""
    version = "b1" * 16

    async def scene() -> None:
        await house.ensure(version, **asked)
        said = await until(lambda: house.explained(version), lambda text: "Nomad: " in text)
        assert said.startswith(f"no node has {told} (Nomad: ")
        assert await house.outlook(version) is Outlook.IMPOSSIBLE
        await house.nomad.stop("default", version)

    run(scene())


def test_who_holds_them_is_told_and_waited_for(house: House) -> None:
    """Until they are given back."""
    holder, waiter = "c1" * 16, "c2" * 16

    async def scene() -> None:
        await house.ensure(holder, gpu="nvidia-l4")
        [first] = await seen(house, holder)
        await house.ensure(waiter, gpu="nvidia-l4", gpu_count=2)
        said = await until(lambda: house.explained(waiter), lambda text: "Nomad: " in text)
        assert said == (
            'no node has 2 free "nvidia-l4": 1 node has 2, 1 is used by f '
            "(Nomad: devices: no devices match request exhausted on 1 node)"
        )
        assert await house.outlook(waiter) is Outlook.BLOCKED
        found = {each.identity: each for each in await house.nomad.gpus()}
        assert len(found) == 3
        assert [each.function for each in found[first].workers] == ["f"]
        assert found["GPU-a100-0"].workers == ()
        assert found["GPU-a100-0"].model == "NVIDIA A100-SXM4-80GB"
        await house.nomad.stop("default", holder)
        assert await seen(house, waiter) == ["GPU-l4-0,GPU-l4-1"]
        assert first in ("GPU-l4-0", "GPU-l4-1")
        await house.nomad.stop("default", waiter)
        await until(house.nomad.status, lambda left: not left)

    run(scene())


def test_a_list_takes_the_next_one_that_is_free(house: House) -> None:
    """The first choice as long as there is one, whatever order Nomad has them in."""
    asked: dict[str, Any] = {
        "gpu": "nvidia-a100",
        "gpu_fallbacks": [spec_pb2.GpuAsk(name="nvidia-l4", count=1)],
    }
    versions = [letter * 32 for letter in "def"]

    async def scene() -> None:
        found = []
        for version in versions:
            await house.ensure(version, **asked)
            found += await seen(house, version)
        assert found[0] == "GPU-a100-0"
        assert sorted(found[1:]) == ["GPU-l4-0", "GPU-l4-1"]
        await house.ensure("e1" * 16, **asked)
        said = await until(lambda: house.explained("e1" * 16), lambda text: "Nomad: " in text)
        assert said.startswith(
            'no node has 1 free "nvidia-a100" or "nvidia-l4": 1 node has 2 + 1, 3 are used by f ('
        )
        for version in (*versions, "e1" * 16):
            await house.nomad.stop("default", version)
        await until(house.nomad.status, lambda left: not left)

    run(scene())


def test_a_card_that_is_ill_is_told(cards: Rack, house: House) -> None:
    """And given once it is well again."""
    version = "ab" * 16

    async def scene() -> None:
        cards.insert({**L4, "unhealthy": ["GPU-l4-1"]}, A100)
        await asyncio.to_thread(await_that, "the fault", lambda: cards.sound() == 2, 20)
        await house.ensure(version, gpu="nvidia-l4", gpu_count=2)
        said = await until(lambda: house.explained(version), lambda text: "Nomad: " in text)
        assert said.startswith(
            'no node has 2 free "nvidia-l4": 1 node has 2, 1 is not healthy (Nomad: '
        )
        cards.insert(L4, A100)
        await asyncio.to_thread(await_that, "the mending", lambda: cards.sound() == 3, 20)
        # Nomad itself does not look again at what waits when a card is well again.
        await house.ensure(version, gpu="nvidia-l4", gpu_count=2)
        assert await seen(house, version) == ["GPU-l4-0,GPU-l4-1"]
        await house.nomad.stop("default", version)
        await until(house.nomad.status, lambda left: not left)

    run(scene())
