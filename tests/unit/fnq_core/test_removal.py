"""The end of functions."""

from __future__ import annotations

from fnq.v1 import spec_pb2
from fnq_core import keys
from fnq_core.logs import LogStreams
from fnq_core.presence import Presence, PresenceBoard
from fnq_core.registry import Registry
from fnq_core.releases import Releases
from fnq_core.removal import Removal
from tests.redis import RedisServer
from tests.toy.releases import release
from tests.unit.fnq_core.streams import connected


def _spec(name: str = "f", bundle: str = "") -> spec_pb2.FunctionSpec:
    return spec_pb2.FunctionSpec(name=name, kind="function", bundle=bundle)


async def test_a_deleted_function_is_found_by_no_name(server: RedisServer) -> None:
    """The records of its versions stay until they are let go; nothing is left then."""
    async with connected(server) as client:
        registry, removal = Registry(client), Removal(client)
        await registry.put_bundle("aa", b"zip")
        made = [await release(client, "default", each, _spec("f", "aa")) for each in ("a1", "a2")]
        await LogStreams(client).append("default", "f", [(b"", "stdout", "words")])
        await PresenceBoard(client).post(Presence("default", "f", "a1", "x", 0, 7))
        await PresenceBoard(client).withdraw(Presence("default", "f", "a1", "x", 0, 7))
        assert sorted(await removal.delete("default", "f")) == ["a1", "a2"]
        assert await removal.delete("default", "f") == []
        assert await registry.find("default", "f") is None
        assert await registry.functions(["default"]) == []
        assert await registry.namespaces() == []
        left = await removal.deleted()
        assert sorted(each[:2] for each in left) == [("default", "a1"), ("default", "a2")]
        assert all(0 <= each.age_s < 60 for each in left)
        for each in made:
            assert server.names(keys.bundle("*")) == [keys.bundle("aa")]
            assert await removal.purge("default", each)
        assert server.names("*") == [keys.REVISION]


async def test_what_other_versions_need_stays(server: RedisServer) -> None:
    """Bundles, and their part of a set."""
    async with connected(server) as client:
        registry, releases, removal = Registry(client), Releases(client), Removal(client)
        await registry.put_bundle("aa", b"zip")
        specs = {"a1": _spec("f", "aa"), "b1": _spec("g", "aa")}
        await releases.record("default", specs, 1)
        members = await releases.go_live("default", {"f": "a1", "g": "b1"}, 1)
        version = await registry.version("default", "a1")
        assert version is not None
        await removal.delete("default", "f")
        assert await removal.purge("default", version)
        assert await registry.bundle("aa") == b"zip"
        assert [each.id for each in await registry.mates("default", members)] == ["b1"]
        assert await registry.names("default") == ["g"]


async def test_a_version_with_calls_does_not_go(server: RedisServer) -> None:
    """Neither with those that wait nor with those that somebody holds."""
    stream = keys.call_stream("default", "a1", 0)
    async with connected(server) as client:
        removal = Removal(client)
        version = await release(client, "default", "a1", _spec())
        await removal.delete("default", "f")
        entry = server.ask("XADD", stream, "*", "e", "call")
        assert not await removal.purge("default", version)
        server.ask("XREADGROUP", "GROUP", keys.GROUP, "c", "STREAMS", stream, ">")
        server.ask("XDEL", stream, entry)
        assert not await removal.purge("default", version)
        server.ask("XACK", stream, keys.GROUP, entry)
        assert await removal.purge("default", version)


async def test_what_is_deployed_again_before_it_is_gone_stays(server: RedisServer) -> None:
    """As a new version, numbered from one."""
    async with connected(server) as client:
        registry, removal = Registry(client), Removal(client)
        for each in ("a1", "a2"):
            await release(client, "default", each, _spec())
        await removal.delete("default", "f")
        old = await registry.version("default", "a2")
        assert old is not None
        assert old.deleted
        assert not await Releases(client).go_live("default", {"f": "a2"}, 1)
        again = await release(client, "default", "a2", _spec(), 9)
        assert (again.number, again.created_ms, again.deleted) == (1, 9, False)
        assert not await removal.purge("default", again)
        assert [each.version for each in await removal.deleted()] == ["a1"]
        assert await registry.find("default", "f") == again
