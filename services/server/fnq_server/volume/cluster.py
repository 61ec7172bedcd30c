"""Volumes on a Nomad: each is made and kept by a node, which is another machine than ours."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from fnq_server.orchestrator.nomad.hostvolumes import HostVolumes
from fnq_server.orchestrator.nomad.volumes import Source
from fnq_server.orchestrator.seam import GRACE_S
from fnq_server.volume.beneath import Beneath
from fnq_server.volume.seam import (
    VolumeElsewhereError,
    VolumeError,
    VolumeFullError,
    VolumeMissingError,
)
from fnq_wire import volume
from fnq_wire.error import StackError

if TYPE_CHECKING:
    from fnq.v1 import spec_pb2

__all__ = ["ClusterVolumes"]

#: Seconds in which workers that were told to end let go of a volume.
_RELEASE_S = GRACE_S + 10.0


class ClusterVolumes:
    """A `Store`. Files are at hand where the server runs on the machine of their node."""

    def __init__(self, hosts: HostVolumes) -> None:
        self._hosts = hosts

    def names(self, namespace: str) -> list[str]:
        """Return the volumes that were made for functions of a namespace, by name."""
        return sorted(name for name, each in self._all(namespace).items() if each.ours)

    def _all(self, namespace: str) -> dict[str, Source]:
        with _told():
            return asyncio.run(self._hosts.all(namespace))

    def _source(self, namespace: str, name: str) -> Source:
        found = self._all(namespace)
        if name not in found:
            known = ", ".join(sorted(each for each in found if found[each].ours)) or "none"
            raise VolumeMissingError(
                f"no volume {name!r} in namespace {namespace!r}; there are: {known}"
            )
        return found[name]

    def folder(self, namespace: str, name: str) -> str:
        """Return where a volume lies: its node, and the path there."""
        source = self._source(namespace, name)
        with _told():
            titles = {each: asyncio.run(self._hosts.title(each)) for each in source.places}
        places = (f"node {titles[each]}: {path}" for each, path in source.places.items())
        return ", ".join(places) or f"CSI volume {source.name}"

    def make(self, namespace: str, name: str) -> None:
        """Refuse what is not there: only a function that mounts it says where it can lie."""
        if name not in self._all(namespace):
            raise VolumeError(
                f"no volume {name!r} yet: on a cluster it is made on a node that can run the "
                "function which mounts it; deploy that first"
            )

    def free(self, namespace: str, name: str) -> int:
        """Return the bytes that the file system of a volume has room for."""
        facts = os.statvfs(self._here(namespace, name))
        return facts.f_bavail * facts.f_frsize

    @contextlib.contextmanager
    def open(self, namespace: str, name: str) -> Iterator[Beneath]:
        """Have the files of a volume at hand. Raises VolumeError where they lie elsewhere."""
        folder = self._here(namespace, name)
        try:
            files = Beneath(folder)
        except OSError as problem:
            raise VolumeError(f"cannot open volume {name!r}: {problem.strerror}") from problem
        with files:
            yield files

    def _here(self, namespace: str, name: str) -> str:
        """Return the path of a volume on this machine."""
        source = self._source(namespace, name)
        own = socket.gethostname()
        for node, path in source.places.items():
            with _told():
                there = asyncio.run(self._hosts.hostname(node))
            if there == own and os.path.isdir(path):
                return path
        raise VolumeElsewhereError(
            f"the files of volume {name!r} are not on this server's machine "
            f"({self.folder(namespace, name)}): put and get them with a function that mounts it, "
            "or run a server on that node"
        )

    def insist_ours(self, namespace: str, name: str) -> None:
        """Raise VolumeError for a volume that an operator made, or that is not there."""
        self._ours(namespace, name)

    def _ours(self, namespace: str, name: str) -> Source:
        source = self._source(namespace, name)
        if not source.ours:
            raise VolumeError(
                f"volume {name!r} is the cluster operator's, on Nomad {source.name!r}: ask for it "
                "to be removed there"
            )
        return source

    def delete(self, namespace: str, name: str) -> None:
        """Delete a volume with its files, once no worker has it any more."""
        source = self._ours(namespace, name)
        with _told():
            asyncio.run(self._hosts.delete(source, _RELEASE_S))

    def full(self, namespace: str, name: str) -> VolumeFullError:
        """Return the error for a volume without room: its name, and what to do."""
        return VolumeFullError(
            f"volume {name!r} is full ({self.folder(namespace, name)}): remove files from it, or "
            "free some of that disk"
        )

    def absent(self, namespace: str, names: Iterable[str]) -> list[str]:
        """Return those of some volumes that `prepare` would make; an operator's is there."""
        with _told():
            return asyncio.run(self._hosts.absent(namespace, names))

    def prepare(self, namespace: str, spec: spec_pb2.FunctionSpec) -> list[str]:
        """See that a function's workers can have its volumes; return what is to be told."""
        for name in (namespace, *(each.volume for each in spec.volumes)):
            if not volume.NAME.fullmatch(name):
                raise VolumeError(f"{name!r} can be no part of a volume's name on Nomad")
        for each in spec.volumes:
            problem = volume.path_problem(each.path)
            if problem is not None:
                raise VolumeError(f"volume {each.volume!r}: {problem}")
        if found := volume.clash([each.path for each in spec.volumes]):
            raise VolumeError(f"two volumes are mounted at {found[0]} and {found[1]}: part them")
        with _told():
            return asyncio.run(self._prepare(namespace, spec))

    async def _prepare(self, namespace: str, spec: spec_pb2.FunctionSpec) -> list[str]:
        sources = await self._hosts.provide(namespace, spec)
        return await self._hosts.notes(spec, sources)

    def sweep(self) -> None:
        """Do nothing: what Nomad deletes is gone."""


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Raise VolumeError for what Nomad does not do."""
    try:
        yield
    except StackError as problem:
        raise VolumeError(str(problem)) from problem
