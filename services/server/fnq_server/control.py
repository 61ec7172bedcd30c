"""The Control RPC: deploys, look-ups, readiness, status, logs."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Sequence

import grpc
import grpc.aio

from fnq.v1 import control_pb2, control_pb2_grpc
from fnq_core.connection import FULL_TRIES, insist
from fnq_core.logs import Line
from fnq_server.demand import Demand
from fnq_server.deploys import Deploys, version_message
from fnq_server.doors import Doors
from fnq_server.lookout import Lookout
from fnq_server.refusals import (
    Context,
    refuse_unknown_function,
    refuse_unknown_version,
    refuse_unlive_function,
    told,
)
from fnq_server.status import Reporter
from fnq_wire.limits import MAX_BUNDLE

__all__ = ["Control"]

#: Last lines of a log, unless more or less are asked for.
_TAIL = 100
#: Seconds between two looks while somebody waits for a worker.
_LOOK_S = 0.03


class Control(control_pb2_grpc.ControlServicer):
    """What deployers and people ask of a server."""

    def __init__(
        self,
        doors: Doors,
        demand: Demand,
        lookout: Lookout,
        deploys: Deploys,
        reporter: Reporter,
    ) -> None:
        self._registry = doors.registry
        self._logs = doors.logs
        self._demand = demand
        self._lookout = lookout
        self._deploys = deploys
        self._reporter = reporter

    async def Deploy(  # noqa: N802 - the name in the contract of the wire
        self, request: control_pb2.DeployRequest, context: Context
    ) -> AsyncIterator[control_pb2.DeployEvent]:
        """Check a set and make it current, or name the bundles to put first."""
        async with told(context), contextlib.aclosing(self._deploys.deploy(request)) as events:
            async for event in events:
                yield event

    async def PutBundle(  # noqa: N802
        self, request_iterator: AsyncIterator[control_pb2.BundlePart], context: Context
    ) -> control_pb2.BundleReply:
        """Store a bundle; its hash must be that of its bytes."""
        digest, data = "", bytearray()
        async for part in request_iterator:
            digest = digest or part.hash
            data += part.data
            if len(data) > MAX_BUNDLE:
                await context.abort(
                    grpc.StatusCode.RESOURCE_EXHAUSTED,
                    f"a bundle may have {MAX_BUNDLE} bytes at most: keep data out of the package",
                )
        if hashlib.sha256(data).hexdigest() != digest:
            await context.abort(
                grpc.StatusCode.DATA_LOSS, "the bundle does not have the hash given"
            )
        async with told(context):
            await insist(
                "storing a bundle",
                lambda: self._registry.put_bundle(digest, bytes(data)),
                full_tries=FULL_TRIES,
            )
        return control_pb2.BundleReply()

    async def Lookup(  # noqa: N802
        self, request: control_pb2.LookupRequest, context: Context
    ) -> control_pb2.FunctionVersion:
        """Return a version by function name and number."""
        namespace = request.namespace or "default"
        async with told(context):
            found = await insist(
                "looking up", lambda: self._registry.find(namespace, request.name, request.number)
            )
        if found is None:
            await self._refuse_unfound(namespace, request, context)
        assert found is not None  # else it was refused
        return version_message(found)

    async def _refuse_unfound(
        self, namespace: str, request: control_pb2.LookupRequest, context: Context
    ) -> None:
        functions = await insist(
            "looking up functions", lambda: self._registry.functions([namespace])
        )
        known = {each.name: each.versions for each in functions}
        if request.name not in known:
            await refuse_unknown_function(context, namespace, request.name, known)
        if not request.number:
            await refuse_unlive_function(context, namespace, request.name)
        wanted = [(namespace, each) for each in known[request.name]]
        versions = await insist("looking up versions", lambda: self._registry.versions(wanted))
        there = [each for each in versions if each is not None]
        await refuse_unknown_version(context, request.name, request.number, there)

    async def WaitReady(  # noqa: N802
        self, request: control_pb2.WaitReadyRequest, context: Context
    ) -> AsyncIterator[control_pb2.Readiness]:
        """Say what is waited for, on change, until a worker is ready or cannot be."""
        namespace = request.namespace or "default"
        async with told(context):
            known = await insist(
                "looking up", lambda: self._registry.version(namespace, request.version)
            )
        if known is None or known.deleted:
            await context.abort(
                grpc.StatusCode.NOT_FOUND,
                f"no version {request.version!r} in namespace {namespace!r}: deploy it first",
            )
        said: control_pb2.Readiness | None = None
        while True:
            self._demand.want(namespace, request.version)
            found = await insist(
                "waiting for a worker", lambda: self._lookout.of(namespace, request.version)
            )
            now = control_pb2.Readiness(
                state=found.state, reason=found.reason, traceback=found.traceback
            )
            if now != said:
                said = now
                yield now
            if now.state != "waiting":
                return
            await asyncio.sleep(_LOOK_S)

    async def Status(  # noqa: N802
        self, request: control_pb2.StatusRequest, context: Context
    ) -> control_pb2.StatusReply:
        """Return processes and functions as they are now."""
        return await self._reporter.report(request.namespace or "default")

    async def Logs(  # noqa: N802
        self, request: control_pb2.LogsRequest, context: Context
    ) -> AsyncIterator[control_pb2.LogLine]:
        """Return the last lines, then new ones where they are followed.

        One function without a line may be one that is not there; a follower waits for it.
        """
        namespace, tail = request.namespace or "default", request.tail or _TAIL
        call = request.call.replace("-", "").lower()
        if call.strip("0123456789abcdef"):
            await context.abort(
                grpc.StatusCode.INVALID_ARGUMENT,
                f"not the id of a call: {request.call!r}; expected hex digits, or the last of them",
            )

        async def names() -> Sequence[str]:
            return [request.function] if request.function else await registry.names(namespace)

        registry, silent = self._registry, True
        if request.follow:
            lines = self._logs.follow(namespace, names, tail, call)
        else:
            lines = self._logs.tail(namespace, await names(), tail, call)
        async with contextlib.aclosing(lines):
            async for line in lines:
                silent = False
                yield _line(line)
        if silent and request.function:
            known = await registry.names(namespace)
            if request.function not in known:
                await refuse_unknown_function(context, namespace, request.function, known)


def _line(line: Line) -> control_pb2.LogLine:
    return control_pb2.LogLine(
        at_ms=line.at_ms,
        function=line.function,
        call=line.call,
        source=line.source,
        text=line.text,
    )
