"""Servers and consumers inside the process of a test, and what they serve."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fnq.v1 import spec_pb2
from fnq_consumer.consumer import Consumer
from fnq_core.connection import connect
from fnq_core.registry import Registry
from fnq_server.orchestrator.seam import Orchestrator
from fnq_server.server import Server
from tests.redis import RedisServer

__all__ = ["consumer", "deploy", "server"]


async def deploy(redis: RedisServer, version: str = "abc012", **spec: object) -> str:
    """Record a version of a function; return its id."""
    client = connect(redis.url)
    made = spec_pb2.FunctionSpec(name="f", kind="function", max_queue=1_000)
    for name, value in spec.items():
        setattr(made, name, value)
    await Registry(client).record("default", version, made, 1)
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
) -> AsyncIterator[tuple[Server, str]]:
    """Run a server; give it and its address."""
    failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    address = f"unix:{folder}/{name}.sock"
    place = str(spool) if spool else None
    made = Server(address, redis.url, token, place, orchestrator, failed.set_exception)
    await made.start()
    try:
        yield made, address
    finally:
        await made.stop()
        assert not failed.done(), failed.exception()
        failed.cancel()


@asynccontextmanager
async def consumer(
    redis: RedisServer, folder: Path, name: str = "c", token: str | None = None
) -> AsyncIterator[tuple[Consumer, str]]:
    """Run a consumer; give it and its address."""
    failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    address = f"unix:{folder}/{name}.sock"
    made = Consumer(address, redis.url, token, failed.set_exception)
    await made.start()
    try:
        yield made, address
    finally:
        await made.stop()
        assert not failed.done(), failed.exception()
        failed.cancel()
