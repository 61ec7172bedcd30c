"""Versions on their way from a deploy to being current, and back."""

from __future__ import annotations

from fnq.v1 import spec_pb2
from fnq_core import keys
from fnq_core.calls import CallStreams
from fnq_core.registry import Registry, Version
from fnq_core.releases import Releases
from fnq_wire.version import set_id
from tests.redis import RedisServer
from tests.toy.releases import release
from tests.unit.fnq_core.streams import connected


def _spec(name: str = "f", bundle: str = "") -> spec_pb2.FunctionSpec:
    return spec_pb2.FunctionSpec(name=name, kind="function", bundle=bundle)


async def _version(registry: Registry, identity: str) -> Version:
    found = await registry.version("default", identity)
    assert found is not None
    return found


async def test_what_is_recorded_is_not_current(server: RedisServer) -> None:
    """It has its number and its set, and nobody finds it by name or number."""
    async with connected(server) as client:
        registry, releases = Registry(client), Releases(client)
        specs = {"a1": _spec("f"), "b1": _spec("g")}
        for _ in range(2):
            assert await releases.record("default", specs, 5) == []
        found = await _version(registry, "a1")
        assert (found.number, found.created_ms, found.live) == (1, 5, False)
        assert found.set == set_id({"f": "a1", "g": "b1"})
        assert [each.id for each in await registry.mates("default", found.set)] == ["a1", "b1"]
        assert await registry.find("default", "f") is None
        assert await registry.find("default", "f", 1) is None
        functions = await registry.functions(["default"])
        assert [(each.name, each.current, each.versions) for each in functions] == [
            ("f", "", ["a1"]),
            ("g", "", ["b1"]),
        ]


async def test_what_is_recorded_has_its_stream_of_calls(server: RedisServer) -> None:
    """A consumer that waits there has the first call at once when it comes."""
    async with connected(server) as client:
        specs = {"a1": _spec("f"), "b1": _spec("g")}
        for _ in range(2):
            await Releases(client).record("default", specs, 5)
        for version in specs:
            assert await CallStreams(client).depths("default", version) == [0]
            [group] = server.ask("XINFO", "GROUPS", keys.call_stream("default", version, 0))
            assert group[1] == keys.GROUP.encode()


async def test_a_set_goes_live_as_one(server: RedisServer) -> None:
    """All of it, or nothing where one version is not recorded."""
    async with connected(server) as client:
        registry, releases = Registry(client), Releases(client)
        await releases.record("default", {"a1": _spec("f"), "b1": _spec("g")}, 5)
        assert await releases.go_live("default", {"f": "a1", "g": "nope"}, 6) == 0
        assert await releases.current("default", ["f", "g", "h"]) == ["", "", ""]
        members = {"f": "a1", "g": "b1"}
        for _ in range(2):
            assert await releases.go_live("default", members, 6) == set_id(members)
        assert await releases.current("default", ["f", "g"]) == ["a1", "b1"]
        assert (await _version(registry, "b1")).live
        assert await registry.find("default", "g", 1) == await registry.find("default", "g")


async def test_a_bundle_that_is_gone_is_named_and_nothing_recorded(server: RedisServer) -> None:
    """Each once; with it the version is recorded, and the bundle stays."""
    async with connected(server) as client:
        registry, releases = Registry(client), Releases(client)
        specs = {"a1": _spec("f", "aa"), "b1": _spec("g", "aa")}
        assert await releases.record("default", specs, 5) == ["aa"]
        assert server.names("*") == []
        await registry.put_bundle("aa", b"zip")
        assert await releases.record("default", specs, 5) == []
        assert server.ask("TTL", keys.bundle("aa")) == -1


async def test_what_was_live_once_becomes_current_again(server: RedisServer) -> None:
    """What never was does not, nor what is not there."""
    async with connected(server) as client:
        registry, releases = Registry(client), Releases(client)
        for version in ("a1", "a2"):
            await release(client, "default", version, _spec())
        await releases.record("default", {"a3": _spec()}, 1)
        assert await releases.roll_back("default", "f", "a1")
        found = await registry.find("default", "f")
        assert found is not None
        assert found.id == "a1"
        for version in ("a3", "nope"):
            assert not await releases.roll_back("default", "f", version)
        assert await releases.current("default", ["f"]) == ["a1"]


async def test_why_a_version_could_not_go_live_is_kept_until_it_does(server: RedisServer) -> None:
    """One that is live by then has no failure, nor one that is not there a record."""
    async with connected(server) as client:
        registry, releases = Registry(client), Releases(client)
        await releases.record("default", {"a1": _spec()}, 1)
        await releases.fail("default", "a1", "no such module")
        assert (await _version(registry, "a1")).failure == "no such module"
        await releases.go_live("default", {"f": "a1"}, 2)
        await releases.fail("default", "a1", "too late")
        assert (await _version(registry, "a1")).failure == ""
        await releases.fail("default", "nope", "no such module")
        assert await registry.version("default", "nope") is None
