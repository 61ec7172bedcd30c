"""What a server finds out of what a cluster needs."""

from __future__ import annotations

from pathlib import Path

from fnq.v1 import cluster_pb2, cluster_pb2_grpc
from fnq_core.rpc import channel
from fnq_server.orchestrator.seam import Orchestrator
from tests.redis import RedisServer
from tests.toy import service
from tests.toy.house import House


async def _found(
    redis: RedisServer, folder: Path, orchestrator: Orchestrator | None, token: str | None = None
) -> dict[str, cluster_pb2.Finding]:
    """Return what a server says, by subject."""
    async with (
        service.server(redis, folder, token=token, orchestrator=orchestrator) as (_, address),
        channel(address) as link,
    ):
        stub = cluster_pb2_grpc.ClusterStub(link)
        metadata = [("authorization", f"Bearer {token}")] if token else []
        reply = await stub.Check(cluster_pb2.CheckRequest(), metadata=metadata)
    return {each.subject: each for each in reply.findings}


async def test_it_tells_of_redis_of_its_token_and_of_what_workers_need(
    server: RedisServer, tmp_path: Path
) -> None:
    """The last as the place says where they run."""
    found = await _found(server, tmp_path, House())
    assert found["redis"].state == "ok"
    assert found["redis file"].state == "missing"
    assert found["redis file"].remedy == "set appendonly yes"
    assert found["token"].state == "note"
    assert found["workers"].what == "shown no token"


async def test_workers_are_shown_the_token_that_all_must_have(
    server: RedisServer, tmp_path: Path
) -> None:
    """Which itself is told to nobody."""
    found = await _found(server, tmp_path, House(), token="a-token")
    assert found["token"].state == "ok"
    assert found["workers"].what == "shown a token"
    assert "a-token" not in str(found)


async def test_where_workers_are_started_by_hand_that_is_all(
    server: RedisServer, tmp_path: Path
) -> None:
    """Nobody can say how they are."""
    found = await _found(server, tmp_path, None)
    assert found["workers"].what == "this server starts none: they are started by hand"
