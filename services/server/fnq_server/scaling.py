"""The Scaling RPC: how many replicas a function has, and may have."""

from __future__ import annotations

import grpc
import grpc.aio

from fnq.v1 import scaling_pb2, scaling_pb2_grpc, spec_pb2
from fnq_core.connection import FULL_TRIES, insist
from fnq_core.registry import Registry, Version
from fnq_core.scalings import Scaling, ScalingBook
from fnq_server.orchestrator.seam import Orchestrator
from fnq_server.refusals import Context, refuse_unknown_function, told
from fnq_server.status import Reporter
from fnq_wire.error import UnschedulableError

__all__ = ["Scalings"]


class Scalings(scaling_pb2_grpc.ScalingServicer):
    """What people ask and say of replicas."""

    def __init__(
        self,
        registry: Registry,
        book: ScalingBook,
        reporter: Reporter,
        orchestrator: Orchestrator | None,
    ) -> None:
        self._registry = registry
        self._book = book
        self._reporter = reporter
        self._orchestrator = orchestrator

    async def Set(  # noqa: N802 - the name in the contract of the wire
        self, request: scaling_pb2.SetScalingRequest, context: Context
    ) -> scaling_pb2.ScalingState:
        """Set the bounds of a function; the leader sees it at its next look."""
        namespace = request.namespace or "default"
        version = await self._current(namespace, request.function, context)
        before = Scaling()
        if not request.reset:
            before = await insist("scaling", lambda: self._book.find(namespace, request.function))
        scaling = Scaling(
            request.min_replicas if request.HasField("min_replicas") else before.least,
            request.max_replicas if request.HasField("max_replicas") else before.most,
        )
        problem = _problem(scaling)
        async with told(context):
            problem = problem or await self._refusal(request)
        if problem:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, problem)
        async with told(context):
            await insist(
                "scaling",
                lambda: self._book.set(namespace, request.function, scaling),
                full_tries=FULL_TRIES,
            )
        return await self._reporter.scaling(namespace, version)

    async def Show(  # noqa: N802
        self, request: scaling_pb2.ShowScalingRequest, context: Context
    ) -> scaling_pb2.ScalingState:
        """Return how many workers a function has, and may have."""
        namespace = request.namespace or "default"
        version = await self._current(namespace, request.function, context)
        return await self._reporter.scaling(namespace, version)

    async def _refusal(self, request: scaling_pb2.SetScalingRequest) -> str:
        """Return why there may not be so many workers; empty where there may.

        Raises StackError where nobody knows.
        """
        if self._orchestrator is None:
            return ""
        asked = spec_pb2.FunctionSpec(
            name=request.function,
            min_replicas=request.min_replicas,
            max_replicas=request.max_replicas,
        )
        try:
            if asked.min_replicas or asked.max_replicas:
                await self._orchestrator.admit([asked])
        except UnschedulableError as problem:
            return f"{request.function}: {problem}"
        return _excess(asked.min_replicas, self._orchestrator.most_replicas)

    async def _current(self, namespace: str, function: str, context: Context) -> Version:
        found = await insist("looking up", lambda: self._registry.find(namespace, function))
        if found is None:
            known = await self._registry.names(namespace)
            await refuse_unknown_function(context, namespace, function, known)
        return found


def _problem(scaling: Scaling) -> str:
    """Return what is wrong with what is to be set; empty: nothing."""
    if scaling.most == 0:
        return "--max: expected 1 at least, not 0: `fnq function delete` takes a function away"
    if scaling.least is not None and scaling.most is not None and scaling.least > scaling.most:
        return f"--min: expected at most --max, which is {scaling.most}, not {scaling.least}"
    return ""


def _excess(least: int, most: int) -> str:
    """Return that more workers would stay than there can be; empty where they can."""
    if least <= most:
        return ""
    return f"--min: {least} workers are asked for, {most} can run here at most"
