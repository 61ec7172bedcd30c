"""Volumes on Nomad: found, made where they can be used, deleted when nobody has them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from fnq.v1 import spec_pb2
from fnq_server.orchestrator.nomad import hostvolumes as hostvolumes_module
from fnq_server.orchestrator.nomad.door import Access, NomadDoor
from fnq_server.orchestrator.nomad.hostvolumes import HostVolumes
from fnq_server.orchestrator.nomad.terms import Terms
from fnq_server.orchestrator.nomad.volumes import Source, assumed
from fnq_wire.error import StackError
from tests.unit.fnq_server.orchestrator.nomad.api import NomadApi, serving
from tests.unit.fnq_server.orchestrator.nomad.recorded import node, resources

RAW = Terms(driver="raw_exec", command="/usr/bin/python3")
EXEC = Terms(driver="exec", command="/usr/bin/python3")
STATIC = {"ID": "", "Name": "nfs", "Path": "/srv/nfs", "ReadOnly": False}


def _node(identity: str, *static: dict[str, Any], **changes: Any) -> dict[str, Any]:
    has = {each["Name"]: each for each in static}
    return node(ID=identity, Name=identity.upper(), HostVolumes=has) | changes


def _spec(*names: str, **resources: Any) -> spec_pb2.FunctionSpec:
    return spec_pb2.FunctionSpec(
        name="f",
        volumes=[spec_pb2.VolumeMount(volume=each, path=f"/{each}") for each in names],
        resources=spec_pb2.Resources(**resources),
    )


@pytest.fixture
def api() -> Iterator[NomadApi]:
    """A Nomad with two nodes."""
    with serving() as made:
        made.nodes = [_node("n1"), _node("n2")]
        yield made


def _hosts(api: NomadApi, terms: Terms = RAW) -> HostVolumes:
    return HostVolumes(NomadDoor(Access(api.address)), terms)


async def test_a_volume_is_made_once_whoever_asks(api: NomadApi) -> None:
    """Also by servers that ask at once, and by one that another overtakes."""
    api.hosts.slow = 2
    found = await asyncio.gather(*(_hosts(api).provide("default", _spec("m")) for _ in range(4)))
    [made] = api.hosts.volumes
    assert made["Name"] == "fnvol-default~m"
    places = {made["NodeID"]: "/volumes/v0"}
    expected = Source("m", "host", made["Name"], places, access="single-node-multi-writer")
    assert found == [[expected]] * 4
    api.hosts.rival = True
    await _hosts(api).provide("team", _spec("m"))
    assert [each["Name"] for each in api.hosts.volumes] == ["fnvol-default~m", "fnvol-team~m"]
    assert list(await _hosts(api).all("team")) == ["m"]


async def test_two_namespaces_of_nomad_have_volumes_of_their_own(api: NomadApi) -> None:
    """Of one name for functions: a node has each name of its own once."""
    api.nodes = [_node("n1")]
    names = []
    for space in ("default", "dev", "prod"):
        access, terms = (
            Access(api.address, nomad_namespace=space),
            replace(RAW, nomad_namespace=space),
        )
        hosts = HostVolumes(NomadDoor(access), terms)
        [source] = await hosts.provide("default", _spec("m"))
        assert await hosts.all("default") == {"m": source}
        names.append(source.name)
    assert names == ["fnvol-default~m", "fnvol-dev~default~m", "fnvol-prod~default~m"]


async def test_a_csi_volume_is_asked_for_as_it_can_be_had(api: NomadApi) -> None:
    """Only what the volume itself says tells how that is."""
    for access, read_only in (("single-node-writer", False), ("multi-node-reader-only", True)):
        api.hosts.csi = [{"ID": "db", "RequestedCapabilities": [{"AccessMode": access}]}]
        for look in (_hosts(api, EXEC).provide, _hosts(api, EXEC).find):
            [source] = await look("default", _spec("db"))
            assert (source.access, source.read_only) == (access, read_only)


async def test_volumes_of_one_function_are_made_on_one_node(api: NomadApi) -> None:
    """Where the first one is, and where the function has room."""
    for each in "abcdef":
        await _hosts(api).provide("default", _spec("first", each))
    assert len({each["NodeID"] for each in api.hosts.volumes}) == 1


async def test_volumes_are_made_where_the_job_could_run(api: NomadApi) -> None:
    """With the model of GPU that it asks for, or in the node pool that its options name."""
    api.nodes = [
        _node("n1", NodeResources=resources(("Tesla T4", 15360, 2))),
        _node("n2", NodeResources=resources(("NVIDIA L4", 23034, 2))),
        _node("n3", NodePool="big"),
    ]
    for each in "ghijk":
        [source] = await _hosts(api).provide("default", _spec(each, gpu="nvidia-l4", gpu_count=2))
        assert list(source.places) == ["n2"]
    elsewhere = _spec("l")
    elsewhere.options["nomad.node_pool"] = "big"
    [source] = await _hosts(api).provide("default", elsewhere)
    assert list(source.places) == ["n3"]
    assert api.hosts.pools == {"n2": "default", "n3": "big"}


@pytest.mark.parametrize(
    "changes",
    [
        {"Status": "down"},
        {"SchedulingEligibility": "ineligible"},
        {"NodePool": "gpu"},
        {"Drivers": {}},
        {"NodeResources": {"Cpu": {"CpuShares": 2000}, "Memory": {"MemoryMB": 100}}},
    ],
    ids=["down", "drained", "pool", "driver", "memory"],
)
async def test_where_no_worker_could_run_no_volume_is_made(
    api: NomadApi, changes: dict[str, Any]
) -> None:
    """And whoever deploys is told what a node would need."""
    api.nodes = [_node("n1", **changes)]
    with pytest.raises(StackError) as told:
        await _hosts(api).provide("default", _spec("m", memory_bytes=200 << 20))
    assert str(told.value) == (
        "volume 'm' cannot be made: no node of the pool 'default' is ready, has the driver "
        "raw_exec and room for the function"
    )
    assert api.hosts.volumes == []


async def test_volumes_on_two_nodes_cannot_be_mounted_together(api: NomadApi) -> None:
    """Which is told with where they are."""
    for name, where in (("a", "n1"), ("b", "n2")):
        api.hosts.volumes.append({"ID": name, "Name": f"fnvol-default~{name}", "NodeID": where})
    with pytest.raises(StackError) as told:
        await _hosts(api).provide("default", _spec("a", "b"))
    assert str(told.value) == (
        "its volumes lie on different nodes, 'a' on 'N1'; 'b' on 'N2': no worker can mount them "
        "together; delete one with `fnq volume delete NAME`, and deploy again"
    )


async def test_an_operators_volume_is_taken_as_it_is(api: NomadApi) -> None:
    """A host volume of its name, or one of CSI, which raw_exec cannot mount."""
    api.nodes = [_node("n1", STATIC), _node("n2", STATIC)]
    api.hosts.csi = [
        {"ID": "db", "RequestedCapabilities": [{"AccessMode": "multi-node-multi-writer"}]}
    ]
    found = await _hosts(api, EXEC).provide("default", _spec("nfs", "db"))
    assert [(each.kind, each.name, each.access, each.ours) for each in found] == [
        ("host", "nfs", "", False),
        ("csi", "db", "multi-node-multi-writer", False),
    ]
    assert api.hosts.volumes == []
    with pytest.raises(StackError, match="volume 'db' is one of CSI, which the driver raw_exec"):
        await _hosts(api).provide("default", _spec("db"))


async def test_an_operators_dynamic_volume_is_taken_as_it_is(api: NomadApi) -> None:
    """Of Nomad's namespace of the functions; as it can be had, on each node that has it."""
    for number, space in enumerate(("default", "default", "dev")):
        api.hosts.volumes.append(
            {
                "ID": f"o{number}",
                "Name": "nfs" if space == "default" else "secret",
                "NodeID": f"n{number % 2 + 1}",
                "Namespace": space,
                "RequestedCapabilities": [{"AccessMode": "single-node-reader-only"}],
            }
        )
    hosts = _hosts(api, EXEC)
    assert list(await hosts.all("team")) == ["nfs"]
    for look in (hosts.provide, hosts.find):
        [source] = await look("team", _spec("nfs"))
        assert (source.name, source.ours, source.read_only) == ("nfs", False, True)
        assert source.places == {"n1": "/volumes/o0", "n2": "/volumes/o1"}
        assert source.access == "single-node-reader-only"
    assert len(api.hosts.volumes) == 3


