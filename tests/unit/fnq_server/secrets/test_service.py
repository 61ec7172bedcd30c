"""What people say and ask of secrets, and what a deploy does with them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from fnq.v1 import (
    control_pb2,
    control_pb2_grpc,
    plans_pb2,
    plans_pb2_grpc,
    secrets_pb2,
    secrets_pb2_grpc,
    spec_pb2,
)
from fnq_core.presence import Presence, PresenceBoard
from fnq_core.rpc import channel
from fnq_server.orchestrator.seam import Placed, Provision
from tests.loop import eventually
from tests.redis import RedisServer, full
from tests.toy import service
from tests.toy.house import House
from tests.unit.fnq_core.streams import connected


class Giving(House):
    """A house whose workers are given secrets, and ready at once."""

    active = frozenset({"secrets"})

    def __init__(self) -> None:
        super().__init__()
        self.board: PresenceBoard | None = None

    async def ensure(
        self,
        namespace: str,
        version: str,
        spec: spec_pb2.FunctionSpec,
        provision: Provision,
        replicas: int,
    ) -> None:
        """Write it down, and have the worker say that it is ready."""
        await super().ensure(namespace, version, spec, provision, replicas)
        if self.board is not None:
            ready = Presence(namespace, spec.name, version, version, 0, 7, state="ready")
            await self.board.post(ready)


@asynccontextmanager
async def asking(
    server: RedisServer, folder: Path, house: House | None = None, *, key: bool = True
) -> AsyncIterator[tuple[Any, Any]]:
    """Give the stubs of a server's Secrets and Control; nothing of them is left."""
    running = service.server(
        server, folder, orchestrator=house, secret_key=folder / "key" if key else None
    )
    async with running as (_, address), channel(address) as link, connected(server) as client:
        if isinstance(house, Giving):
            house.board = PresenceBoard(client)
        yield secrets_pb2_grpc.SecretsStub(link), control_pb2_grpc.ControlStub(link)
    server.ask("FLUSHALL")


def setting(name: str, value: bytes = b"x", **more: str) -> secrets_pb2.SetSecretRequest:
    """Return the request that sets a secret."""
    return secrets_pb2.SetSecretRequest(source="env", name=name, values={name: value}, **more)


def deploying(*secrets: tuple[str, str], **local: bytes) -> control_pb2.DeployRequest:
    """Return the request that deploys two functions, the second with these secrets."""
    plain, asking = (
        spec_pb2.FunctionSpec(name=each, kind="function", bundle="abc") for each in "fg"
    )
    for source, name in secrets:
        asking.secrets.add(source=source, name=name)
    return control_pb2.DeployRequest(specs=[plain, asking], local_secrets=local)


async def deployed(
    server: RedisServer, control: Any, request: control_pb2.DeployRequest
) -> control_pb2.DeployEvent:
    """Return the last event of a deploy whose bundle is there."""
    server.ask("SET", "fnq:bundle:abc", b"x", "EX", 60)
    events = [event async for event in control.Deploy(request)]
    last: control_pb2.DeployEvent = events[-1]
    return last


