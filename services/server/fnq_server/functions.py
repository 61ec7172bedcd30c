"""The Functions RPC: which functions there are, their versions, rollback and deletion."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from fnq.v1 import functions_pb2, functions_pb2_grpc
from fnq_core.backlog import Counts
from fnq_core.connection import FULL_TRIES, insist
from fnq_core.registry import Function, Version
from fnq_server.doors import Doors
from fnq_server.lifetime import state_of
from fnq_server.refusals import (
    Context,
    refuse_unknown_function,
    refuse_unknown_version,
    told,
)
from fnq_server.remover import Remover

__all__ = ["Functions"]


class Functions(functions_pb2_grpc.FunctionsServicer):
    """What people ask and do about deployed functions."""

    def __init__(
        self,
        doors: Doors,
        remover: Remover,
    ) -> None:
        self._registry = doors.registry
        self._releases = doors.releases
        self._backlog = doors.backlog
        self._board = doors.board
        self._remover = remover

    async def List(  # noqa: N802 - the name in the contract of the wire
        self, request: functions_pb2.ListFunctionsRequest, context: Context
    ) -> functions_pb2.ListFunctionsReply:
        """Return all functions, by name."""
        namespace = request.namespace or "default"
        functions = await self._functions(namespace)
        shown: list[Version] = []
        counted: list[Function] = []
        for each in functions:
            wanted = [each.current] if each.current else each.versions
            versions = await self._versions(namespace, wanted)
            if versions:
                shown.append(max(versions, key=lambda version: version.number))
                counted.append(each)
        current = {each.name: each.current for each in functions}
        facts = await self._facts(namespace, shown, current)
        reply = functions_pb2.ListFunctionsReply()
        for function, found in zip(counted, facts, strict=True):
            reply.functions.add(name=function.name, version=found, versions=len(function.versions))
        return reply

    async def Versions(  # noqa: N802
        self, request: functions_pb2.VersionsRequest, context: Context
    ) -> functions_pb2.VersionsReply:
        """Return the versions of a function, the newest first."""
        namespace = request.namespace or "default"
        function = await self._function(namespace, request.name, context)
        versions = await self._versions(namespace, function.versions)
        versions.sort(key=lambda version: version.number, reverse=True)
        facts = await self._facts(namespace, versions, {function.name: function.current})
        return functions_pb2.VersionsReply(versions=facts)

    async def Rollback(  # noqa: N802
        self, request: functions_pb2.RollbackRequest, context: Context
    ) -> functions_pb2.VersionFacts:
        """Make a version current that was live before."""
        namespace, name = request.namespace or "default", request.name
        function = await self._function(namespace, name, context)
        versions = await self._versions(namespace, function.versions)
        asked = [
            each for each in versions if request.number == each.number or request.id == each.id
        ]
        done = False
        for each in asked:
            identity = each.id
            async with told(context):
                done = await insist(
                    "rolling back",
                    lambda: self._releases.roll_back(namespace, name, identity),
                    full_tries=FULL_TRIES,
                )
        if not done:
            words = request.number or repr(request.id)
            await refuse_unknown_version(context, name, words, versions)
        [facts] = await self._facts(namespace, asked, {name: asked[0].id})
        return facts

    async def Delete(  # noqa: N802
        self, request: functions_pb2.DeleteFunctionRequest, context: Context
    ) -> functions_pb2.DeleteFunctionReply:
        """Take a function away; what waits of it is ended, what runs finishes."""
        namespace = request.namespace or "default"
        await self._function(namespace, request.name, context)
        async with told(context):
            versions, ended = await self._remover.delete(namespace, request.name)
        return functions_pb2.DeleteFunctionReply(versions=versions, ended=ended)

    async def _functions(self, namespace: str) -> list[Function]:
        return await insist("looking up functions", lambda: self._registry.functions([namespace]))

    async def _function(self, namespace: str, name: str, context: Context) -> Function:
        functions = await self._functions(namespace)
        for each in functions:
            if each.name == name:
                return each
        known = [each.name for each in functions]
        return await refuse_unknown_function(context, namespace, name, known)

    async def _versions(self, namespace: str, identities: Sequence[str]) -> list[Version]:
        wanted = [(namespace, each) for each in identities]
        found = await insist("looking up versions", lambda: self._registry.versions(wanted))
        return [each for each in found if each is not None]

    async def _facts(
        self, namespace: str, versions: Sequence[Version], current: dict[str, str]
    ) -> list[functions_pb2.VersionFacts]:
        """Return what is told of versions; `current` has the ids by the names of functions."""
        counts = await insist(
            "counting calls",
            lambda: self._backlog.count([(namespace, each.id) for each in versions]),
        )
        present = await insist("looking at workers", lambda: self._board.of(namespace))
        workers = Counter(each.version for each in present)
        return [
            _facts(each, current[each.spec.name], some, workers[each.id])
            for each, some in zip(versions, counts, strict=True)
        ]


def _facts(
    version: Version, current: str, counts: Counts, workers: int
) -> functions_pb2.VersionFacts:
    return functions_pb2.VersionFacts(
        id=version.id,
        number=version.number,
        created_ms=version.created_ms,
        state=state_of(version, current, counts, workers),
        queued=counts.waiting,
        running=counts.held,
        workers=workers,
        failure=version.failure,
        spec=version.spec,
    )
