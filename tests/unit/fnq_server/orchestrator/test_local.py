"""What the server asks of the supervisor; the services of the stack are stand-ins."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fnq.v1 import spec_pb2
from fnq_server.orchestrator.local import LocalOrchestrator
from fnq_server.orchestrator.seam import Orchestrator
from fnq_wire.error import StackError
from tests.unit.fnq_local.stack import Stack

pytestmark = pytest.mark.integration


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A stack that is up; nothing of it outlives the test."""
    made = Stack(tmp_path / "state")
    made.up()
    yield made
    made.end()


def _orchestrator(stack: Stack) -> Orchestrator:
    return LocalOrchestrator(str(stack.runtime / "supervisor.sock"))


async def _until(look: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not await asyncio.to_thread(look):  # noqa: ASYNC110 - a predicate is watched
            await asyncio.sleep(0.005)


def test_workers_are_started_scaled_and_stopped(stack: Stack) -> None:
    """Ensuring never takes a worker away, scaling does, and stopping takes all."""

    async def scene() -> list[int]:
        local = _orchestrator(stack)
        spec = spec_pb2.FunctionSpec(name="add", env={"COLOUR": "blue"})
        counts = []

        async def count() -> None:
            found = await local.status()
            staying = [each for each in found if each.role == "worker" and each.state != "stopping"]
            counts.append(len(staying))

        await local.ensure("default", "abc", spec, 2)
        await count()
        await local.ensure("default", "abc", spec, 1)
        await count()
        await local.scale("default", "abc", spec, 1)
        await count()
        await local.stop("default", "abc")
        await count()
        return counts

    assert asyncio.run(scene()) == [2, 2, 1, 0]


def test_a_worker_that_does_not_run_is_explained(stack: Stack) -> None:
    """In one sentence, from "never started" over "running" to how it died; its log is at hand."""

    async def scene() -> None:
        local = _orchestrator(stack)
        assert await local.explain("default", "abc") == "no worker was started"
        await local.ensure("default", "abc", spec_pb2.FunctionSpec(name="add"), 1)
        await _until(lambda: stack.pid("worker 0") != 0)
        assert await local.explain("default", "abc") == ""
        assert await local.explain("other", "abc") == "no worker was started"
        bad = spec_pb2.FunctionSpec(name="add", env={"STANDIN_EXIT": "no licence"})
        await local.ensure("default", "bad", bad, 1)
        await _until(lambda: stack.processes()["worker 0"]["state"] == "waiting")
        reason = await local.explain("default", "bad")
        assert reason.startswith("its worker ended with exit code 7: standin: no licence")
        assert (await local.logs("default", "bad", 1)) == ["standin: no licence"]

    asyncio.run(scene())


def test_the_stack_is_kept_from_leaving(stack: Stack) -> None:
    """A touch is answered with when to come again."""
    assert asyncio.run(_orchestrator(stack).touch()) == 10.0


def test_what_the_supervisor_refuses_is_an_error_with_its_words(stack: Stack) -> None:
    """So is a supervisor that is not there."""
    spec = spec_pb2.FunctionSpec(name="add")
    with pytest.raises(StackError, match=r"refused \'ensure\': not a version id: \'\.\./up\'"):
        asyncio.run(_orchestrator(stack).ensure("default", "../up", spec, 1))
    with pytest.raises(StackError, match=r"no supervisor at /nowhere\.sock"):
        asyncio.run(LocalOrchestrator("/nowhere.sock").touch())
