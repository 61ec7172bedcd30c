"""What every orchestrator says alike; what starts the workers is a stand-in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from fnq.v1 import spec_pb2
from fnq_server.orchestrator.local import LocalOrchestrator
from fnq_server.orchestrator.nomad.door import Access
from fnq_server.orchestrator.nomad.orchestrator import NomadOrchestrator
from fnq_server.orchestrator.nomad.terms import Terms
from fnq_server.orchestrator.seam import Orchestrator, Outlook, Provision
from tests.unit.fnq_server.orchestrator.nomad import recorded
from tests.unit.fnq_server.orchestrator.nomad.api import serving

VERSION = "abc0123456"
#: Gives an orchestrator whose workers, by replica, are as they are called.
Scene = Callable[[Path, Sequence[str]], AbstractAsyncContextManager[Orchestrator]]

_AGENTS = {
    "runs": {"state": "running", "crashing": False, "ending": ""},
    "starts": {"state": "starting", "crashing": False, "ending": ""},
    "crashes": {"state": "waiting", "crashing": True, "ending": "ended with exit code 7"},
}
_ALLOCATIONS: dict[str, tuple[Any, ...]] = {
    "runs": ("running", recorded.SETUP, recorded.STARTED),
    "starts": ("pending", recorded.SETUP),
    "crashes": ("failed", recorded.STARTED, recorded.EXIT_7, recorded.NOT_RESTARTING),
}


@asynccontextmanager
async def _local(folder: Path, workers: Sequence[str]) -> AsyncIterator[Orchestrator]:
    """Give one beside a supervisor that always says the same."""
    answer = {"ok": True, "agents": [_AGENTS[each] for each in workers]}

    async def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(json.dumps(answer).encode() + b"\n")
        writer.close()

    door = str(folder / "door.sock")
    async with await asyncio.start_unix_server(visit, door):
        yield LocalOrchestrator(door)


@asynccontextmanager
async def _nomad(_folder: Path, workers: Sequence[str]) -> AsyncIterator[Orchestrator]:
    """Give one beside a Nomad that has placed these."""
    with serving() as api:
        how = Terms(driver="raw_exec", command="/usr/bin/python3")
        made = NomadOrchestrator(Access(api.address), how)
        await made.ensure(
            "default", VERSION, spec_pb2.FunctionSpec(name="f"), Provision(), len(workers)
        )
        [identity] = api.jobs
        status = [_ALLOCATIONS[each] for each in workers]
        api.place(
            identity,
            *(recorded.allocation(*each, index=index) for index, each in enumerate(status)),
        )
        yield made


@pytest.mark.parametrize("scene", [_local, _nomad])
@pytest.mark.parametrize(
    ("workers", "outlook", "reason"),
    [
        (["crashes", "runs"], Outlook.RUNNING, ""),
        (["starts", "runs"], Outlook.RUNNING, ""),
        (["starts", "crashes"], Outlook.STARTING, "start"),
        (["crashes", "starts"], Outlook.STARTING, "start"),
        (["crashes", "crashes"], Outlook.CRASHING, "ended with exit code 7"),
    ],
)
async def test_the_best_of_the_workers_is_explained(
    tmp_path: Path, scene: Scene, workers: list[str], outlook: Outlook, reason: str
) -> None:
    """One that runs, then one that comes up; that they crash is said when all of them do."""
    async with scene(tmp_path, workers) as orchestrator:
        found = await orchestrator.explain("default", VERSION)
        assert found.outlook is outlook
        assert reason in found.reason
        assert bool(found.reason) is (outlook is not Outlook.RUNNING)
