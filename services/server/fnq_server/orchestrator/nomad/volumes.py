"""Where the volumes of functions lie on Nomad, and what a job says of them. Pure.

A volume is what an operator gave its name: a host volume of some nodes, or one of CSI.
Otherwise it is ours: a dynamic host volume, which one node makes and has.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NotRequired, TypedDict

from fnq.v1 import spec_pb2
from fnq_server.orchestrator.nomad.device import Constraint

__all__ = [
    "NODE",
    "OURS",
    "Request",
    "Source",
    "VolumeMount",
    "as_told",
    "assumed",
    "common",
    "home",
    "known",
    "mounts",
    "notes",
    "on_node",
    "our_name",
    "pin",
    "ranked",
    "requests",
]

#: What the names of our volumes begin with, for an operator's policies.
OURS = "fnvol-"
#: What Nomad calls the node on which a job runs.
NODE = "${node.unique.id}"
#: Between namespaces and volume; no name of any has it.
_BETWEEN = "~"
#: What workers on one node do with our volumes, all at once.
_ACCESS, _ATTACHMENT = "single-node-multi-writer", "file-system"
#: How an operator's volume is asked for, best first.
_MODES = (
    "multi-node-multi-writer",
    "multi-node-single-writer",
    "single-node-multi-writer",
    "single-node-writer",
    "single-node-single-writer",
    "multi-node-reader-only",
    "single-node-reader-only",
)
#: Drivers that mount what a job asks for; the others' workers do it themselves.
_MOUNTING = ("exec", "docker")


class Request(TypedDict):
    """A volume that a group asks for; modes only where it has any."""

    Name: str
    Type: str
    Source: str
    ReadOnly: bool
    AccessMode: NotRequired[str]
    AttachmentMode: NotRequired[str]


class VolumeMount(TypedDict):
    """Where a task sees a volume of its group."""

    Volume: str
    Destination: str
    ReadOnly: bool


@dataclass(frozen=True, slots=True)
class Source:
    """What stands behind a volume: a `kind` of Nomad ("host" or "csi") and its name there.

    `places` are the paths of a host volume by the ids of the nodes that have it. `record` is
    where Nomad has all of what it says of itself, as "volume/csi/db"; "" where that is known.
    """

    volume: str
    kind: str
    name: str
    places: Mapping[str, str] = field(default_factory=dict)
    access: str = ""
    read_only: bool = False
    record: str = ""

    @property
    def ours(self) -> bool:
        """Whether it was made for functions, and goes with `fnq volume delete`."""
        return self.name.startswith(OURS)

    @property
    def exists(self) -> bool:
        """Whether there is one already; else a deploy makes it."""
        return self.kind != "host" or bool(self.places)

    def also(self, node: str, path: str) -> Source:
        """Return the same with one more node that has it."""
        return replace(self, places={**self.places, node: path})


def home(nomad_namespace: str, namespace: str) -> str:
    """Return what stands for a namespace in names of volumes.

    A node has each name once, for all namespaces of Nomad.
    """
    own = nomad_namespace in ("", "default")
    return namespace if own else f"{nomad_namespace}{_BETWEEN}{namespace}"


def our_name(home: str, volume: str) -> str:
    """Return what a volume of ours is called on Nomad."""
    return f"{OURS}{home}{_BETWEEN}{volume}"


def known(
    home: str,
    nodes: Sequence[Mapping[str, Any]],
    dynamic: Iterable[Mapping[str, Any]],
    csi: Iterable[Mapping[str, Any]],
) -> dict[str, Source]:
    """Return what there is by the names that functions use; an operator's comes first.

    One that its node does not tell yet is not there; one whose node is gone is, out of reach.
    """
    has = [(node["ID"], each) for node in nodes for each in (node["HostVolumes"] or {}).values()]
    paths = {each["ID"]: each["Path"] for _, each in has}
    here, head = {node["ID"] for node in nodes}, our_name(home, "")
    ours: dict[str, Source] = {}
    theirs = {each["ID"]: _of_record("csi", each["ID"], each["ID"]) for each in csi}
    for each in dynamic:
        name, node = each["Name"], each["NodeID"]
        told = each["ID"] in paths and each["State"] == "ready"
        if not told and node in here:
            continue
        if name.startswith(head):
            volume = name.removeprefix(head)
            source = ours.get(volume) or Source(volume, "host", name, access=_ACCESS)
            ours[volume] = source.also(node, paths.get(each["ID"], ""))
        elif not name.startswith(OURS):
            source = theirs.get(name) or _of_record("host", name, each["ID"])
            theirs[name] = source.also(node, paths.get(each["ID"], ""))
    return ours | theirs | _static(each for each in has if not each[1]["ID"])


def _of_record(kind: str, name: str, identity: str) -> Source:
    return Source(name, kind, name, record=f"volume/{kind}/{identity}")


def _static(has: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, Source]:
    """Return the host volumes that operators have configured, by name."""
    found: dict[str, Source] = {}
    for node, each in has:
        name = each["Name"]
        source = found.get(name) or Source(name, "host", name, read_only=each["ReadOnly"])
        found[name] = source.also(node, each["Path"])
    return found


def as_told(source: Source, record: Mapping[str, Any]) -> Source:
    """Return an operator's volume as it can be had, by its record: lists leave that out."""
    has = {each["AccessMode"] for each in record.get("RequestedCapabilities") or ()}
    unknown = _MODES[0] if source.kind == "csi" else ""
    access = next((each for each in _MODES if each in has), unknown)
    return replace(source, access=access, read_only=access.endswith("reader-only"), record="")


