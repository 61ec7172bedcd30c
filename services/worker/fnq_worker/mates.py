"""The sets in which a worker's nested calls by name resolve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from fnq_core.connection import insist
from fnq_core.registry import Registry
from fnq_wire.version import is_divergent, is_repeatable, is_single

__all__ = ["Mates", "Table"]

#: Of a set, by name of the function: what a runner must know to call it.
Table: TypeAlias = Mapping[str, Mapping[str, Any]]


class Mates:
    """Looks sets up in the registry."""

    def __init__(self, registry: Registry, namespace: str) -> None:
        self._registry = registry
        self._namespace = namespace
        #: A set never changes: its id is the hash of what is in it.
        self._known: dict[int, Table] = {}

    async def of(self, members: int) -> Table:
        """Return the functions of a set; empty when nobody knows it."""
        found = self._known.get(members)
        if found is None:
            versions = await insist(
                "looking up a set", lambda: self._registry.mates(self._namespace, members)
            )
            found = {
                version.spec.name: {
                    "version": version.id,
                    "kind": version.spec.kind,
                    "number": version.number,
                    "repeatable": is_repeatable(version.spec),
                    "divergent": is_divergent(version.spec),
                    "batch": version.spec.batching.max_size,
                    "single": is_single(version.spec),
                }
                for version in versions
            }
            if found:
                self._known[members] = found
        return found
