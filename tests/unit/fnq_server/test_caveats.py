"""What a deploy is told of a place that lacks what a function asks for."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fnq.v1 import control_pb2, control_pb2_grpc, spec_pb2
from fnq_core.rpc import channel
from fnq_server.caveats import insist_on, sentences
from fnq_server.orchestrator.local import LocalOrchestrator
from fnq_server.orchestrator.seam import Caveats, Outlook
from fnq_wire.error import UnschedulableError
from tests.redis import RedisServer
from tests.toy import service
from tests.toy.house import House

DATA = b"a bundle"
DIGEST = hashlib.sha256(DATA).hexdigest()
FOUND = Caveats(
    {"f": ["asks for 9 cores, this machine has 2", "asks for a GPU, this machine has no GPU"]},
    ["memory is not enforced"],
)
SPEC = spec_pb2.FunctionSpec(name="f", kind="function", bundle=DIGEST)


def test_each_thing_that_is_lacking_is_a_line() -> None:
    """With what makes it an error; notes are lines as they are."""
    first, second, note = sentences(FOUND)
    assert first.startswith("f asks for 9 cores, this machine has 2; it runs all the same (FNQ_")
    assert second.startswith("f asks for a GPU, this machine has no GPU; it runs all the same (FNQ")
    assert note == "memory is not enforced"
    assert sentences(Caveats()) == []


def test_whoever_insists_is_told_all_facts_at_once() -> None:
    """Of the first function that lacks something; a note is no reason to refuse."""
    with pytest.raises(UnschedulableError) as told:
        insist_on(FOUND)
    assert str(told.value) == (
        "it asks for 9 cores, this machine has 2, and asks for a GPU, this machine has no GPU"
    )
    assert told.value.function == "f"
    insist_on(Caveats({"g": []}, ["memory is not enforced"]))


async def deploy(
    server: RedisServer, folder: Path, house: Any, *, strict: bool
) -> control_pb2.DeployEvent:
    """Deploy on a server beside such a place; return the last event."""

    async def part() -> AsyncIterator[control_pb2.BundlePart]:
        yield control_pb2.BundlePart(hash=DIGEST, data=DATA)

    running = service.server(server, folder, orchestrator=house)
    async with running as (_, address), channel(address) as link:
        stub: Any = control_pb2_grpc.ControlStub(link)
        await stub.PutBundle(part())
        request = control_pb2.DeployRequest(specs=[SPEC], strict=strict)
        events: list[control_pb2.DeployEvent] = [event async for event in stub.Deploy(request)]
        return events[-1]


async def test_a_deploy_has_the_lines_or_fails_for_them(
    server: RedisServer, tmp_path: Path
) -> None:
    """As whoever deploys wants it."""
    house = House(Outlook.BLOCKED, "it is full")
    house.doubts = FOUND
    refused = (await deploy(server, tmp_path, house, strict=True)).failure
    assert (refused.function, refused.error) == ("f", "UnschedulableError")
    assert refused.message.startswith("it asks for 9 cores")
    assert server.names("*version*") == []
    reply = (await deploy(server, tmp_path, house, strict=False)).reply
    assert len(reply.versions) == 1
    assert list(reply.warnings)[-3:] == sentences(FOUND)


async def test_a_place_that_does_not_answer_is_an_error_for_the_strict_alone(
    server: RedisServer, tmp_path: Path
) -> None:
    """Else there is nothing to tell of it."""
    away = LocalOrchestrator(f"{tmp_path}/nobody.sock")
    refused = (await deploy(server, tmp_path, away, strict=True)).failure
    assert (refused.error, refused.message[:13]) == ("StackError", "no supervisor")
    reply = (await deploy(server, tmp_path, away, strict=False)).reply
    assert len(reply.versions) == 1
    assert "this machine" not in "".join(reply.warnings)