def assumed(home: str, spec: spec_pb2.FunctionSpec) -> list[Source]:
    """Return the volumes of a function as they would be if all were ours, on a node to come."""
    return [
        Source(each, "host", our_name(home, each), access=_ACCESS)
        for each in dict.fromkeys(mount.volume for mount in spec.volumes)
    ]


def ranked(name: str, nodes: Iterable[str]) -> list[str]:
    """Return nodes, best first, to make a volume: who asks at the same time has the same order."""

    def lot(node: str) -> bytes:
        return hashlib.sha256(f"{name} {node}".encode()).digest()

    return sorted(nodes, key=lot, reverse=True)


def common(sources: Iterable[Source]) -> set[str] | None:
    """Return the nodes that have all host volumes of these; None where there are none."""
    found = [set(each.places) for each in sources if each.kind == "host" and each.places]
    return set.intersection(*found) if found else None


def requests(sources: Sequence[Source]) -> dict[str, Request]:
    """Return what a group asks for, by the names that its tasks use: v0, v1."""
    found: dict[str, Request] = {}
    for index, each in enumerate(sources):
        request = Request(
            Name=f"v{index}", Type=each.kind, Source=each.name, ReadOnly=each.read_only
        )
        if each.access:
            request["AccessMode"], request["AttachmentMode"] = each.access, _ATTACHMENT
        found[request["Name"]] = request
    return found


def mounts(
    driver: str, spec: spec_pb2.FunctionSpec, sources: Sequence[Source]
) -> tuple[list[VolumeMount], list[str]]:
    """Return what Nomad mounts for a task, and what its agent is told to mount for itself."""
    by_name = {each.volume: (index, each) for index, each in enumerate(sources)}
    ours = [(each.path, *by_name[each.volume]) for each in spec.volumes]
    if driver in _MOUNTING:
        return [
            VolumeMount(Volume=f"v{index}", Destination=path, ReadOnly=source.read_only)
            for path, index, source in ours
        ], []
    node = _first(sources)
    words: list[str] = []
    for path, _, source in ours:
        if node in source.places:
            mode = "ro" if source.read_only else "rw"
            words += ["--mount", f"{source.places[node]}:{path}:{mode}"]
    return [], words


def pin(driver: str, sources: Sequence[Source]) -> list[Constraint]:
    """Return what keeps a job on the one node whose paths its agents are told."""
    node = "" if driver in _MOUNTING else _first(sources)
    if not node:
        return []
    return [on_node(node)]


def on_node(node: str) -> Constraint:
    """Return what keeps a job on one node."""
    return Constraint(LTarget=NODE, Operand="=", RTarget=node)


def _first(sources: Sequence[Source]) -> str:
    return min(common(sources) or (), default="")


def notes(
    function: str, sources: Iterable[Source], nodes: Sequence[str], titles: Mapping[str, str]
) -> list[str]:
    """Return what a deployer should know of volumes, where `nodes` could run the function.

    `titles` are names of nodes, by their ids.
    """
    told: list[str] = []
    for each in sources:
        there = [repr(titles[node]) for node in each.places if node in titles]
        if each.kind != "host" or len(nodes) < 2:
            continue
        if len(there) == 1:
            told.append(
                f"{function}: its volume {each.volume!r} lies on node {there[0]} alone: its "
                "workers run there, and wait while that has no room or is away"
            )
        elif there:
            told.append(
                f"{function}: its volume {each.volume!r} lies on {len(there)} nodes, "
                f"{', '.join(sorted(there))}: a worker sees the files of its own node, which are "
                "the same only where the operator shares them"
            )
    return told
