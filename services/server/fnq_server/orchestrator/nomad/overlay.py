"""The bounds that hold now: those of the operator's file, and those in Consul's KV."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from fnq_server.orchestrator.nomad.bounds import Bounds, excesses
from fnq_wire.error import DiscoveryError, StackError, UnschedulableError

if TYPE_CHECKING:
    from fnq.v1 import spec_pb2
    from fnq_server.orchestrator.nomad.terms import Terms

__all__ = ["Overlay"]

#: Seconds for which workers do with what was read last; and once Consul was away.
_FRESH_S, _AWAY_S = 2.0, 30.0


class Overlay:
    """Both hold, so that a function must be within either.

    `read` returns what lies at a key of Consul's KV, None for nothing, and raises
    DiscoveryError. While Consul is away what it said last holds.
    """

    def __init__(self, terms: Terms, read: Callable[[str, str], str | None]) -> None:
        self._terms, self._read = terms, read
        self._from_key: Bounds | None = None
        #: Why nobody knows what the bounds are; "" where `_from_key` are.
        self._fault = ""
        #: Loop times at which the key was asked for last, and Consul was away last.
        self._at_s = self._away_at_s = float("-inf")
        #: Who asks later must not be overtaken by who asked before.
        self._turn = asyncio.Lock()

    @property
    def replicas(self) -> int | None:
        """Return the most workers of a version by what was last read; None: any number."""
        known = [self._terms.bounds, self._from_key or Bounds()]
        return min((each.replicas for each in known if each.replicas is not None), default=None)

    async def insist(self, specs: Sequence[spec_pb2.FunctionSpec]) -> None:
        """Raise UnschedulableError for the first function that asks for more than it may.

        It quotes each bound, as it is in this moment: the key is read anew. Raises StackError
        where nobody knows what the bounds are.
        """
        known = await self._now()
        for spec in specs:
            try:
                told = [
                    clause
                    for bounds in known
                    for clause in excesses(spec, bounds, self._terms.node_pool)
                ]
            except ValueError as problem:
                raise UnschedulableError(f"options: {problem}", function=spec.name) from problem
            if told:
                raise UnschedulableError(f"it {'; it '.join(told)}", function=spec.name)

    async def look(self) -> None:
        """Learn what the bounds are now; where nobody knows, what was known holds.

        A Consul that was away lately is not asked, nor one that was asked a moment ago:
        whoever wants workers waits for this.
        """
        if _age_s(self._at_s) >= _FRESH_S and _age_s(self._away_at_s) >= _AWAY_S:
            with contextlib.suppress(StackError):
                await self._now()

    async def _now(self) -> list[Bounds]:
        if not self._terms.bounds_key:
            return [self._terms.bounds]
        self._at_s = asyncio.get_running_loop().time()
        async with self._turn:
            await self._ask()
            if self._from_key is None or self._fault:
                raise StackError(f"what functions may ask for is not known: {self._fault}")
            return [self._terms.bounds, self._from_key]

    async def _ask(self) -> None:
        """Learn what the key says; while Consul is away, what it said last stays."""
        key, place = self._terms.bounds_key, self._terms.consul
        try:
            text = await asyncio.to_thread(self._read, place, key)
        except DiscoveryError as problem:
            self._away_at_s = asyncio.get_running_loop().time()
            if self._from_key is None:
                self._fault = str(problem)
            return
        if text is None:
            # Nobody would see that a key which was lost by accident bounds nothing any more.
            self._fault = (
                f"there is no key {key!r} in Consul at {place} (consul kv put {key} @FILE; an "
                "empty file bounds nothing)"
            )
            return
        try:
            self._from_key, self._fault = Bounds.parse(text, f"the key {key} of Consul"), ""
        except ValueError as problem:
            self._fault = f"the key {key!r} of Consul holds no bounds: {problem}"


def _age_s(at_s: float) -> float:
    return asyncio.get_running_loop().time() - at_s
