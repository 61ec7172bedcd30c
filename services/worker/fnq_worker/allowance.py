"""What the runners of an agent may use, and whether they used it up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fnq_wire import cgroup
from fnq_wire.cgroup import Memory

__all__ = ["Allowance"]


class Allowance:
    """The control groups that all runners of an agent are in; the agent may be, too."""

    def __init__(self, groups: Sequence[str] = ()) -> None:
        """Take the directories of the groups; none where nothing is enforced."""
        self._groups = groups
        found = cgroup.memory(groups)
        self._kills = found.kills if found else 0

    @classmethod
    def of(cls, terms: Mapping[str, Any], tables: str = cgroup.TABLES) -> Allowance:
        """Return that of runners which are forked on `terms`: see `fnq_runner.zygote`."""
        if terms.get("expendable"):
            return cls([each.own for each in cgroup.own(tables)])
        return cls(terms.get("cgroups", ()))

    def ran_out(self) -> Memory | None:
        """Return what was used, if the kernel has killed for memory since this was asked last."""
        found = cgroup.memory(self._groups)
        if found is None or found.kills <= self._kills:
            return None
        self._kills = found.kills
        return found
