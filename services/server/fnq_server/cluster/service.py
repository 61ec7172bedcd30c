"""The Cluster RPC: what a cluster needs and has, as this server sees it."""

from __future__ import annotations

import asyncio

from redis.asyncio import Redis

from fnq.v1 import cluster_pb2, cluster_pb2_grpc
from fnq_core.connection import UNREACHABLE
from fnq_core.tuning import tuning
from fnq_server.cluster import redis
from fnq_server.orchestrator.seam import Orchestrator
from fnq_server.refusals import Context
from fnq_wire.finding import Finding, missing, note, ok

__all__ = ["Cluster", "of_token"]

#: Seconds in which Redis must answer.
_REDIS_S = 5.0


class Cluster(cluster_pb2_grpc.ClusterServicer):
    """What operators ask; `token` is what clients and workers must show, None for none."""

    def __init__(self, client: Redis, orchestrator: Orchestrator | None, token: str | None) -> None:
        self._client = client
        self._orchestrator = orchestrator
        self._token = token

    async def Check(  # noqa: N802 - the name in the contract of the wire
        self, request: cluster_pb2.CheckRequest, context: Context
    ) -> cluster_pb2.CheckReply:
        """Return what was found out of each thing that is needed; nothing is changed."""
        kept, placed = await asyncio.gather(self._of_redis(), self._of_workers())
        findings = [*kept, of_token(self._token), *placed]
        return cluster_pb2.CheckReply(
            findings=[cluster_pb2.Finding(**each._asdict()) for each in findings]
        )

    async def _of_redis(self) -> list[Finding]:
        try:
            async with asyncio.timeout(_REDIS_S):
                return redis.judge(await tuning(self._client))
        except (*UNREACHABLE, TimeoutError) as problem:
            why = str(problem) or f"no answer within {_REDIS_S:g} s"
            return [
                missing(
                    "redis", f"the servers do not reach it: {why}", "see nomad job status fnq-redis"
                )
            ]

    async def _of_workers(self) -> list[Finding]:
        if self._orchestrator is None:
            return [note("workers", "this server starts none: they are started by hand")]
        return await self._orchestrator.check(self._token)


def of_token(token: str | None) -> Finding:
    """Return whether strangers are kept out."""
    if token is None:
        return note(
            "token",
            "the servers ask for none, and so listen at loopback alone",
            "put FNQ_TOKEN into the Nomad variable nomad/jobs, and start the jobs anew",
        )
    return ok("token", "the servers let nobody in without FNQ_TOKEN")