async def refused(ask: Any, request: Any) -> tuple[grpc.StatusCode, str]:
    """Return how a question was refused."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await ask(request)
    return caught.value.code(), caught.value.details() or ""


async def test_a_secret_is_set_listed_and_deleted(server: RedisServer, tmp_path: Path) -> None:
    """In its namespace; one that is not there is named with those that are."""
    async with asking(server, tmp_path) as (secrets, _):
        for request in (setting("B"), setting("A"), setting("C", namespace="other")):
            await secrets.Set(request)
        listing = secrets_pb2.ListSecretsRequest(source="env")
        found = (await secrets.List(listing)).secrets
        assert [(each.name, list(each.variables)) for each in found] == [("A", ["A"]), ("B", ["B"])]
        deleting = secrets_pb2.DeleteSecretRequest(source="env", name="C")
        showing = secrets_pb2.ListSecretsRequest(source="env", name="C")
        for ask, unknown in ((secrets.Delete, deleting), (secrets.List, showing)):
            code, words = await refused(ask, unknown)
            assert code is grpc.StatusCode.NOT_FOUND
            assert words == "no secret 'C' in namespace 'default'; set there: A, B"
        await secrets.Delete(secrets_pb2.DeleteSecretRequest(source="env", name="A"))
        assert [each.name for each in (await secrets.List(listing)).secrets] == ["B"]


async def test_what_cannot_be_set_is_refused_with_what_was_expected(
    server: RedisServer, tmp_path: Path
) -> None:
    """A full Redis too, and a key that others may read."""
    async with asking(server, tmp_path) as (secrets, _):
        code, words = await refused(secrets.Set, setting("LD_PRELOAD"))
        assert (code, "it says how a worker" in words) == (grpc.StatusCode.INVALID_ARGUMENT, True)
        with full(server):
            code, words = await refused(secrets.Set, setting("A"))
        assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
        (tmp_path / "key").chmod(0o644)
        code, words = await refused(secrets.Set, setting("A"))
        assert (code, f"{tmp_path}/key can be used by others" in words) == (
            grpc.StatusCode.ABORTED,
            True,
        )


async def test_a_server_without_a_key_has_no_place_for_secrets(
    server: RedisServer, tmp_path: Path
) -> None:
    """Who sets one is told, and who deploys a function that names one."""
    words = "no place for secrets: this server was started without --secret-key FILE"
    async with asking(server, tmp_path, Giving(), key=False) as (secrets, control):
        assert await refused(secrets.Set, setting("A")) == (grpc.StatusCode.ABORTED, words)
        failure = (await deployed(server, control, deploying(("env", "A")))).failure
        assert (failure.function, failure.error, failure.message) == ("g", "DeployError", words)
        reply = (await deployed(server, control, deploying())).reply
        assert "secrets" not in reply.active


async def test_a_place_whose_workers_get_no_secrets_refuses_functions_that_name_some(
    server: RedisServer, tmp_path: Path
) -> None:
    """They would run without."""
    async with asking(server, tmp_path, House()) as (secrets, control):
        await secrets.Set(setting("A"))
        failure = (await deployed(server, control, deploying(("env", "A")))).failure
        assert failure.message.startswith("no place for secrets: workers that this server")


async def test_a_deploy_names_all_that_is_missing_and_nothing_is_recorded(
    server: RedisServer, tmp_path: Path
) -> None:
    """Each with what sets it."""
    wanted = deploying(("env", "A"), ("env", "B"), ("integration", "pg"), ("local_env", "L"))
    async with asking(server, tmp_path, Giving()) as (secrets, control):
        await secrets.Set(setting("B"))
        failure = (await deployed(server, control, wanted)).failure
        assert (failure.function, failure.error) == ("g", "DeployError")
        assert failure.message == (
            "the secret A is missing: fnq secret set A; "
            "the integration pg is missing: fnq integration set pg; "
            "the secret L of g is missing: deploy again where the environment has L"
        )
        assert server.names("*version*") == []
        assert server.names("*local-secrets*") == []


async def test_workers_are_given_what_is_set_when_they_start(
    server: RedisServer, tmp_path: Path
) -> None:
    """Of a deployer's environment only what is named counts; it stays, and can be renewed."""
    house = Giving()
    named = (("env", "A"), ("local_env", "L"), ("local_env", "A"))
    async with asking(server, tmp_path, house) as (secrets, control):
        await secrets.Set(setting("A", b"1"))
        reply = (await deployed(server, control, deploying(*named, L=b"l", A=b"2", M=b"m"))).reply
        assert "secrets" in reply.active
        version = reply.versions[1].id
        assert house.provisions[version].secrets == {"L": "l", "A": "2"}
        assert "l'" not in repr(house.provisions[version])
        house.placed = [Placed("default", "g", version, 0, "running")]
        again = (await deployed(server, control, deploying(*named, A=b"3"))).reply
        assert [each.id for each in again.versions] == [each.id for each in reply.versions]
        kept = "has another value than before: workers that run keep the one that they started with"
        assert list(again.warnings) == [f"g: A {kept}"]
        assert house.provisions[version].secrets == {"L": "l", "A": "3"}


async def test_a_worker_waits_for_a_secret_that_is_gone_and_says_so(
    server: RedisServer, tmp_path: Path
) -> None:
    """It is asked for within seconds after the secret is set again."""
    house = Giving()
    async with asking(server, tmp_path, house) as (secrets, control):
        await secrets.Set(setting("A"))
        reply = (await deployed(server, control, deploying(("env", "A")))).reply
        await secrets.Delete(secrets_pb2.DeleteSecretRequest(source="env", name="A"))
        version = reply.versions[1].id
        # Its worker is gone since.
        house.provisions.clear()
        server.ask("DEL", *server.names("*worker*"))
        watch = control.WaitReady(control_pb2.WaitReadyRequest(version=version))
        said = ""
        while "missing" not in said:
            said = (await watch.read()).reason
        assert said == "the secret A is missing: fnq secret set A"
        assert version not in house.provisions
        await secrets.Set(setting("A"))
        await eventually(lambda: version in house.provisions)
        watch.cancel()


async def test_a_value_that_is_no_text_is_refused_at_the_deploy(
    server: RedisServer, tmp_path: Path
) -> None:
    """And so is more than an environment can hold; neither is shown."""
    async with asking(server, tmp_path, Giving()) as (_, control):
        for value, words in (
            (b"hunter2\xff", "the value of L is no text in UTF-8"),
            (b"hunter2" * 20_000, "its secrets take 140001 bytes together"),
        ):
            wanted = deploying(("local_env", "L"), L=value)
            failure = (await deployed(server, control, wanted)).failure
            assert (failure.function, failure.error) == ("g", "DeployError")
            assert words in failure.message
            assert "hunter2" not in failure.message


async def test_a_plan_names_what_a_deploy_would_fail_for(
    server: RedisServer, tmp_path: Path
) -> None:
    """But what the deployer's environment has is not there yet."""
    house, key = Giving(), tmp_path / "key"
    running = service.server(server, tmp_path, orchestrator=house, secret_key=key)
    async with running as (_, address), channel(address) as link:
        plans: Any = plans_pb2_grpc.PlansStub(link)
        specs = deploying(("env", "A"), ("local_env", "L"), ("integration", "pg")).specs
        reply = await plans.Plan(plans_pb2.PlanRequest(specs=specs))
        assert [list(each.lacks) for each in reply.versions] == [
            [],
            [
                "the secret A is missing: fnq secret set A",
                "the integration pg is missing: fnq integration set pg",
            ],
        ]


async def test_a_key_that_is_gone_is_told_at_the_deploy(
    server: RedisServer, tmp_path: Path
) -> None:
    """With the name of its file."""
    async with asking(server, tmp_path, Giving()) as (secrets, control):
        await secrets.Set(setting("A"))
        (tmp_path / "key").unlink()
        failure = (await deployed(server, control, deploying(("env", "A")))).failure
        assert f"another key than that in {tmp_path}/key" in failure.message
