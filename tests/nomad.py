"""Workers on a real Nomad, with a program in the place of a worker."""

from __future__ import annotations

import asyncio
import json
import stat
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from fnq.v1 import spec_pb2
from fnq_server.orchestrator.nomad.door import Access, NomadDoor
from fnq_server.orchestrator.nomad.job import job_id
from fnq_server.orchestrator.nomad.orchestrator import NomadOrchestrator
from fnq_server.orchestrator.nomad.terms import Terms
from fnq_server.orchestrator.seam import Outlook, Provision

__all__ = ["House", "standin", "until"]

#: Seconds in which Nomad does what it was asked: its agent reports each second.
_SOON_S = 30.0
#: It says what it was given; what its function is told to do, it finds in a file.
_STANDIN = """\
#!/bin/sh
echo "arguments: $*"
echo "token: $FNQ_TOKEN"
echo "password: $REDIS_PASSWORD"
echo "work: $(ls -d "$NOMAD_TASK_DIR")"
. '{folder}/order'
"""


def standin(folder: Path) -> Path:
    """Write a program that stands in for a worker, and does what `House.order` says."""
    program = folder / "standin"
    program.write_text(_STANDIN.format(folder=folder))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


class House:
    """An orchestrator whose workers are stand-ins; the versions of one have one prefix."""

    def __init__(self, address: str, folder: Path, *, token: str = "", **changes: Any) -> None:
        self._folder = folder
        self.order("exec sleep 1000")
        terms: dict[str, Any] = {
            "driver": "raw_exec",
            "command": str(standin(folder)),
            "memory_mb": 20,
        }
        how = Terms(**terms | changes)
        access = Access(address, token, how.nomad_namespace)
        self._door = NomadDoor(access)
        self.nomad = NomadOrchestrator(access, how)

    def order(self, line: str) -> None:
        """Have each stand-in that starts from now on do what a line of shell says."""
        (self._folder / "order").write_text(f"{line}\n")

    async def ensure(self, version: str, replicas: int = 1, **resources: Any) -> None:
        """Ensure workers of the function f."""
        await self.nomad.ensure("default", version, _spec(resources), Provision(), replicas)

    async def scale(self, version: str, replicas: int) -> None:
        """Have exactly as many workers of the function f."""
        await self.nomad.scale("default", version, _spec({}), Provision(), replicas)

    async def allocations(self, version: str) -> list[dict[str, Any]]:
        """Return all that Nomad has placed of a version."""
        return await self._door.allocations(job_id("default", "f", version))

    async def states(self, version: str) -> list[tuple[int, str]]:
        """Return replica and state of each worker of a version."""
        found = [each for each in await self.nomad.status() if each.version == version]
        return [(each.replica, each.state) for each in found]

    async def logs(self, version: str) -> list[str]:
        """Return all that the stand-ins of a version said."""
        return await self.nomad.logs("default", version, 100)

    async def explained(self, version: str) -> str:
        """Return why a version has no worker."""
        return (await self.nomad.explain("default", version)).reason

    async def outlook(self, version: str) -> Outlook:
        """Return what is to be expected of the workers of a version."""
        return (await self.nomad.explain("default", version)).outlook


def _spec(resources: dict[str, Any]) -> spec_pb2.FunctionSpec:
    return spec_pb2.FunctionSpec(name="f", resources=spec_pb2.Resources(**resources))


async def until(
    ask: Callable[[], Awaitable[Any]], true: Callable[[Any], object], within_s: float = _SOON_S
) -> Any:
    """Return the first answer of `ask` for which `true` is; AssertionError with the last one."""
    end = time.monotonic() + within_s
    while True:
        answer = await ask()
        if true(answer):
            return answer
        assert time.monotonic() < end, f"not within {within_s:g} s; last: {json.dumps(answer)}"
        await asyncio.sleep(0.05)
