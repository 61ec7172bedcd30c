"""Which functions mount which volumes, and whether they can."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable

from fnq.v1 import spec_pb2
from fnq_core.connection import insist
from fnq_core.presence import PresenceBoard
from fnq_core.registry import Registry, Version
from fnq_server.volume.seam import Store, VolumeError
from fnq_wire.error import DeployError

__all__ = ["Mounting"]


class Mounting:
    """Volumes as functions have them. `store` is None where this server keeps none."""

    def __init__(self, store: Store | None, registry: Registry, board: PresenceBoard) -> None:
        self.store = store
        self._registry = registry
        self._board = board

    async def prepare(self, namespace: str, specs: Iterable[spec_pb2.FunctionSpec]) -> list[str]:
        """Make the volumes of functions that are deployed, where they are not there yet.

        Return what whoever deploys them should know.
        Raises DeployError, with the function, where its workers could not have them.
        """
        told: list[str] = []
        for spec in specs:
            if self.store is not None and spec.volumes:
                try:
                    told += await asyncio.to_thread(self.store.prepare, namespace, spec)
                except VolumeError as problem:
                    raise DeployError(str(problem), function=spec.name) from problem
        return told

    async def lacks(self, namespace: str, spec: spec_pb2.FunctionSpec) -> list[str]:
        """Return what a deploy of a function would make first, one sentence each."""
        if self.store is None or not spec.volumes:
            return []
        wanted = dict.fromkeys(each.volume for each in spec.volumes)
        return [
            f"its volume {each!r} is not there yet: the deploy makes it, empty"
            for each in await asyncio.to_thread(self.store.absent, namespace, wanted)
        ]

    async def users(self, namespace: str) -> dict[str, list[Version]]:
        """Return the versions that mount each volume, by name: current ones, and those that run."""
        functions = await insist(
            "looking at functions", lambda: self._registry.functions([namespace])
        )
        presences = await insist("looking at workers", lambda: self._board.of(namespace))
        wanted = {each.current for each in functions} | {each.version for each in presences}
        keys = [(namespace, each) for each in sorted(wanted) if each]
        versions = await insist("looking at functions", lambda: self._registry.versions(keys))
        there = [version for version in versions if version is not None]
        found: defaultdict[str, list[Version]] = defaultdict(list)
        for version in sorted(there, key=lambda each: (each.spec.name, each.number)):
            for volume in {each.volume for each in version.spec.volumes}:
                found[volume].append(version)
        return dict(found)
