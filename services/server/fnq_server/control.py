"""The Control RPC: deploys, look-ups, readiness, status, logs."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any, NoReturn, TypeAlias

import grpc
import grpc.aio

from fnq.v1 import control_pb2, control_pb2_grpc, spec_pb2
from fnq_core.connection import FULL_TRIES, FullError, insist
from fnq_core.logs import Line, LogStreams
from fnq_core.presence import TTL_S, PresenceBoard
from fnq_core.registry import RecordError, Registry, Version
from fnq_server.demand import Demand
from fnq_server.lookout import Lookout
from fnq_server.readiness import judge
from fnq_server.status import Reporter
from fnq_wire.limits import MAX_BUNDLE
from fnq_wire.version import version_id

__all__ = ["Control"]

#: Last lines of a log, unless more or less are asked for.
_TAIL = 100
#: Seconds between two looks while somebody waits for a worker.
_LOOK_S = 0.03
#: Seconds in which a worker that was told to end has left the board.
_LEAVE_S = TTL_S + 2.0

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class Control(control_pb2_grpc.ControlServicer):
    """What deployers and people ask of a server."""

    def __init__(
        self,
        registry: Registry,
        board: PresenceBoard,
        logs: LogStreams,
        demand: Demand,
        lookout: Lookout,
        reporter: Reporter,
    ) -> None:
        self._registry = registry
        self._board = board
        self._logs = logs
        self._demand = demand
        self._lookout = lookout
        self._reporter = reporter

    async def Deploy(  # noqa: N802 - the name in the contract of the wire
        self, request: control_pb2.DeployRequest, context: Context
    ) -> control_pb2.DeployReply:
        """Store versions and make them current, or name the bundles to put first."""
        namespace = request.namespace or "default"
        digests = [spec.bundle for spec in request.specs]
        missing = await insist("deploying", lambda: self._registry.missing_bundles(digests))
        if missing:
            return control_pb2.DeployReply(missing_bundles=missing)
        async with _told(context):
            versions = await self._record(namespace, request.specs)
        await self._begin_again(namespace, [version.id for version in versions])
        for version in versions:
            if version.spec.min_replicas:
                self._demand.want(namespace, version.id)
        return control_pb2.DeployReply(
            versions=[_message(each) for each in versions], active=sorted(self._reporter.active)
        )

    async def _record(
        self, namespace: str, specs: Sequence[spec_pb2.FunctionSpec]
    ) -> list[Version]:
        """Store a set of versions and make them current."""
        registry = self._registry
        now_ms = time.time_ns() // 1_000_000
        versions: list[Version] = []
        for spec in specs:
            identity = version_id(spec)
            versions.append(
                await insist(
                    "deploying",
                    lambda: registry.record(namespace, identity, spec, now_ms),
                    full_tries=FULL_TRIES,
                )
            )
        members = {version.spec.name: version.id for version in versions}
        if members:
            bound = await insist(
                "deploying", lambda: registry.bind(namespace, members), full_tries=FULL_TRIES
            )
            versions = [replace(version, set=bound) for version in versions]
        return versions

    async def _begin_again(self, namespace: str, versions: Sequence[str]) -> None:
        """Have versions that could not be imported tried anew: what they lacked may be there.

        Returns when no worker that has failed takes calls any more: it leaves the board
        before it ends, and one that cannot leave it is forgotten there.
        """
        failed = await self._failed(namespace, versions)
        told = await asyncio.gather(*(self._demand.begin_again(namespace, each) for each in failed))
        left: Sequence[str] = [each for each, is_told in zip(failed, told, strict=True) if is_told]
        loop = asyncio.get_running_loop()
        until = loop.time() + _LEAVE_S
        while left and loop.time() < until:
            await asyncio.sleep(_LOOK_S)
            left = await self._failed(namespace, left)

    async def _failed(self, namespace: str, versions: Sequence[str]) -> list[str]:
        """Return which of the versions could not be imported."""
        return [
            each
            for each in versions
            if judge(await insist("deploying", lambda: self._board.of(namespace, each))).state
            == "failed"
        ]

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
        async with _told(context):
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
        async with _told(context):
            found = await insist(
                "looking up", lambda: self._registry.find(namespace, request.name, request.number)
            )
        if found is None:
            number = f" version {request.number}" if request.number else ""
            names = await self._registry.names(namespace)
            await _say_unknown(context, namespace, f"{request.name!r}{number}", names)
        return _message(found)

    async def WaitReady(  # noqa: N802
        self, request: control_pb2.WaitReadyRequest, context: Context
    ) -> AsyncIterator[control_pb2.Readiness]:
        """Say what is waited for, on change, until a worker is ready or cannot be."""
        namespace = request.namespace or "default"
        async with _told(context):
            known = await insist(
                "looking up", lambda: self._registry.version(namespace, request.version)
            )
        if known is None:
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
                await _say_unknown(context, namespace, repr(request.function), known)


async def _say_unknown(
    context: Context, namespace: str, function: str, known: Sequence[str]
) -> NoReturn:
    await context.abort(
        grpc.StatusCode.NOT_FOUND,
        f"no function {function} in namespace {namespace!r}: run the script that defines it; "
        f"deployed there: {', '.join(known) or 'none'}",
    )


@contextlib.asynccontextmanager
async def _told(context: Context) -> AsyncIterator[None]:
    """Tell whoever asks what is wrong with Redis or with what lies there."""
    try:
        yield
    except FullError as problem:
        await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, problem.advice)
    except RecordError as problem:
        await context.abort(grpc.StatusCode.DATA_LOSS, str(problem))


def _line(line: Line) -> control_pb2.LogLine:
    return control_pb2.LogLine(
        at_ms=line.at_ms,
        function=line.function,
        call=line.call,
        source=line.source,
        text=line.text,
    )


def _message(version: Version) -> control_pb2.FunctionVersion:
    return control_pb2.FunctionVersion(
        id=version.id,
        number=version.number,
        spec=version.spec,
        created_ms=version.created_ms,
        set=version.set,
    )
