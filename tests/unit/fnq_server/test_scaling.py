"""What people may set of replicas."""

from __future__ import annotations

from pathlib import Path

import grpc
import grpc.aio
import pytest

from fnq.v1 import scaling_pb2, scaling_pb2_grpc
from fnq_core.rpc import channel
from fnq_wire.error import StackError, UnschedulableError
from tests.redis import RedisServer
from tests.toy import service
from tests.toy.house import House


async def test_more_workers_than_there_may_be_cannot_be_set(
    server: RedisServer, tmp_path: Path
) -> None:
    """Whoever asks for them is told how many there may be; what was set stays."""
    house = House()
    await service.deploy(server, "a1")
    async with (
        service.server(server, tmp_path, orchestrator=house) as (_, address),
        channel(address) as link,
    ):
        scaling = scaling_pb2_grpc.ScalingStub(link)
        most = house.most_replicas
        await scaling.Set(scaling_pb2.SetScalingRequest(function="f", min_replicas=most))
        with pytest.raises(grpc.aio.AioRpcError) as told:
            await scaling.Set(scaling_pb2.SetScalingRequest(function="f", min_replicas=most + 1))
        assert told.value.details() == "--min: 257 workers are asked for, 256 can run here at most"
        found = await scaling.Show(scaling_pb2.ShowScalingRequest(function="f"))
        assert found.min_replicas == most


async def test_what_is_set_is_bounded_as_a_deploy_is(server: RedisServer, tmp_path: Path) -> None:
    """By the operator, whose words are told; only what is asked for counts."""
    house = House()
    await service.deploy(server, "a1", max_replicas=2)
    async with (
        service.server(server, tmp_path, orchestrator=house) as (_, address),
        channel(address) as link,
    ):
        scaling = scaling_pb2_grpc.ScalingStub(link)
        house.bar = UnschedulableError("it asks for max_replicas=10, and the bound is 3")
        with pytest.raises(grpc.aio.AioRpcError) as told:
            await scaling.Set(scaling_pb2.SetScalingRequest(function="f", max_replicas=10))
        assert told.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert told.value.details() == "f: it asks for max_replicas=10, and the bound is 3"
        assert [(each.min_replicas, each.max_replicas) for each in house.admitted] == [(0, 10)]
        house.bar = StackError("what functions may ask for is not known")
        with pytest.raises(grpc.aio.AioRpcError, match="is not known"):
            await scaling.Set(scaling_pb2.SetScalingRequest(function="f", min_replicas=1))
        await scaling.Set(scaling_pb2.SetScalingRequest(function="f", reset=True))
        found = await scaling.Show(scaling_pb2.ShowScalingRequest(function="f"))
        assert found.max_replicas == 2
