"""Servers and consumers inside the process of a test, and what they serve."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from google.protobuf.message import Message
from redis.asyncio import Redis

from fnq.v1 import spec_pb2
from fnq_consumer.consumer import Consumer
from fnq_core.connection import connect
from fnq_server.demand import Demand
from fnq_server.doors import Doors
from fnq_server.image.seam import Builder
from fnq_server.orchestrator.seam import Orchestrator
from fnq_server.provisions import Provisions
from fnq_server.server import Server
from fnq_server.setup import Setup
from fnq_server.volume.seam import Store
from tests.redis import RedisServer
from tests.toy.releases import release
from tests.toy.secrets import NO_SECRETS

__all__ = ["consumer", "demand", "deploy", "server"]


def demand(
    client: Redis, orchestrator: Orchestrator | None, builder: Builder | None = None
) -> Demand:
    """Return a demand for workers of what lies in a Redis; its loops do not run."""
    return Demand(Doors.of(client), orchestrator, Provisions(builder, NO_SECRETS))


async def deploy(
    redis: RedisServer,
    version: str = "abc012",
    options: Mapping[str, str] | None = None,
    **spec: object,
) -> str:
    """Record a version of a function; return its id."""
    client = connect(redis.url)
    made = spec_pb2.FunctionSpec(name="f", kind="function", max_queue=1_000)
    made.options.update(options or {})
    for name, value in spec.items():
        if isinstance(value, Message):
            getattr(made, name).CopyFrom(value)
        else:
            setattr(made, name, value)
    await release(client, "default", version, made)
    await client.aclose()
    return version


@asynccontextmanager
async def server(
    redis: RedisServer,
    folder: Path,
    name: str = "s",
    token: str | None = None,
    spool: Path | None = None,
    orchestrator: Orchestrator | None = None,
    volumes: Store | None = None,
    secret_key: Path | None = None,
) -> AsyncIterator[tuple[Server, str]]:
    """Run a server; give it and its address."""
    failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    address = f"unix:{folder}/{name}.sock"
    setup = Setup(
        listen=address,
        url=redis.url,
        token=token,
        spool=str(spool) if spool else None,
        orchestrator=orchestrator,
        volumes=volumes,
        secret_key=str(secret_key) if secret_key else None,
    )
    made = Server(setup, failed.set_exception)
    await made.start()
    try:
        yield made, address
    finally:
        await made.stop()
        assert not failed.done(), failed.exception()
        failed.cancel()


@asynccontextmanager
async def consumer(
    redis: RedisServer,
    folder: Path,
    name: str = "c",
    token: str | None = None,
    spool: Path | None = None,
) -> AsyncIterator[tuple[Consumer, str]]:
    """Run a consumer; give it and its address."""
    failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    address = f"unix:{folder}/{name}.sock"
    made = Consumer(
        address, redis.url, token, failed.set_exception, None if spool is None else str(spool)
    )
    await made.start()
    try:
        yield made, address
    finally:
        await made.stop()
        assert not failed.done(), failed.exception()
        failed.cancel()
