"""The Plans RPC: what a deploy would change, before anything is stored or started."""

from __future__ import annotations

from fnq.v1 import plans_pb2, plans_pb2_grpc, spec_pb2
from fnq_core.connection import insist
from fnq_core.registry import Registry, Version
from fnq_server.mounting import Mounting
from fnq_server.orchestrator.seam import Orchestrator
from fnq_server.provisions import Provisions
from fnq_server.refusals import Context, told
from fnq_wire.error import ImageBuildError, UnschedulableError
from fnq_wire.version import version_id

__all__ = ["Plans"]

#: What stands for the name of an image that the deploy builds first.
_UNBUILT = "to be built"


class Plans(plans_pb2_grpc.PlansServicer):
    """What deployers ask before they deploy."""

    def __init__(
        self,
        registry: Registry,
        provisions: Provisions,
        mounting: Mounting,
        orchestrator: Orchestrator | None,
    ) -> None:
        self._registry = registry
        self._provisions = provisions
        self._mounting = mounting
        self._orchestrator = orchestrator

    async def Plan(  # noqa: N802 - the name in the contract of the wire
        self, request: plans_pb2.PlanRequest, context: Context
    ) -> plans_pb2.PlanReply:
        """Return for each spec what there is of it, and what would be done."""
        namespace = request.namespace or "default"
        async with told(context):
            planned = [await self._of(namespace, each) for each in request.specs]
        return plans_pb2.PlanReply(versions=planned)

    async def _of(self, namespace: str, spec: spec_pb2.FunctionSpec) -> plans_pb2.PlannedVersion:
        registry, identity = self._registry, version_id(spec)
        current = await insist("planning", lambda: registry.find(namespace, spec.name))
        known = await insist("planning", lambda: registry.version(namespace, identity))
        if known is not None and known.deleted:
            known = None
        number = known.number if known is not None else 0
        if known is None:
            number = 1 + await insist(
                "planning", lambda: registry.last_number(namespace, spec.name)
            )
        version = known or Version(identity, number, spec, created_ms=0)
        planned = plans_pb2.PlannedVersion(
            id=identity,
            number=number,
            known=known is not None and known.live,
            lacks=[
                *await self._provisions.lacks(namespace, version),
                *await self._mounting.lacks(namespace, spec),
            ],
        )
        if current is not None:
            planned.current_number = current.number
            planned.current.CopyFrom(current.spec)
        if self._orchestrator is not None:
            await self._draft(self._orchestrator, namespace, version, planned)
        return planned

    async def _draft(
        self,
        orchestrator: Orchestrator,
        namespace: str,
        version: Version,
        planned: plans_pb2.PlannedVersion,
    ) -> None:
        """Fill in what the orchestrator would be given, or why it would take nothing."""
        try:
            image = await self._provisions.image(version)
        except ImageBuildError:
            return  # That is among what it lacks.
        spec, built = version.spec, _UNBUILT if image is None else image
        try:
            draft = await orchestrator.plan(
                namespace, version.id, spec, built, max(1, spec.min_replicas)
            )
        except UnschedulableError as problem:
            planned.lacks.append(f"the deploy will fail: {problem}")
            return
        planned.job = draft.text
        planned.forecast.extend(draft.forecast)
        for name, text in draft.files.items():
            planned.files.add(name=name, text=text)
