"""Nomad's Variables, as one token sees those of one of its namespaces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fnq_server.orchestrator.nomad.door import NomadDoor, RaceError
from fnq_server.orchestrator.nomad.right import variable
from fnq_wire.error import StackError

__all__ = ["MOST", "Variable", "Variables"]

#: Bytes of names and values in one variable.
MOST = 64 << 10
#: Looks at a variable that others change at the same time.
_TRIES = 8


@dataclass(frozen=True, slots=True)
class Variable:
    """What is in a variable, and the index of its last change."""

    items: Mapping[str, str] = field(repr=False)
    index: int


class Variables:
    """Read and written by path; each write is bound to what was read before it.

    Every method raises StackError, which names the path and never a value.
    """

    def __init__(self, door: NomadDoor) -> None:
        self._door = door

    async def get(self, path: str) -> Variable | None:
        """Return a variable; None when there is none."""
        found = await self._door.ask(
            f"read the variable {path}", "get", f"var/{path}", right=variable(path, "read")
        )
        return None if found is None else Variable(found["Items"], int(found["ModifyIndex"]))

    async def put(self, path: str, items: Mapping[str, str]) -> None:
        """Have a variable hold these items and no others; nothing is written where it does."""
        what, body = f"write the variable {path}", {"Path": path, "Items": dict(items)}
        right = variable(path, "write")
        for _ in range(_TRIES):
            found = await self.get(path)
            if found is not None and found.items == items:
                return
            cas = "0" if found is None else str(found.index)
            try:
                await self._door.ask(what, "put", f"var/{path}", right=right, body=body, cas=cas)
            except RaceError:
                continue
            return
        raise _restless(path)

    async def delete(self, path: str) -> bool:
        """Delete a variable; return whether it was there."""
        what, right = f"delete the variable {path}", variable(path, "destroy")
        for _ in range(_TRIES):
            found = await self.get(path)
            if found is None:
                return False
            cas = str(found.index)
            try:
                await self._door.ask(what, "delete", f"var/{path}", right=right, cas=cas)
            except RaceError:
                continue
            return True
        raise _restless(path)

    async def paths(self, prefix: str) -> list[str]:
        """Return the paths that begin so, sorted."""
        what = f"list the variables below {prefix}"
        right = variable(f"{prefix}*", "read")
        found: list[dict[str, Any]] = (
            await self._door.ask(what, "get", "vars", right=right, prefix=prefix) or []
        )
        if not found:
            # Nomad lists what may be read, and denies nothing: only reading does.
            await self._door.ask(what, "get", f"var/{prefix}none", right=right)
        return sorted(each["Path"] for each in found)


def _restless(path: str) -> StackError:
    return StackError(f"the variable {path} of Nomad is changed by others all the time")
