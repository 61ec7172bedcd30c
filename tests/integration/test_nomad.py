"""Workers on a real Nomad: what the stand-in of its API says must be what it says."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from fnq.v1 import spec_pb2
from fnq_core.connection import connect
from fnq_server.orchestrator.seam import Outlook
from fnq_wire.error import StackError
from jobs.cluster import Cluster
from jobs.http import ask
from tests import agents
from tests.nomad import House, until
from tests.redis import RedisServer
from tests.toy import service
from tests.toy.client import ToyClient
from tests.toy.releases import release

pytestmark = [
    pytest.mark.integration,
    pytest.mark.nomad,
    pytest.mark.timeout(180),
    pytest.mark.skipif(bool(agents.lacking()), reason=f"not on the path: {agents.lacking()}"),
]

#: MiB, more than the node of the tests says that it has.
TOO_MUCH_MB = 1 << 20


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Agents without jobs."""
    with agents.cluster() as made:
        made.start_agents()
        yield made


@pytest.fixture
def house(cluster: Cluster, tmp_path: Path) -> House:
    """Workers that are stand-ins."""
    return House(cluster.nomad.address, tmp_path)


def run(scene: Coroutine[Any, Any, None]) -> None:
    """Run a scene, with a loop of its own."""
    asyncio.run(scene)


def test_workers_are_started_scaled_and_stopped(house: House) -> None:
    """Ensuring never takes one away, scaling does and goes to none and back."""
    version = "a1" * 16

    async def scene() -> None:
        async def settled(*replicas: int) -> None:
            wanted = [(each, "running") for each in replicas]
            await until(lambda: house.states(version), lambda found: found == wanted)

        await house.ensure(version, 2)
        await settled(0, 1)
        assert await house.explained(version) == ""
        await house.ensure(version, 1)
        await settled(0, 1)
        await house.scale(version, 1)
        await settled(0)
        await house.scale(version, 0)
        await settled()
        assert await house.explained(version) == "no worker was started"
        await house.ensure(version, 1)
        await settled(0)
        await house.nomad.stop("default", version)
        assert await house.explained(version) == "its workers were stopped"
        await settled()
        await house.ensure(version, 1)
        await settled(0)
        await house.nomad.stop("default", version)

    run(scene())


def test_a_worker_is_told_who_it_is(house: House) -> None:
    """Version, namespace and index, and a directory of its own that is there."""
    version = "b2" * 16

    async def scene() -> None:
        await house.ensure(version, 2)
        lines = await until(
            lambda: house.logs(version), lambda lines: len([w for w in lines if "work:" in w]) == 2
        )
        told = [line for line in lines if line.startswith("arguments:")]
        assert "-m fnq_worker --consumer consul://127.0.0.1:8500" in told[0]
        for index, line in enumerate(told):
            expected = f"--namespace default --version {version} --replica {index} --work /"
            assert expected in line
        await house.nomad.stop("default", version)

    run(scene())


def test_credentials_are_read_from_nomads_variable(cluster: Cluster, house: House) -> None:
    """Whatever is in them; one of the two is enough, and so is none."""
    token = "quo\"te $HOME #x {{ 'y"

    async def scene(version: str, items: dict[str, str]) -> None:
        if items:
            cluster.nomad.put_secrets(items)
        await house.ensure(version)
        lines = await until(lambda: house.logs(version), lambda lines: "work:" in str(lines))
        assert f"token: {items.get('FNQ_TOKEN', '')}" in lines
        assert f"password: {items.get('REDIS_PASSWORD', '')}" in lines
        await house.nomad.stop("default", version)

    run(scene("c0" * 16, {}))
    run(scene("c1" * 16, {"FNQ_TOKEN": token}))
    run(scene("c2" * 16, {"FNQ_TOKEN": token, "REDIS_PASSWORD": "a b"}))


def test_a_job_that_fits_no_node_is_known_never_to_run(house: House) -> None:
    """In one sentence, made from Nomad's own evaluation."""
    version = "d3" * 16

    async def scene() -> None:
        await house.ensure(version, memory_bytes=TOO_MUCH_MB << 20)
        sentence = await until(
            lambda: house.explained(version), lambda text: "looks for" not in text
        )
        assert sentence == (
            f"no node has enough memory: it asks for {TOO_MUCH_MB} MiB, the most that a node has "
            "is 262144 MiB (Nomad: memory exhausted on 1 node)"
        )
        assert await house.outlook(version) is Outlook.IMPOSSIBLE
        assert await house.states(version) == [(0, "waiting")]
        await house.nomad.stop("default", version)

    run(scene())


