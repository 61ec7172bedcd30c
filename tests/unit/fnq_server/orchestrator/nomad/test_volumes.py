"""Where volumes lie on Nomad, and what a job says of them."""

from __future__ import annotations

from typing import Any

from fnq.v1 import spec_pb2
from fnq_server.orchestrator.nomad.job import render
from fnq_server.orchestrator.nomad.terms import Terms
from fnq_server.orchestrator.nomad.volumes import Source, assumed, known

RAW = Terms(driver="raw_exec", command="/usr/bin/python3")
EXEC = Terms(driver="exec", command="/usr/bin/python3")


def _spec(*names: str) -> spec_pb2.FunctionSpec:
    mounts = [spec_pb2.VolumeMount(volume=each, path=f"/{each}") for each in names]
    return spec_pb2.FunctionSpec(name="f", volumes=mounts)


def _job(terms: Terms, spec: spec_pb2.FunctionSpec, *sources: Source) -> Any:
    job: Any = render(terms, "default", "abc0123456", spec, 1, 7, sources)
    return job["TaskGroups"][0]


def test_nomad_mounts_for_drivers_that_can() -> None:
    """Each volume is asked for once, however often it is mounted."""
    spec = _spec("m", "nfs")
    spec.volumes.add(volume="m", path="/again")
    [ours] = assumed("default", _spec("m"))
    group = _job(EXEC, spec, ours, Source("nfs", "host", "nfs", {"n1": "/srv"}, read_only=True))
    assert group["Volumes"] == {
        "v0": {
            "Name": "v0",
            "Type": "host",
            "Source": "fnvol-default~m",
            "ReadOnly": False,
            "AccessMode": "single-node-multi-writer",
            "AttachmentMode": "file-system",
        },
        "v1": {"Name": "v1", "Type": "host", "Source": "nfs", "ReadOnly": True},
    }
    assert group["Tasks"][0]["VolumeMounts"] == [
        {"Volume": "v0", "Destination": "/m", "ReadOnly": False},
        {"Volume": "v1", "Destination": "/nfs", "ReadOnly": True},
        {"Volume": "v0", "Destination": "/again", "ReadOnly": False},
    ]
    assert "Constraints" not in group
    assert "--mount" not in group["Tasks"][0]["Config"]["args"]


def test_agents_of_raw_exec_mount_for_themselves_on_one_node() -> None:
    """The volume is asked for all the same: Nomad keeps what a worker has."""
    first = Source("m", "host", "fnvol-default~m", {"n1": "/v/1", "n2": "/v/2"})
    second = Source("nfs", "host", "nfs", {"n2": "/srv"}, read_only=True)
    group = _job(RAW, _spec("m", "nfs"), first, second)
    words = group["Tasks"][0]["Config"]["args"]
    assert words[-4:] == ["--mount", "/v/2:/m:rw", "--mount", "/srv:/nfs:ro"]
    assert group["Constraints"] == [
        {"LTarget": "${node.unique.id}", "Operand": "=", "RTarget": "n2"}
    ]
    assert list(group["Volumes"]) == ["v0", "v1"]
    assert "VolumeMounts" not in group["Tasks"][0]


def test_a_job_without_volumes_says_nothing_of_them() -> None:
    """So that jobs which run stay as they are."""
    group = _job(RAW, _spec())
    assert not {"Volumes", "Constraints"} & group.keys()


def test_a_volume_that_its_node_does_not_tell_is_not_there_yet() -> None:
    """Nor is one of another namespace whose name goes on; one whose node is gone stays its own."""
    told = {"ID": "4", "Name": "fnvol-a~told", "Path": "/v/4", "ReadOnly": False}
    ours = [
        {"ID": "1", "Name": "fnvol-a~pending", "NodeID": "n1", "State": "pending"},
        {"ID": "2", "Name": "fnvol-ab~m", "NodeID": "n9", "State": "ready"},
        {"ID": "3", "Name": "fnvol-a~untold", "NodeID": "n1", "State": "ready"},
        {"ID": "4", "Name": "fnvol-a~told", "NodeID": "n1", "State": "ready"},
        {"ID": "5", "Name": "fnvol-a~gone", "NodeID": "n9", "State": "ready"},
        {"ID": "6", "Name": "fnvol-a~begun", "NodeID": "n9", "State": "pending"},
    ]
    nodes = [{"ID": "n1", "HostVolumes": {"told": told}}]
    found = {name: each.places for name, each in known("a", nodes, ours, []).items()}
    assert found == {"told": {"n1": "/v/4"}, "gone": {"n9": ""}, "begun": {"n9": ""}}
    assert list(known("ab", nodes, ours, [])) == ["m"]
