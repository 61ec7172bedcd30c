"""Volumes on Nomad: found, made where there is none, deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fnq_server.orchestrator.nomad import volumes
from fnq_server.orchestrator.nomad.door import NomadDoor
from fnq_server.orchestrator.nomad.job import Job, render
from fnq_server.orchestrator.nomad.placement import Ask, Node, could_run
from fnq_server.orchestrator.nomad.right import NODES, capability
from fnq_server.orchestrator.nomad.siting import demands, first_fit
from fnq_server.orchestrator.nomad.terms import Terms
from fnq_server.orchestrator.nomad.volumes import Source
from fnq_wire.error import StackError

if TYPE_CHECKING:
    from fnq.v1 import spec_pb2

__all__ = ["HostVolumes"]

#: Seconds in which a node says that a volume is there which it was told to make.
_READY_S = 10.0
#: Seconds between two looks at something that is waited for.
_LOOK_S = 0.2
#: How Nomad says that a node has a volume of that name, and that one is in use, ...
_THERE, _IN_USE = "volume name already exists on this node", "in use by allocations"
#: ... or gone already, or cannot be deleted by a node that is out of reach.
_GONE, _AWAY = "no such volume", "from unknown node without force"


class HostVolumes:
    """The volumes of functions whose workers run as `terms` say. Every method raises StackError."""

    def __init__(self, door: NomadDoor, terms: Terms) -> None:
        self._door = door
        self._terms = terms

    async def all(self, namespace: str) -> dict[str, Source]:
        """Return the volumes that functions of a namespace can name, by name."""
        dynamic, csi = await self._listed()
        return volumes.known(self._home(namespace), await self._door.nodes(), dynamic, csi)

    async def absent(self, namespace: str, names: Iterable[str]) -> list[str]:
        """Return those of some volumes of which there is none, not even one that is not ready."""
        home = self._home(namespace)
        dynamic, csi = await self._listed()
        found = volumes.known(home, await self._door.nodes(), dynamic, csi)
        begun = {each["Name"] for each in dynamic}
        return [
            each
            for each in names
            if each not in found and begun.isdisjoint((each, volumes.our_name(home, each)))
        ]

    def assumed(self, namespace: str, spec: spec_pb2.FunctionSpec) -> list[Source]:
        """Return the volumes of a function as they would be if all were made for it."""
        return volumes.assumed(self._home(namespace), spec)

    def _home(self, namespace: str) -> str:
        return volumes.home(self._terms.nomad_namespace, namespace)

    async def find(self, namespace: str, spec: spec_pb2.FunctionSpec) -> list[Source]:
        """Return the volumes of a function, and those that would be made as they would be."""
        if not spec.volumes:
            return []
        found = await self.all(namespace)
        return await self._whole(
            found.get(each.volume, each) for each in self.assumed(namespace, spec)
        )

    async def provide(
        self, namespace: str, spec: spec_pb2.FunctionSpec, *, patient: bool = True
    ) -> list[Source]:
        """Return the volumes of a function, made where there is none yet.

        Unless `patient`, those that were begun before are not waited for.
        """
        if not spec.volumes:
            return []
        wanted = list(dict.fromkeys(each.volume for each in spec.volumes))
        # In this order: what is ready in the list, its node tells.
        dynamic, csi = await self._listed()
        nodes = await self._door.nodes()
        found = volumes.known(self._home(namespace), nodes, dynamic, csi)
        if lacking := [each for each in wanted if each not in found]:
            begun = {each["Name"] for each in dynamic}
            if theirs := [each for each in lacking if each in begun]:
                raise StackError(
                    f"volume {theirs[0]!r} is the cluster operator's, and its node does not say "
                    f"that it is ready: see nomad volume status -type host {theirs[0]}"
                )
            names = [volumes.our_name(self._home(namespace), each) for each in lacking]
            if fresh := [each for each in names if each not in begun]:
                there = [found[each] for each in wanted if each in found]
                node = await self._node(spec, lacking, there, nodes)
                for each in fresh:
                    await self._make(each, node)
            elif not patient:
                raise StackError(
                    f"volume {lacking[0]!r} is on a node which has not said yet that it is there"
                )
            found = await self._await(namespace, lacking)
        sources = await self._whole(found[each] for each in wanted)
        self._check(sources, nodes)
        return sources

    async def _whole(self, sources: Iterable[Source]) -> list[Source]:
        """Return the same with how an operator's can be had."""
        return [await self._told(each) if each.record else each for each in sources]

    async def _told(self, source: Source) -> Source:
        right = capability("csi-read-volume" if source.kind == "csi" else "host-volume-read")
        what = f"show the volume {source.name}"
        found = await self._door.ask(what, "get", source.record, right=right)
        return volumes.as_told(source, found or {})

    async def _node(
        self,
        spec: spec_pb2.FunctionSpec,
        lacking: Sequence[str],
        there: Sequence[Source],
        nodes: Sequence[Mapping[str, Any]],
    ) -> Mapping[str, Any]:
        """Return the node on which to make volumes: where the others of the function are."""
        job = self._job(spec)
        ask = Ask.of(job)
        fit = _usable(ask, nodes)
        fixed = volumes.common(there)
        left = fit if fixed is None else [each for each in fit if each in fixed]
        if not left:
            beside = f" beside its volume {there[0].volume!r}" if fixed is not None else ""
            raise StackError(
                f"volume {lacking[0]!r} cannot be made: no node of the pool "
                f"{ask.pool!r} is ready{beside}, has the driver {ask.driver} "
                "and room for the function"
            )
        order = volumes.ranked(lacking[0], left)
        demanded = demands(job)
        chosen = await first_fit(self._door, job, order) if demanded else order[0]
        if chosen is None:
            raise StackError(
                f"volume {lacking[0]!r} cannot be made: no node that could run the function is as "
                f"its job demands: {', '.join(demanded)}"
            )
        return next(each for each in nodes if each["ID"] == chosen)

    def _job(self, spec: spec_pb2.FunctionSpec) -> Job:
        """Return the job of a function as if it had no volumes."""
        try:
            return render(self._terms, "", "", spec, 1, 0)
        except ValueError as problem:
            raise StackError(str(problem)) from problem

    async def _make(self, name: str, node: Mapping[str, Any]) -> None:
        modes = {"AttachmentMode": "file-system", "AccessMode": "single-node-multi-writer"}
        volume = {
            "Name": name,
            "PluginID": "mkdir",
            "NodeID": node["ID"],
            "NodePool": node["NodePool"],
            "RequestedCapabilities": [modes],
            # The driver exec runs workers as a user of its own.
            "Parameters": {"mode": "0777"},
        }
        body, right = {"Volume": volume}, capability("host-volume-create")
        try:
            await self._door.ask(
                f"make the volume {name}", "put", "volume/host/create", right=right, body=body
            )
        except StackError as problem:
            if _THERE not in str(problem):
                raise

    async def _await(self, namespace: str, lacking: Sequence[str]) -> dict[str, Source]:
        """Return all volumes once those that were made are ready."""
        try:
            async with asyncio.timeout(_READY_S):
                while True:
                    found = await self.all(namespace)
                    if all(each in found for each in lacking):
                        return found
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError as problem:
            raise StackError(
                f"volume {lacking[0]!r} is on a node which has not said in {_READY_S:g} s "
                "that it is there"
            ) from problem

    def _check(self, sources: Sequence[Source], nodes: Sequence[Mapping[str, Any]]) -> None:
        """Raise StackError for volumes that no worker can mount together."""
        if volumes.common(sources) == set():
            titles = {node: repr(title) for node, title in _titles(nodes).items()}
            where = (
                f"{each.volume!r} on {', '.join(titles.get(node, node) for node in each.places)}"
                for each in sources
                if each.places
            )
            raise StackError(
                f"its volumes lie on different nodes, {'; '.join(where)}: no worker can mount them "
                "together; delete one with `fnq volume delete NAME`, and deploy again"
            )
        csi = [each.volume for each in sources if each.kind == "csi"]
        if csi and self._terms.driver == "raw_exec":
            raise StackError(
                f"volume {csi[0]!r} is one of CSI, which the driver raw_exec cannot mount: "
                "have the operator run workers by exec or docker (--workers)"
            )

    async def notes(self, spec: spec_pb2.FunctionSpec, sources: Sequence[Source]) -> list[str]:
        """Return what whoever deploys a function should know of its volumes."""
        nodes = await self._door.nodes()
        fit = _usable(Ask.of(self._job(spec)), nodes)
        return volumes.notes(spec.name, sources, fit, _titles(nodes))

    async def title(self, node: str) -> str:
        """Return the name of a node; its id where there is none of that."""
        return _titles(await self._door.nodes()).get(node, node)

    async def hostname(self, node: str) -> str:
        """Return what the machine of a node calls itself; empty where that is not known."""
        found = await self._door.ask(f"show the node {node}", "get", f"node/{node}", right=NODES)
        return str(((found or {}).get("Attributes") or {}).get("unique.hostname", ""))

    async def delete(self, source: Source, within_s: float) -> None:
        """Delete a volume of ours, on each node, once no worker that is there has it.

        Nomad refuses while one has; nothing is deleted under it. Of a node that is gone for
        good nothing but the name is left, which goes.
        """
        until_s = asyncio.get_running_loop().time() + within_s
        listed, _ = await self._listed()
        titles = _titles(await self._door.nodes())
        for each in listed:
            if each["Name"] == source.name:
                try:
                    await self._delete(each, until_s, gone=each["NodeID"] not in titles)
                except StackError as problem:
                    if _AWAY not in str(problem):
                        raise
                    raise StackError(
                        f"volume {source.volume!r} lies on node {titles[each['NodeID']]!r}, which "
                        "is away: it can be deleted once that node is back, or once Nomad has "
                        "cleared it away (`nomad system gc`)"
                    ) from problem

    async def _delete(self, volume: Mapping[str, Any], until_s: float, *, gone: bool) -> None:
        """Delete one volume, once it is not in use."""
        what, path = f"delete the volume {volume['Name']}", f"volume/host/{volume['ID']}"
        force = {"force": "true"} if gone else {}
        right = capability("host-volume-delete")
        while True:
            try:
                await self._door.ask(what, "delete", path, right=right, **force)
            except StackError as problem:
                if _GONE in str(problem):
                    return
                late = asyncio.get_running_loop().time() >= until_s
                if late or _IN_USE not in str(problem):
                    raise
                await asyncio.sleep(_LOOK_S)
            else:
                return

    async def _listed(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Return the dynamic host volumes, and those of CSI, as Nomad lists them."""
        # One after the other: whoever lacks both rights is told of the same one each time.
        right = capability("host-volume-read")
        dynamic = await self._door.ask(
            "list host volumes", "get", "volumes", right=right, type="host"
        )
        right = capability("csi-list-volume")
        csi = await self._door.ask("list volumes of CSI", "get", "volumes", right=right, type="csi")
        return dynamic or [], csi or []


def _titles(nodes: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the names of nodes by their ids."""
    return {each["ID"]: str(each["Name"]) for each in nodes}


def _usable(ask: Ask, nodes: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the ids of the nodes that could run a function when empty."""
    return [each["ID"] for each in nodes if could_run(ask, Node.of(each))]
