"""The sets in which a worker's nested calls resolve."""

from __future__ import annotations

from fnq.v1 import spec_pb2
from fnq_core.registry import Registry
from fnq_worker.mates import Mates
from tests.redis import RedisServer
from tests.toy.releases import release
from tests.unit.fnq_core.streams import connected


async def test_a_set_is_looked_up_once(server: RedisServer) -> None:
    """One that nobody knows is empty, and asked for again."""
    async with connected(server) as client:
        registry = Registry(client)
        spec = spec_pb2.FunctionSpec(name="f", kind="generator")
        spec.retry.attempts = 1
        made = await release(client, "default", "a1", spec)
        mates = Mates(registry, "default")
        assert await mates.of(9) == {}
        members = made.set
        known = {
            "version": "a1",
            "kind": "generator",
            "number": 1,
            "repeatable": True,
            "divergent": False,
            "single": True,
            "batch": 0,
        }
        assert await mates.of(members) == {"f": known}
        server.spent()
        assert await mates.of(members) == {"f": known}
        assert server.spent() == {}
        assert await Mates(registry, "other").of(members) == {}