@pytest.mark.parametrize("state", ["pending", "unavailable"])
async def test_an_operators_dynamic_volume_that_is_not_ready_is_not_made_again(
    api: NomadApi, state: str
) -> None:
    """As while its node is started anew: another one beside it would be empty."""
    theirs = {"ID": "v9", "Name": "m", "NodeID": "n1", "State": state}
    api.hosts.volumes = [theirs]
    with pytest.raises(StackError) as told:
        await _hosts(api).provide("default", _spec("m"))
    assert str(told.value) == (
        "volume 'm' is the cluster operator's, and its node does not say that it is ready: see "
        "nomad volume status -type host m"
    )
    assert api.hosts.volumes == [theirs]


async def test_what_a_second_node_means_is_told(api: NomadApi) -> None:
    """Nothing where there is only one."""
    hosts = _hosts(api)
    found = await hosts.provide("default", _spec("m"))
    [place] = found[0].places
    [alone] = await hosts.notes(_spec("m"), found)
    assert alone == (
        f"f: its volume 'm' lies on node '{place.upper()}' alone: its workers run there, and wait "
        "while that has no room or is away"
    )
    both = [Source("nfs", "host", "nfs", {"n1": "/srv/nfs", "n2": "/srv/nfs"})]
    [several] = await hosts.notes(_spec("nfs"), both)
    assert several == (
        "f: its volume 'nfs' lies on 2 nodes, 'N1', 'N2': a worker sees the files of its own "
        "node, which are the same only where the operator shares them"
    )
    gone = [Source("m", "host", "fnvol-default~m", {"n9": ""})]
    assert await hosts.notes(_spec("m"), gone) == []
    api.nodes = [_node(place)]
    assert await hosts.notes(_spec("m"), found) == []


