"""Functions, their versions and bundles."""

from __future__ import annotations

import asyncio

from fnq.v1 import spec_pb2
from fnq_core import keys
from fnq_core.calls import CallStreams
from fnq_core.registry import BUNDLE_TTL_S, Registry
from fnq_core.releases import Releases
from tests.redis import RedisServer
from tests.toy.releases import release
from tests.unit.fnq_core.streams import connected


def _spec(name: str = "f", module: str = "", bundle: str = "") -> spec_pb2.FunctionSpec:
    return spec_pb2.FunctionSpec(name=name, kind="function", module=module, bundle=bundle)


async def test_versions_are_numbered_from_one(server: RedisServer) -> None:
    """Within a function; recording one again gives the number that it has."""
    async with connected(server) as client:
        registry = Registry(client)
        numbers = [
            (await release(client, "default", version, _spec(name), 5)).number
            for version, name in (("a1", "f"), ("a2", "f"), ("b1", "g"), ("a1", "f"))
        ]
        assert numbers == [1, 2, 1, 1]
        assert await registry.names("default") == ["f", "g"]
        assert await registry.namespaces() == ["default"]


async def test_deploying_old_source_again_makes_it_current(server: RedisServer) -> None:
    """Without a new version, and as it was when it was recorded first."""
    async with connected(server) as client:
        registry = Registry(client)
        await release(client, "default", "a1", _spec(module="old"), 5)
        await release(client, "default", "a2", _spec(module="new"), 6)
        again = await release(client, "default", "a1", _spec(module="other"), 7)
        assert (again.number, again.created_ms, again.spec.module) == (1, 5, "old")
        current = await registry.find("default", "f")
        assert current == again
        second = await registry.find("default", "f", 2)
        assert second is not None
        assert second.id == "a2"


async def test_deploys_at_once_give_each_version_a_number(server: RedisServer) -> None:
    """None twice, none left out."""
    async with connected(server) as client:
        made = await asyncio.gather(
            *[release(client, "default", f"v{number % 5}", _spec()) for number in range(20)]
        )
        assert {each.number for each in made} == {1, 2, 3, 4, 5}
        assert len({(each.id, each.number) for each in made}) == 5


async def test_what_is_not_there_is_none(server: RedisServer) -> None:
    """Unknown names, numbers, versions and bundles; nothing is made by asking."""
    async with connected(server) as client:
        registry = Registry(client)
        assert await registry.version("default", "nope") is None
        assert await registry.find("default", "nope") is None
        assert await registry.find("default", "nope", 3) is None
        assert await registry.bundle("nope") is None
        assert await registry.mates("default", 5) == []
        assert await registry.names("default") == []
        assert server.names() == []


async def test_namespaces_do_not_see_each_other(server: RedisServer) -> None:
    """Functions of the same name are different ones."""
    async with connected(server) as client:
        registry = Registry(client)
        await release(client, "one", "a1", _spec(), 1)
        await release(client, "two", "b1", _spec(), 1)
        found = await registry.find("one", "f")
        assert found is not None
        assert found.id == "a1"
        assert await registry.version("one", "b1") is None
        assert await registry.namespaces() == ["one", "two"]


async def test_functions_are_listed_with_their_versions(server: RedisServer) -> None:
    """In order of their names, and of the namespaces asked for; in two round trips."""
    async with connected(server) as client:
        registry = Registry(client)
        for version, name in (("b1", "g"), ("a1", "f"), ("a2", "f")):
            await release(client, "one", version, _spec(name), 1)
        await release(client, "two", "c1", _spec("f"), 1)
        before = server.reads()
        found = await registry.functions(["two", "one", "none"])
        assert server.reads() - before <= 3
        assert [(each.namespace, each.name, each.current) for each in found] == [
            ("two", "f", "c1"),
            ("one", "f", "a2"),
            ("one", "g", "b1"),
        ]
        assert sorted(found[1].versions) == ["a1", "a2"]


async def test_versions_are_fetched_together(server: RedisServer) -> None:
    """One that is not there is None in its place."""
    async with connected(server) as client:
        registry = Registry(client)
        made = [await release(client, "default", each, _spec(), 1) for each in ("a1", "a2")]
        wanted = [("default", "a2"), ("default", "nope"), ("other", "a1"), ("default", "a1")]
        assert await registry.versions(wanted) == [made[1], None, None, made[0]]


async def test_a_version_has_a_stream_for_its_calls(server: RedisServer) -> None:
    """With the group, so that a consumer can wait there before the first call."""
    async with connected(server) as client:
        await release(client, "default", "a1", _spec())
        assert await CallStreams(client).depths("default", "a1") == [0]
        [group] = server.ask("XINFO", "GROUPS", keys.call_stream("default", "a1", 0))
        assert group[1] == keys.GROUP.encode()


async def test_sets_that_share_a_version_are_kept_apart(server: RedisServer) -> None:
    """Each has its id, the same for the same versions; a version knows the latest one."""
    async with connected(server) as client:
        registry = Registry(client)
        for version, name in (("a1", "f"), ("b1", "g"), ("b2", "g")):
            await release(client, "default", version, _spec(name), 1)
        sets = [{"f": "a1", "g": "b1"}, {"f": "a1", "g": "b2"}]
        one, two = [await Releases(client).go_live("default", each, 1) for each in sets]
        for members, identity in zip(sets, (one, two), strict=True):
            found = await registry.mates("default", identity)
            assert {each.spec.name: each.id for each in found} == members
        assert await registry.mates("other", one) == []

        async def latest() -> list[int]:
            wanted = [("default", each) for each in ("a1", "b1", "b2")]
            return [each.set for each in await registry.versions(wanted) if each is not None]

        assert await latest() == [two, one, two]
        assert await Releases(client).go_live("default", sets[0], 1) == one
        assert await latest() == [one, one, two]


async def test_a_bundle_without_a_version_goes_by_itself(server: RedisServer) -> None:
    """Its deploy was broken off; asking for it gives it its time again, a version all time."""
    key = keys.bundle("aa")
    async with connected(server) as client:
        registry = Registry(client)
        await registry.put_bundle("aa", b"zip")
        assert 0 < server.ask("TTL", key) <= BUNDLE_TTL_S
        server.ask("EXPIRE", key, 5)
        assert await registry.missing_bundles(["aa"]) == []
        assert server.ask("TTL", key) > 5
        for _ in range(2):
            await release(client, "default", "a1", _spec(bundle="aa"), 1)
            assert await registry.missing_bundles(["aa"]) == []
            await registry.put_bundle("aa", b"zip")
            assert server.ask("TTL", key) == -1


async def test_bundles_are_stored_by_their_hash(server: RedisServer) -> None:
    """Those that are missing are named once, in order."""
    async with connected(server) as client:
        registry = Registry(client)
        await registry.put_bundle("aa", b"zip")
        assert await registry.missing_bundles(["bb", "aa", "cc", "bb"]) == ["bb", "cc"]
        assert await registry.bundle("aa") == b"zip"
