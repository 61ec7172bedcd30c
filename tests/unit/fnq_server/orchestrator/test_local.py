"""What the server asks of the supervisor; the services of the stack are stand-ins."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fnq.v1 import spec_pb2
from fnq_server.orchestrator.local import LocalOrchestrator, explain
from fnq_server.orchestrator.seam import Caveats, Explanation, Orchestrator, Outlook, Provision
from fnq_wire.error import StackError, UnschedulableError
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


def _reason(stack: Stack, version: str) -> str:
    return asyncio.run(_orchestrator(stack).explain("default", version)).reason


def test_workers_are_started_scaled_and_stopped(stack: Stack) -> None:
    """Ensuring never takes a worker away, scaling does, and stopping takes all."""

    async def scene() -> list[int]:
        local = _orchestrator(stack)
        spec = spec_pb2.FunctionSpec(name="add")
        counts = []

        async def count() -> None:
            found = await local.status()
            staying = [each for each in found if each.state != "stopping"]
            counts.append(len(staying))

        await local.ensure("default", "abc", spec, Provision(), 2)
        await count()
        await local.ensure("default", "abc", spec, Provision(), 1)
        await count()
        await local.scale("default", "abc", spec, Provision(), 1)
        await count()
        await local.stop("other", "abc")
        await count()
        await local.stop("default", "abc")
        await count()
        return counts

    assert asyncio.run(scene()) == [2, 2, 1, 1, 0]


def test_workers_need_the_supervisor_alone(stack: Stack) -> None:
    """Where it is away, that is missing."""
    [found] = asyncio.run(_orchestrator(stack).check(None))
    assert (found.subject, found.state) == ("workers", "ok")
    [found] = asyncio.run(LocalOrchestrator("/nowhere/supervisor.sock").check(None))
    assert (found.subject, found.state) == ("workers", "missing")
    assert found.what.startswith("no supervisor at /nowhere/supervisor.sock")


def test_the_machine_says_what_it_lacks(stack: Stack) -> None:
    """By the supervisor, which is on it; what no function asks for is not mentioned."""

    async def scene() -> Caveats:
        large = spec_pb2.FunctionSpec(name="large")
        large.resources.cpu_millis = 1_000_000
        return await _orchestrator(stack).caveats([large, spec_pb2.FunctionSpec(name="small")])

    found = asyncio.run(scene())
    assert list(found.lacks) == ["large"]
    [clause] = found.lacks["large"]
    assert re.fullmatch(r"asks for 1000 cores, this machine has \d+", clause)
    assert len(found.notes) <= 1


LOST = "ended with exit code 7"


@pytest.mark.parametrize(
    ("agents", "outlook", "reason"),
    [
        ([], Outlook.ABSENT, "no worker was asked for"),
        ([("starting", False, "")], Outlook.STARTING, "its worker starts"),
        ([("waiting", False, LOST)], Outlook.STARTING, f"its worker {LOST}, and is started again"),
        ([("running", False, LOST)], Outlook.RUNNING, ""),
        ([("running", True, LOST)], Outlook.CRASHING, f"its worker crashes .* started: {LOST}"),
        ([("waiting", True, LOST), ("starting", False, "")], Outlook.STARTING, "its worker starts"),
        ([("waiting", True, LOST), ("running", False, "")], Outlook.RUNNING, ""),
    ],
)
def test_the_best_of_the_workers_counts(
    agents: list[tuple[str, bool, str]], outlook: Outlook, reason: str
) -> None:
    """One that runs, then one that comes up; that they crash is said when all of them do."""
    names = ("state", "crashing", "ending")
    found = explain([dict(zip(names, each, strict=True)) for each in agents])
    assert found.outlook is outlook
    assert re.fullmatch(reason, found.reason)


def test_a_worker_that_does_not_run_is_explained(stack: Stack) -> None:
    """In one sentence, from "never started" over "running" to how it died; its log is at hand."""

    async def scene() -> None:
        local = _orchestrator(stack)
        absent = Explanation(Outlook.ABSENT, "no worker was asked for")
        assert await local.explain("default", "abc") == absent
        await local.ensure("default", "abc", spec_pb2.FunctionSpec(name="add"), Provision(), 1)
        await _until(lambda: stack.pid("worker 0") != 0)
        assert await local.explain("default", "abc") == Explanation(Outlook.RUNNING)
        assert await local.explain("other", "abc") == absent
        bad = Provision(secrets={"STANDIN_EXIT": "no licence"})
        await local.ensure("default", "bad", spec_pb2.FunctionSpec(name="add"), bad, 1)
        await _until(lambda: "worker crashes" in _reason(stack, "bad"))
        found = await local.explain("default", "bad")
        # Whether it is down at the moment, or about to come up once more.
        for _ in range(20):
            assert await local.explain("default", "bad") == found
        assert found.outlook is Outlook.CRASHING
        assert found.reason.startswith(
            "its worker crashes whenever it is started: "
            "ended with exit code 7: standin: no licence (see "
        )
        assert (await local.logs("default", "bad", 1)) == ["standin: no licence"]

    asyncio.run(scene())


def test_the_stack_is_kept_from_leaving(stack: Stack) -> None:
    """A touch is answered with when to come again."""
    assert asyncio.run(_orchestrator(stack).touch()) == 10.0


def test_what_the_supervisor_refuses_is_an_error_with_its_words(stack: Stack) -> None:
    """So is a supervisor that is not there."""
    spec = spec_pb2.FunctionSpec(name="add")
    with pytest.raises(StackError, match=r"refused \'ensure\': not a version id: \'\.\./up\'"):
        asyncio.run(_orchestrator(stack).ensure("default", "../up", spec, Provision(), 1))
    with pytest.raises(UnschedulableError, match=r"257 workers .* one machine runs 256 at most"):
        asyncio.run(_orchestrator(stack).ensure("default", "abc", spec, Provision(), 257))
    with pytest.raises(StackError, match=r"no supervisor at /nowhere\.sock"):
        asyncio.run(LocalOrchestrator("/nowhere.sock").touch())


def test_a_plan_names_what_the_supervisor_would_be_told_and_no_secret() -> None:
    """Field by field, without those that are empty; nobody is asked."""
    spec = spec_pb2.FunctionSpec(name="add")
    spec.volumes.add(volume="models", path="/models")
    spec.secrets.add(source="env", name="KEY")
    spec.resources.cpu_millis = 500
    nobody = LocalOrchestrator("/nowhere.sock")
    draft = asyncio.run(nobody.plan("default", "abc", spec, "environment:/e", 2))
    assert draft.text.splitlines() == [
        *("namespace: default", "version: abc", "function: add", "replicas: 2"),
        *("image: environment:/e", "volumes: [['models', '/models']]", "cpu_millis: 500"),
        "secrets: ['KEY']",
    ]
