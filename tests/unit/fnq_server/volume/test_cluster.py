"""The volumes of a Nomad behind the seam of the server."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from fnq.v1 import spec_pb2
from fnq_server.orchestrator.nomad.door import Access, NomadDoor
from fnq_server.orchestrator.nomad.hostvolumes import HostVolumes
from fnq_server.orchestrator.nomad.terms import Terms
from fnq_server.volume.cluster import ClusterVolumes
from fnq_server.volume.seam import Store, VolumeElsewhereError, VolumeError, VolumeMissingError
from tests.unit.fnq_server.orchestrator.nomad.api import NomadApi, serving
from tests.unit.fnq_server.orchestrator.nomad.recorded import node

TERMS = Terms(driver="raw_exec", command="/usr/bin/python3")


@pytest.fixture
def api() -> Iterator[NomadApi]:
    """A Nomad with one node, elsewhere."""
    with serving() as made:
        made.nodes = [_node("elsewhere")]
        yield made


def _node(host: str) -> dict[str, object]:
    return node(ID="n1", Name="one", HostVolumes={}, Attributes={"unique.hostname": host})


def _store(api: NomadApi) -> Store:
    return ClusterVolumes(HostVolumes(NomadDoor(Access(api.address)), TERMS))


def _spec(volume: str = "m", path: str = "/m") -> spec_pb2.FunctionSpec:
    return spec_pb2.FunctionSpec(name="f", volumes=[spec_pb2.VolumeMount(volume=volume, path=path)])


def test_a_deploy_makes_volumes_which_are_listed_and_deleted(api: NomadApi) -> None:
    """By the names that functions use."""
    store = _store(api)
    assert store.prepare("default", _spec()) == []
    assert store.names("default") == ["m"]
    assert store.names("team") == []
    assert store.folder("default", "m") == "node one: /volumes/v0"
    store.make("default", "m")
    store.sweep()
    store.delete("default", "m")
    with pytest.raises(VolumeMissingError, match="no volume 'm' in namespace 'default'; there are"):
        store.delete("default", "m")


def test_what_a_deploy_would_make_is_known_before(api: NomadApi) -> None:
    """An operator's volume is there, though it is no function's."""
    static = {"ID": "", "Name": "nfs", "Path": "/srv/nfs", "ReadOnly": False}
    api.nodes = [_node("elsewhere") | {"HostVolumes": {"nfs": static}}]
    store = _store(api)
    assert store.absent("default", ["m", "nfs"]) == ["m"]
    assert store.prepare("default", _spec()) == []
    assert store.absent("default", ["m", "nfs"]) == []


@pytest.mark.parametrize("name", ["fnvol-default~m", "m"])
def test_a_volume_that_is_not_ready_is_none_that_a_deploy_would_make(
    api: NomadApi, name: str
) -> None:
    """Ours or an operator's: as while its node is started anew, it has its files."""
    api.hosts.volumes = [{"ID": "v0", "Name": name, "NodeID": "n1", "State": "unavailable"}]
    assert _store(api).absent("default", ["m", "n"]) == ["n"]


def test_files_are_at_hand_on_the_machine_of_their_node_alone(
    api: NomadApi, tmp_path: Path
) -> None:
    """Elsewhere whoever asks is told where they are, and what to do."""
    store = _store(api)
    static = {"ID": "", "Name": "nfs", "Path": str(tmp_path), "ReadOnly": False}
    api.nodes[0]["HostVolumes"] = {"nfs": static}
    with pytest.raises(VolumeElsewhereError) as told, store.open("default", "nfs"):
        pass
    assert str(told.value) == (
        f"the files of volume 'nfs' are not on this server's machine (node one: {tmp_path}): put "
        "and get them with a function that mounts it, or run a server on that node"
    )
    api.nodes[0]["Attributes"] = {"unique.hostname": socket.gethostname()}
    with store.open("default", "nfs") as files:
        assert files.usage() == (0, 0)
    assert store.free("default", "nfs") > 0
    assert "volume 'nfs' is full (node one: " in str(store.full("default", "nfs"))
    with pytest.raises(VolumeError, match="is the cluster operator's, on Nomad 'nfs'"):
        store.delete("default", "nfs")


def test_what_cannot_be_mounted_is_refused_before_nomad_is_asked(api: NomadApi) -> None:
    """A path of the system, two paths in each other, a name that is none."""
    clash = _spec()
    clash.volumes.add(volume="b", path="/m/b")
    for spec, words in (
        (_spec(path="/usr/bin"), "expected a directory of its own"),
        (clash, "two volumes are mounted at /m and /m/b"),
        (_spec("a~b"), "'a~b' can be no part of a volume's name on Nomad"),
    ):
        with pytest.raises(VolumeError, match=words):
            _store(api).prepare("default", spec)
    assert api.asked == []


def test_nothing_is_put_into_a_volume_that_no_function_mounts(api: NomadApi) -> None:
    """Nobody knows on which node its worker will run."""
    with pytest.raises(VolumeError, match="no volume 'm' yet: on a cluster it is made on a node"):
        _store(api).make("default", "m")


def test_what_nomad_refuses_is_an_error_of_the_volume(api: NomadApi) -> None:
    """In its words."""
    api.refusal = (403, "Permission denied")
    with pytest.raises(VolumeError, match="does not let us list"):
        _store(api).names("default")
