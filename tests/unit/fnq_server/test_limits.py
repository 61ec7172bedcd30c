"""What people ask and say of limits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from fnq.v1 import control_pb2, control_pb2_grpc, limits_pb2, limits_pb2_grpc, spec_pb2
from fnq_core.permits import PermitDesk, Waiter, permit
from fnq_core.results import Mailboxes
from fnq_core.rpc import channel
from tests.redis import RedisServer, full
from tests.toy import service
from tests.unit.fnq_core.streams import connected

CALL = b"call".ljust(16, b".")


@asynccontextmanager
async def asking(server: RedisServer, folder: Path) -> AsyncIterator[tuple[Any, Any]]:
    """Give the stubs of a server's Limits and Control; no policy is left."""
    async with service.server(server, folder) as (_, address), channel(address) as link:
        yield limits_pb2_grpc.LimitsStub(link), control_pb2_grpc.ControlStub(link)
    server.ask("DEL", "fnq:{default}:limits")


def wanted(limit: str = "api", **policy: Any) -> limits_pb2.SetLimitRequest:
    """Return the request for a policy."""
    given = limits_pb2.LimitPolicy(**policy)
    return limits_pb2.SetLimitRequest(limit=limit, policy=given)


async def test_a_policy_is_set_changed_listed_and_deleted(
    server: RedisServer, tmp_path: Path
) -> None:
    """In its namespace; the last one counts."""
    async with asking(server, tmp_path) as (limits, _):
        await limits.Set(wanted("b", max_concurrency=3))
        await limits.Set(wanted("a", rate=2.5, per_s=60, burst=4))
        await limits.Set(wanted("b", max_concurrency=8))
        found = (await limits.List(limits_pb2.ListLimitsRequest())).limits
        assert [(each.limit, each.policy.max_concurrency) for each in found] == [("a", 0), ("b", 8)]
        rate = found[0].policy
        assert (rate.rate, rate.per_s, rate.burst) == (2.5, 60, 4)
        other = limits_pb2.ListLimitsRequest(namespace="other")
        assert list((await limits.List(other)).limits) == []
        await limits.Delete(limits_pb2.DeleteLimitRequest(limit="b"))
        found = (await limits.List(limits_pb2.ListLimitsRequest())).limits
        assert [each.limit for each in found] == ["a"]


async def test_one_limit_is_shown_with_those_who_wait(server: RedisServer, tmp_path: Path) -> None:
    """In the order in which they get their permits."""
    async with asking(server, tmp_path) as (limits, _), connected(server) as client:
        await limits.Set(wanted(max_concurrency=1))
        await Mailboxes(client).open("fnq:control:c1")
        desk = PermitDesk(client, "default", "api", "c1")
        joined = [Waiter(permit(CALL, epoch), f"{epoch}-0") for epoch in (1, 2)]
        await desk.turn(joined=joined, waits=True)
        [found] = (await limits.List(limits_pb2.ListLimitsRequest(limit="api"))).limits
        assert (found.held, found.waiting, list(found.calls)) == (1, 1, [CALL])


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (wanted(), "a limit needs a cap, a rate, or both"),
        (wanted("", max_concurrency=1), "expected at most 128 letters, digits"),
        (wanted("x" * 129, max_concurrency=1), "expected at most 128 letters, digits"),
        (wanted(rate=1.0, per_s=5), "not for 5"),
    ],
)
async def test_a_policy_that_cannot_be_is_refused(
    server: RedisServer, tmp_path: Path, asked: limits_pb2.SetLimitRequest, words: str
) -> None:
    """The error says what was expected."""
    async with asking(server, tmp_path) as (limits, _):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await limits.Set(asked)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert words in (caught.value.details() or "")


async def test_a_limit_that_is_not_there_is_named_with_those_that_are(
    server: RedisServer, tmp_path: Path
) -> None:
    """Both where it is shown and where it is deleted."""
    async with asking(server, tmp_path) as (limits, _):
        await limits.Set(wanted("there", max_concurrency=1))
        for ask, request in (
            (limits.List, limits_pb2.ListLimitsRequest(limit="gone")),
            (limits.Delete, limits_pb2.DeleteLimitRequest(limit="gone")),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await ask(request)
            assert caught.value.code() is grpc.StatusCode.NOT_FOUND
            assert "no limit 'gone'" in (caught.value.details() or "")
            assert "set there: there" in (caught.value.details() or "")


async def test_a_full_redis_takes_no_policy_and_says_so(
    server: RedisServer, tmp_path: Path
) -> None:
    """With the remedy."""
    async with asking(server, tmp_path) as (limits, _):
        with full(server), pytest.raises(grpc.aio.AioRpcError) as caught:
            await limits.Set(wanted(max_concurrency=1))
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_deploy_names_the_limits_without_a_policy(
    server: RedisServer, tmp_path: Path
) -> None:
    """And the status says what there is of a function's limit."""
    async with asking(server, tmp_path) as (limits, control):
        server.ask("SET", "fnq:bundle:abc", b"x", "EX", 60)
        specs = [
            spec_pb2.FunctionSpec(name=name, kind="function", bundle="abc", rate_limit_key=limit)
            for name, limit in (("f", "set"), ("g", "missing"), ("h", ""))
        ]
        await limits.Set(wanted("set", max_concurrency=2))
        request = control_pb2.DeployRequest(specs=specs)
        [reply] = [event.reply async for event in control.Deploy(request)]
        assert list(reply.missing_limits) == ["missing"]
        status = await control.Status(control_pb2.StatusRequest())
        assert [each.limit for each in status.functions] == [
            "set: 2 at once; 0 run, 0 wait",
            "missing: no policy, nothing is limited",
            "",
        ]