def test_a_call_that_no_node_can_run_ends_with_what_nomad_says(house: House) -> None:
    """Its function is too large for every node; the same words as who waits for it hears."""
    version = "d4" * 16

    async def scene(redis: RedisServer, folder: Path) -> None:
        client = connect(redis.url)
        await release(client, "default", version, _large())
        await client.aclose()
        async with (
            service.server(redis, folder, orchestrator=house.nomad) as (_, address),
            ToyClient() as caller,
        ):
            await caller.connect(address)
            failure = (await caller.submit(version).over()).failure
            assert failure.error == "UnschedulableError"
            assert failure.message == await house.explained(version)
            assert failure.message.startswith(
                f"no node has enough memory: it asks for {TOO_MUCH_MB} MiB, the most that"
            )
        await house.nomad.stop("default", version)

    with tempfile.TemporaryDirectory(prefix="nomad-") as folder:
        redis = RedisServer(Path(folder))
        redis.start()
        try:
            run(scene(redis, Path(folder)))
        finally:
            redis.kill()


def _large() -> spec_pb2.FunctionSpec:
    resources = spec_pb2.Resources(memory_bytes=TOO_MUCH_MB << 20)
    return spec_pb2.FunctionSpec(name="f", kind="function", max_queue=9, resources=resources)


def test_a_job_that_waits_for_room_gets_it(house: House) -> None:
    """It is not given up, and runs once the other one has gone."""
    first, second = "e4" * 16, "e5" * 16

    async def scene() -> None:
        await house.ensure(first, memory_bytes=200_000 << 20)
        await until(lambda: house.states(first), lambda found: found == [(0, "running")])
        await house.ensure(second, memory_bytes=200_000 << 20)
        sentence = await until(
            lambda: house.explained(second), lambda text: "looks for" not in text
        )
        assert sentence == (
            "the nodes that could run it are in use: it asks for 100 MHz and 200000 MiB "
            "(Nomad: memory exhausted on 1 node)"
        )
        assert await house.outlook(second) is Outlook.BLOCKED
        await house.nomad.stop("default", first)
        await until(lambda: house.states(second), lambda found: found == [(0, "running")])
        await house.nomad.stop("default", second)

    run(scene())


@pytest.mark.parametrize(
    ("order", "sentence"),
    [
        (
            "echo no licence >&2; exit 7",
            "its worker on node 'NODE' ended with exit code 7: no licence",
        ),
        ("kill -9 $$", "its worker on node 'NODE' was killed by signal 9, as when memory runs"),
    ],
    ids=["exit", "killed"],
)
def test_a_worker_that_ends_again_and_again_is_explained(
    house: House, order: str, sentence: str
) -> None:
    """By how it ended and what it said last; it may yet run, when that is mended."""
    version = order[:1].encode().hex() * 8

    async def scene() -> None:
        house.order(order)
        await house.ensure(version)
        told = await until(lambda: house.explained(version), lambda text: "worker on" in text)
        assert told.replace(_node(told), "NODE").startswith(sentence)
        assert await house.outlook(version) is Outlook.CRASHING
        house.order("exec sleep 1000")
        await until(lambda: house.explained(version), lambda text: text == "", 60)
        await house.nomad.stop("default", version)

    run(scene())


def test_what_is_ensured_right_after_a_stop_is_new(house: House) -> None:
    """The workers that were told to end are not kept, though the job is the same."""
    version = "e7" * 16

    async def scene() -> None:
        await house.ensure(version)
        await until(lambda: house.states(version), lambda found: found == [(0, "running")])
        for _ in range(5):
            before = {each["ID"] for each in await house.allocations(version)}
            await house.nomad.stop("default", version)
            await house.ensure(version)
            told = await until(
                lambda: house.allocations(version),
                lambda found: [each for each in found if each["DesiredStatus"] == "run"],
            )
            [kept] = [each["ID"] for each in told if each["DesiredStatus"] == "run"]
            assert kept not in before
        await house.nomad.stop("default", version)

    run(scene())


def test_a_restart_by_an_operator_is_no_crash(cluster: Cluster, house: House) -> None:
    """What `nomad job restart` does to each allocation."""
    version = "e6" * 16

    async def scene() -> None:
        await house.ensure(version)
        await until(lambda: house.states(version), lambda found: found == [(0, "running")])

        async def own() -> Any:
            [found] = await house.allocations(version)
            return found

        url = f"{cluster.nomad.address}/v1/client/allocation/{(await own())['ID']}/restart"
        await asyncio.to_thread(ask, "POST", url, {"AllTasks": False})
        await until(own, lambda each: str(each["TaskStates"]).count("'Started'") == 2)
        assert await house.outlook(version) is Outlook.RUNNING
        await house.nomad.stop("default", version)

    run(scene())


