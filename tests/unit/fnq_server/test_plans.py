"""What a server says that a deploy would change."""

from __future__ import annotations

from pathlib import Path

import grpc
import grpc.aio
import pytest

from fnq.v1 import control_pb2, control_pb2_grpc, plans_pb2, plans_pb2_grpc, spec_pb2
from fnq_core.presence import PresenceBoard
from fnq_core.registry import Registry, Version
from fnq_core.rpc import channel
from fnq_server.mounting import Mounting
from fnq_server.plans import Plans
from fnq_server.provisions import Provisions
from fnq_server.volume.folders import VolumeFolders
from fnq_wire.error import ImageBuildError, StackError, UnschedulableError
from fnq_wire.version import version_id
from tests.redis import RedisServer
from tests.toy import service
from tests.toy.house import House
from tests.toy.secrets import NO_SECRETS
from tests.unit.fnq_core.streams import connected

SPACE, BUNDLE = "planned", "a-bundle-of-plans"


class Builder:
    """Has built nothing."""

    active = frozenset({"image"})

    async def built(self, steps: object, options: object) -> str | None:
        """Return no image."""
        return None

    async def remarks(self, steps: object, options: object) -> list[str]:
        """Return nothing to be told."""
        return []

    async def tidy(self, images: object) -> None:
        """Let nothing go."""

    async def build(self, steps: object, options: object, say: object) -> str:
        """Fail: nothing may be built."""
        raise AssertionError("a plan builds nothing")


def spec(cpu_millis: int = 0) -> spec_pb2.FunctionSpec:
    """Return a function that no other test has."""
    given = spec_pb2.Resources(cpu_millis=cpu_millis)
    return spec_pb2.FunctionSpec(name="planned", kind="function", resources=given, bundle=BUNDLE)


async def test_a_plan_says_what_there_is_and_what_would_be(
    server: RedisServer, tmp_path: Path
) -> None:
    """New, changed, the same and current again; the number counts on."""
    async with service.server(server, tmp_path) as (_, address), channel(address) as link:
        plans, control = plans_pb2_grpc.PlansStub(link), control_pb2_grpc.ControlStub(link)

        async def planned(cpu_millis: int = 0) -> tuple[bool, int, int]:
            request = plans_pb2.PlanRequest(namespace=SPACE, specs=[spec(cpu_millis)])
            [found] = (await plans.Plan(request)).versions
            assert found.id == version_id(spec(cpu_millis))
            return found.known, found.number, found.current_number

        async def deploy(cpu_millis: int = 0) -> None:
            request = control_pb2.DeployRequest(namespace=SPACE, specs=[spec(cpu_millis)])
            events = [event async for event in control.Deploy(request)]
            assert events[-1].reply.versions, events

        assert await planned() == (False, 1, 0)
        await deploy()
        assert await planned() == (True, 1, 1)
        assert await planned(500) == (False, 2, 1)
        await deploy(500)
        assert await planned() == (True, 1, 2)
        request = plans_pb2.PlanRequest(namespace=SPACE, specs=[spec()])
        [found] = (await plans.Plan(request)).versions
        assert found.current.resources.cpu_millis == 500


async def test_what_the_deploy_would_make_first_is_named_and_not_made(
    server: RedisServer, tmp_path: Path
) -> None:
    """The job says that it is to be, and what else the orchestrator would be given."""
    async with connected(server) as client:
        registry = Registry(client)
        store = VolumeFolders(str(tmp_path), ())
        store.make(SPACE, "old")
        mounting = Mounting(store, registry, PresenceBoard(client))
        plans = Plans(registry, Provisions(Builder(), NO_SECRETS), mounting, House())
        wanted = spec()
        wanted.image.add(verb="pip", arguments=["cowsay"])
        for name, path in (("old", "/old"), ("new", "/new"), ("new", "/again")):
            wanted.volumes.add(volume=name, path=path)
        request = plans_pb2.PlanRequest(namespace=SPACE, specs=[wanted])
        [found] = (await plans.Plan(request, None)).versions  # type: ignore[arg-type]
        assert list(found.lacks) == [
            "its image is not built yet: the deploy builds it",
            "its volume 'new' is not there yet: the deploy makes it, empty",
        ]
        assert store.names(SPACE) == ["old"]
        assert found.job == f"1 of {SPACE}/planned {found.id} in 'to be built'"
        assert [(each.name, each.text) for each in found.files] == [("planned.txt", found.job)]
        assert list(found.forecast) == ["all is well"]


