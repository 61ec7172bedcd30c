"""The Gpus RPC: what GPUs there are, who has them, and whether they are busy."""

from __future__ import annotations

from collections.abc import Mapping

from fnq.v1 import gpus_pb2, gpus_pb2_grpc
from fnq_core.connection import insist
from fnq_core.presence import PresenceBoard
from fnq_server.orchestrator.seam import Gpu, Orchestrator, Placed
from fnq_server.refusals import Context, told

__all__ = ["Gpus", "state"]

#: Invocations that run in a worker, by version and replica.
Busy = Mapping[tuple[str, int], int]


class Gpus(gpus_pb2_grpc.GpusServicer):
    """What people ask about GPUs."""

    def __init__(self, board: PresenceBoard, orchestrator: Orchestrator | None) -> None:
        self._board = board
        self._orchestrator = orchestrator

    async def List(  # noqa: N802 - the name in the contract of the wire
        self, request: gpus_pb2.ListGpusRequest, context: Context
    ) -> gpus_pb2.ListGpusReply:
        """Return every GPU that workers may have; none where nothing starts workers."""
        namespace = request.namespace or "default"
        if self._orchestrator is None:
            return gpus_pb2.ListGpusReply()
        async with told(context):
            found = await self._orchestrator.gpus()
            there = await insist("listing", lambda: self._board.of(namespace))
        busy = {(each.version, each.replica): each.busy for each in there}
        return gpus_pb2.ListGpusReply(gpus=[state(each, namespace, busy) for each in found])


def state(gpu: Gpu, namespace: str, busy: Busy) -> gpus_pb2.GpuState:
    """Return what is told of a GPU in a namespace. Pure.

    One that another namespace or another job has counts as busy: nobody here knows better.
    """
    holders = [_holder(each, namespace, busy) for each in gpu.workers]
    holders += [gpus_pb2.GpuHolder(other=f"job {each}") for each in gpu.others]
    if gpu.fault:
        kind = "faulty"
    elif any(each.busy or each.other for each in holders):
        kind = "busy"
    else:
        kind = "idle" if holders else "free"
    return gpus_pb2.GpuState(
        node=gpu.address,
        model=gpu.model,
        id=gpu.identity,
        memory_bytes=gpu.memory_bytes,
        state=kind,
        fault=gpu.fault,
        holders=holders,
    )


def _holder(worker: Placed, namespace: str, busy: Busy) -> gpus_pb2.GpuHolder:
    if worker.namespace != namespace:
        return gpus_pb2.GpuHolder(other=f"namespace {worker.namespace}")
    return gpus_pb2.GpuHolder(
        function=worker.function,
        version=worker.version,
        replica=worker.replica,
        busy=busy.get((worker.version, worker.replica), 0),
    )