def _has_engine() -> bool:
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0


def _node(text: str) -> str:
    """Return the name of the node that a sentence tells."""
    return text.split("'")[1]


def test_a_program_that_is_not_there_is_named(cluster: Cluster, tmp_path: Path) -> None:
    """As the driver says it."""
    house = House(cluster.nomad.address, tmp_path, command="/nowhere/python")
    version = "f6" * 16

    async def scene() -> None:
        await house.ensure(version)
        told = await until(lambda: house.explained(version), lambda text: "nowhere" in text)
        assert "its worker cannot be started on node" in told
        assert 'binary "/nowhere/python" could not be found' in told
        await house.nomad.stop("default", version)

    run(scene())


def test_an_image_that_cannot_be_pulled_is_named(cluster: Cluster, tmp_path: Path) -> None:
    """With what the registry says, or that there is none."""
    if not _has_engine():
        pytest.skip("no Docker engine answers")
    image = "127.0.0.1:1/fnq-worker:none"
    house = House(cluster.nomad.address, tmp_path, driver="docker", image=image)
    version = "fb" * 16

    async def scene() -> None:
        await house.ensure(version)
        told = await until(lambda: house.explained(version), lambda text: "pulled" in text)
        assert told.startswith("its image cannot be pulled on node")
        assert f"`{image}`" in told
        assert "connection refused" in told
        await house.nomad.stop("default", version)

    run(scene())


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"node_pool": "gpu"}, r"refuses to register the job .* nonexistent node pool .gpu."),
        ({"nomad_namespace": "fn"}, r"refuses to register the job .* nonexistent namespace .fn."),
    ],
)
def test_a_place_that_nomad_does_not_have_is_told(
    cluster: Cluster, tmp_path: Path, changes: dict[str, str], text: str
) -> None:
    """To who wants a worker there."""
    house = House(cluster.nomad.address, tmp_path, **changes)
    version = "f7" * 16

    async def scene() -> None:
        with pytest.raises(StackError, match=text):
            await house.ensure(version)
        assert await house.outlook(version) is Outlook.ABSENT

    run(scene())


def test_a_datacenter_without_nodes_is_waited_for(cluster: Cluster, tmp_path: Path) -> None:
    """It may get some."""
    house = House(cluster.nomad.address, tmp_path, datacenters=["moon-*"])
    version = "f8" * 16

    async def scene() -> None:
        await house.ensure(version)
        told = await until(lambda: house.explained(version), lambda text: "moon" in text)
        assert told.startswith("no node is in the node pool 'default' of moon-* (Nomad: no node")
        assert await house.outlook(version) is Outlook.BLOCKED
        await house.nomad.stop("default", version)

    run(scene())


def test_servers_that_ensure_at_once_make_one_job(cluster: Cluster, tmp_path: Path) -> None:
    """Each with its count; the highest stays. One with another file replaces the workers."""
    houses = [House(cluster.nomad.address, tmp_path) for _ in range(4)]
    version = "f9" * 16

    async def scene() -> None:
        await asyncio.gather(*(each.ensure(version, n) for n, each in enumerate(houses, 1)))
        running = [(each, "running") for each in range(4)]
        await until(lambda: houses[0].states(version), lambda found: found == running)
        other = House(cluster.nomad.address, tmp_path, server="127.0.0.1:5")
        for _ in range(2):
            await asyncio.gather(*(each.ensure(version, 1) for each in (*houses, other)))
        lines = await until(
            lambda: other.logs(version), lambda lines: str(lines).count("--server 127.0.0.1:5") == 4
        )
        assert "--server consul" not in str(lines)
        await other.nomad.stop("default", version)

    run(scene())


def test_a_nomad_that_comes_is_used(tmp_path: Path) -> None:
    """While it is away each question ends with its address."""
    version = "fa" * 16

    async def scene(cluster: Cluster) -> None:
        house = House(cluster.nomad.address, tmp_path)
        away = f"no Nomad can be reached at {cluster.nomad.address} .Connection refused."
        with pytest.raises(StackError, match=away):
            await house.ensure(version)
        await asyncio.to_thread(cluster.start_agents)
        await house.ensure(version)
        await until(lambda: house.states(version), lambda found: found == [(0, "running")])

    with agents.cluster() as cluster:
        run(scene(cluster))