async def test_a_plan_of_what_may_not_be_asked_for_says_so(
    server: RedisServer, tmp_path: Path
) -> None:
    """With the words of the deploy that would fail; nothing would be submitted."""
    async with connected(server) as client:
        registry, house = Registry(client), House()
        house.bar = UnschedulableError("it asks for too much")
        mounting = Mounting(None, registry, PresenceBoard(client))
        plans = Plans(registry, Provisions(Builder(), NO_SECRETS), mounting, house)
        request = plans_pb2.PlanRequest(namespace=SPACE, specs=[spec()])
        [found] = (await plans.Plan(request, None)).versions  # type: ignore[arg-type]
        assert list(found.lacks) == ["the deploy will fail: it asks for too much"]
        assert (found.job, list(found.files)) == ("", [])


async def test_a_plan_with_an_image_that_never_can_be_built_says_so(
    server: RedisServer,
) -> None:
    """Once; there is nothing that would be submitted."""
    async with connected(server) as client:
        registry, builder = Registry(client), Builder()

        async def built(steps: object, options: object) -> str | None:
            raise ImageBuildError("no such step")

        builder.built = built  # type: ignore[method-assign]
        mounting = Mounting(None, registry, PresenceBoard(client))
        plans = Plans(registry, Provisions(builder, NO_SECRETS), mounting, House())
        wanted = spec()
        wanted.image.add(verb="pip", arguments=["cowsay"])
        request = plans_pb2.PlanRequest(namespace=SPACE, specs=[wanted])
        [found] = (await plans.Plan(request, None)).versions  # type: ignore[arg-type]
        assert list(found.lacks) == ["its image cannot be built: no such step"]
        assert (found.job, list(found.files)) == ("", [])


async def test_a_deploy_of_what_may_not_be_asked_for_fails_with_the_same_words(
    server: RedisServer, tmp_path: Path
) -> None:
    """Before anything is built or started; the function is named."""
    house = House()
    house.bar = UnschedulableError("it asks for too much", function="planned")
    async with (
        service.server(server, tmp_path, orchestrator=house) as (_, address),
        channel(address) as link,
    ):
        control = control_pb2_grpc.ControlStub(link)
        # More replicas than there can be anywhere: what is not admitted comes first.
        wanted = spec()
        wanted.min_replicas = house.most_replicas + 1
        request = control_pb2.DeployRequest(namespace=SPACE, specs=[wanted])
        *_, last = [event async for event in control.Deploy(request)]
        failure = last.failure
        assert (failure.function, failure.error) == ("planned", "UnschedulableError")
        assert failure.message == "it asks for too much"
    assert house.asked == []


async def test_a_plan_that_cannot_be_made_now_says_why(server: RedisServer, tmp_path: Path) -> None:
    """As where no engine answers: to whoever plans, not as a fault of the server."""
    async with connected(server) as client:
        registry, builder = Registry(client), Builder()
        mounting = Mounting(None, registry, PresenceBoard(client))
        plans = Plans(registry, Provisions(builder, NO_SECRETS), mounting, None)

        async def built(steps: object, options: object) -> str | None:
            raise StackError("no Docker engine answers")

        builder.built = built  # type: ignore[method-assign]
        listener = grpc.aio.server()
        plans_pb2_grpc.add_PlansServicer_to_server(plans, listener)
        listener.add_insecure_port(f"unix:{tmp_path}/s")
        await listener.start()
        wanted = spec()
        wanted.image.add(verb="pip", arguments=["cowsay"])
        request = plans_pb2.PlanRequest(namespace=SPACE, specs=[wanted])
        async with channel(f"unix:{tmp_path}/s") as link:
            with pytest.raises(grpc.aio.AioRpcError, match="no Docker engine answers") as caught:
                await plans_pb2_grpc.PlansStub(link).Plan(request)
        assert caught.value.code() is grpc.StatusCode.ABORTED
        await listener.stop(0)


async def test_a_server_without_a_builder_lacks_nothing() -> None:
    """There an image has no effect."""
    wanted = spec()
    wanted.image.add(verb="pip", arguments=["cowsay"])
    version = Version("v" * 32, 1, wanted, created_ms=0)
    assert await Provisions(None, NO_SECRETS).lacks(SPACE, version) == []


@pytest.fixture(autouse=True)
def nothing_left(server: RedisServer) -> None:
    """Each test begins without the functions of another."""
    for key in server.ask("KEYS", f"fnq:*{SPACE}*"):
        server.ask("DEL", key)
    server.ask("SET", f"fnq:bundle:{BUNDLE}", b"x", "EX", 60)
