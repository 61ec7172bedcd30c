"""The copy of a version's secrets that its job alone can read."""

from __future__ import annotations

from collections.abc import Mapping

from fnq_server.orchestrator.nomad.injection import path_of
from fnq_server.orchestrator.nomad.variables import MOST, Variables
from fnq_wire.error import StackError

__all__ = ["Handover"]


class Handover:
    """Writes and deletes the copies of jobs."""

    def __init__(self, variables: Variables) -> None:
        self._variables = variables

    async def give(self, job_id: str, secrets: Mapping[str, str]) -> None:
        """Have workers of a job that start from now on find these secrets. Raises StackError."""
        size = sum(len(each.encode()) + len(text.encode()) for each, text in secrets.items())
        if size > MOST:
            raise StackError(
                f"its secrets take {size} bytes together, and Nomad hands a job {MOST} at most: "
                "name fewer or shorter ones"
            )
        await self._variables.put(path_of(job_id), secrets)

    async def take_back(self, job_id: str) -> None:
        """Delete the copy of a job that has no use for it any more; none is fine."""
        await self._variables.delete(path_of(job_id))
