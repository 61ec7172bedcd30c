"""A server's part that deploys, without a server, and where it has workers from."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from types import SimpleNamespace
from typing import Any

from fnq.v1 import control_pb2, spec_pb2
from fnq_core.presence import Presence, PresenceBoard
from fnq_core.releases import Releases
from fnq_server.deploys import Deploys
from fnq_server.doors import Doors
from fnq_server.lookout import Lookout
from fnq_server.orchestrator.seam import Outlook, Provision
from fnq_server.trial import Trial
from fnq_wire.error import DeployError
from tests.redis import RedisServer
from tests.toy import service
from tests.toy.builder import Builder
from tests.toy.house import House
from tests.toy.secrets import admission
from tests.unit.fnq_core.streams import connected

__all__ = ["BROKEN", "Office", "Willing", "named", "office"]

#: What a worker says that cannot import its function.
BROKEN = 'Traceback ...\n  File "/w/uses.py", line 3, in <module>\n    import nope\n'


class Willing(House):
    """Starts workers that are at once as `states` says of their function: ready, or else."""

    def __init__(self, board: PresenceBoard, states: Mapping[str, str]) -> None:
        super().__init__(Outlook.RUNNING)
        self.board = board
        self.states = states

    async def ensure(
        self,
        namespace: str,
        version: str,
        spec: spec_pb2.FunctionSpec,
        provision: Provision,
        replicas: int,
    ) -> None:
        """Post how the worker is; one that is "held" says that it starts."""
        await super().ensure(namespace, version, spec, provision, replicas)
        await self.post(version, spec.name)

    async def post(self, version: str, name: str) -> None:
        """Say how the worker of a function is."""
        state = self.states.get(name, "ready").replace("held", "starting")
        presence = Presence("default", name, version, version, 0, 7, state=state)
        if state == "failed":
            presence.reason = "its import failed: ModuleNotFoundError: No module named 'nope'"
            presence.traceback = BROKEN
        await self.board.post(presence)

    async def stop(self, namespace: str, version: str) -> None:
        """Have the worker leave."""
        await super().stop(namespace, version)
        await self.board.withdraw(Presence("default", "", version, version, 0, 7))


class Office:
    """A server's part that deploys, without a server."""

    def __init__(self, client: Any, house: House | None, builder: Builder | None) -> None:
        doors = Doors.of(client)
        self.registry, self.board = doors.registry, doors.board
        self.releases: Releases = doors.releases
        self.demand = service.demand(client, house, builder)
        lookout = Lookout(self.board, self.demand, house)
        trial = Trial(self.board, self.demand, lookout, starts=house is not None)
        reporter: Any = SimpleNamespace(active=frozenset())
        supply: Any = SimpleNamespace(demand=self.demand, lookout=lookout, builder=builder)
        let_in = admission(self.demand, house)
        self.deploys = Deploys(doors, supply, trial, reporter, let_in, [self.check])

    async def check(self, namespace: str, specs: Sequence[spec_pb2.FunctionSpec]) -> list[str]:
        """Refuse what asks for a volume; tell nothing."""
        for spec in (each for each in specs if each.volumes):
            raise DeployError("no volumes here", function=spec.name)
        return []

    async def deploy(
        self, *specs: spec_pb2.FunctionSpec, strict: bool = False
    ) -> list[control_pb2.DeployEvent]:
        """Return all events of a deploy."""
        request = control_pb2.DeployRequest(specs=specs, strict=strict)
        async with aclosing(self.deploys.deploy(request)) as events:
            return [event async for event in events]

    async def current(self, *names: str) -> list[str]:
        """Return the current version of each function."""
        return await self.releases.current("default", names)


@asynccontextmanager
async def office(
    server: RedisServer,
    house: House | None = None,
    builder: Builder | None = None,
    states: Mapping[str, str] | None = None,
) -> AsyncIterator[tuple[Office, Willing]]:
    """Give an office, and the house that it has workers from: a willing one unless told."""
    async with connected(server) as client:
        willing = Willing(PresenceBoard(client), states or {})
        made = Office(client, willing if house is None else house, builder)
        supply = asyncio.create_task(made.demand.supply_forever())
        try:
            yield made, willing
        finally:
            supply.cancel()
            await asyncio.gather(supply, return_exceptions=True)


def named(name: str = "f", **fields: Any) -> spec_pb2.FunctionSpec:
    """Return the spec of a function."""
    return spec_pb2.FunctionSpec(name=name, kind="function", **fields)