async def test_a_volume_goes_once_no_worker_has_it(
    api: NomadApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nomad refuses before; whoever waits too long is told what it says."""
    monkeypatch.setattr(hostvolumes_module, "_LOOK_S", 0.01)
    hosts = _hosts(api)
    [source] = await hosts.provide("default", _spec("m"))
    api.hosts.in_use = 3
    with pytest.raises(StackError, match="refuses to delete the volume fnvol-default~m: volume v0"):
        await hosts.delete(source, 0)
    await hosts.delete(source, 5)
    assert api.hosts.volumes == []


async def test_a_volume_that_another_deletes_meanwhile_is_gone_all_the_same(
    api: NomadApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nomad calls that an error; the others of its name go, too."""
    api.hosts.volumes = [
        {"ID": f"v{each}", "Name": "fnvol-default~m", "NodeID": f"n{each}"} for each in (1, 2)
    ]
    answer = api.hosts.answer

    def overtaken(method: str, *rest: Any) -> tuple[int, Any]:
        if method == "DELETE" and len(api.hosts.volumes) == 2:
            api.hosts.volumes.pop(0)
        return answer(method, *rest)

    monkeypatch.setattr(api.hosts, "answer", overtaken)
    hosts = _hosts(api)
    await hosts.delete((await hosts.all("default"))["m"], 0)
    assert api.hosts.volumes == []


async def test_a_volume_that_a_node_already_makes_is_waited_for(
    api: NomadApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another server has asked for it: no second one is made, on whatever node."""
    monkeypatch.setattr(hostvolumes_module, "_LOOK_S", 0.01)
    api.hosts.slow = 2
    api.hosts.volumes.append({"ID": "v9", "Name": "fnvol-default~m", "NodeID": "n1"})
    [source] = await _hosts(api).provide("default", _spec("m"))
    assert source.places == {"n1": "/volumes/v9"}
    assert [verb for verb, _ in api.asked if verb != "GET"] == []


async def test_a_volume_that_nomad_refuses_to_make_is_told_in_its_words(api: NomadApi) -> None:
    """Whatever but that it is there already; so is a function whose options fit no job."""
    api.denied.add("volume/host/create")
    with pytest.raises(StackError, match=r"not let us make the volume fnvol-default~m .*denied"):
        await _hosts(api).provide("default", _spec("m"))
    odd = _spec("m")
    odd.options["nomad.docker.pids_limit"] = "5"
    with pytest.raises(StackError, match=r"nomad\.docker\.pids_limit"):
        await _hosts(api).provide("default", odd)


async def test_only_the_volume_of_its_name_is_deleted(api: NomadApi) -> None:
    """On each node that has it; the others that functions have made stay."""
    for number, name in enumerate(("fnvol-default~m", "fnvol-default~m2", "fnvol-default~m")):
        api.hosts.volumes.append({"ID": f"v{number}", "Name": name, "NodeID": f"n{number}"})
    [ours] = assumed("default", _spec("m"))
    await _hosts(api).delete(ours, 0)
    assert [each["ID"] for each in api.hosts.volumes] == ["v1"]


async def test_a_node_is_called_by_its_name(api: NomadApi) -> None:
    """By its id where Nomad has none; what its machine calls itself is known of those there."""
    api.nodes = [_node("n1", Attributes={"unique.hostname": "rack-1"}), _node("n2")]
    hosts = _hosts(api)
    assert [await hosts.title(each) for each in ("n1", "n9")] == ["N1", "n9"]
    assert [await hosts.hostname(each) for each in ("n1", "n2", "n9")] == ["rack-1", "", ""]


async def test_a_volume_whose_node_is_gone_can_be_deleted(api: NomadApi) -> None:
    """Also one that was never ready; while its node may come back it stays, and that is told."""
    hosts = _hosts(api)
    [source] = await hosts.provide("default", _spec("m"))
    [place] = source.places
    api.hosts.volumes.append({"ID": "v1", "Name": "fnvol-default~begun", "NodeID": place})
    api.hosts.volumes[1]["State"] = "pending"
    api.hosts.away = {place}
    with pytest.raises(StackError) as told:
        await hosts.delete(source, 0)
    assert str(told.value) == (
        f"volume 'm' lies on node {place.upper()!r}, which is away: it can be deleted once that "
        "node is back, or once Nomad has cleared it away (`nomad system gc`)"
    )
    assert len(api.hosts.volumes) == 2
    api.nodes = [each for each in api.nodes if each["ID"] != place]
    for each in (await hosts.all("default")).values():
        assert each.places == {place: ""}
        await hosts.delete(each, 0)
    assert api.hosts.volumes == []


async def test_a_node_that_does_not_say_is_named(
    api: NomadApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not waited for forever."""
    monkeypatch.setattr(hostvolumes_module, "_READY_S", 0.1)
    api.hosts.slow = 1_000
    with pytest.raises(StackError, match=r"which has not said in .* that it is there"):
        await _hosts(api).provide("default", _spec("m"))
