"""Versions that are current without a deploy."""

from __future__ import annotations

from redis.asyncio import Redis

from fnq.v1 import spec_pb2
from fnq_core.registry import Registry, Version
from fnq_core.releases import Releases

__all__ = ["release"]


async def release(
    client: Redis, namespace: str, version: str, spec: spec_pb2.FunctionSpec, now_ms: int = 1
) -> Version:
    """Record a version, make it current, alone in its set, and return it."""
    releases = Releases(client)
    assert await releases.record(namespace, {version: spec}, now_ms) == []
    assert await releases.go_live(namespace, {spec.name: version}, now_ms)
    found = await Registry(client).version(namespace, version)
    assert found is not None
    return found
