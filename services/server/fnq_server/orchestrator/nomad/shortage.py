"""Why no node has the GPUs that a worker asks for, in one sentence. Pure.

Nomad says the same of too many, of another model and of too little memory, and the same of
all that others hold. What the nodes have tells them apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fnq_server.orchestrator.nomad.inventory import Group, Held
from fnq_server.orchestrator.nomad.job import GPU, NAMESPACE
from fnq_server.orchestrator.nomad.lack import Lack
from fnq_server.orchestrator.nomad.model import is_model

__all__ = ["Wish"]

#: What a constraint reads that asks for a runtime of Docker's.
_RUNTIMES = "driver.docker.runtimes"
#: Holders that are named.
_NAMED = 5
_UNKNOWN = (
    "who uses them is not known, since the token of the servers (NOMAD_TOKEN) does not have "
    "the right read-job"
)


@dataclass(frozen=True, slots=True)
class Wish:
    """GPUs of one model on one node, as a job asks for them.

    `kinds` are the words of the function, `models` an expression, "" for any.
    """

    number: int
    maker: str
    kinds: tuple[str, ...]
    models: str = ""
    least_mb: int = 0
    namespace: str = "default"

    @classmethod
    def of(cls, job: Mapping[str, Any]) -> Wish | None:
        """Return what a job asks for, as Nomad shows the job; None where it asks for none."""
        task = job["TaskGroups"][0]["Tasks"][0]
        blocks = task["Resources"].get("Devices") or ()
        if not blocks:
            return None
        block = blocks[0]
        wanted = {each["LTarget"]: each["RTarget"] for each in block["Constraints"] or ()}
        meta = job["Meta"] or {}
        return cls(
            number=block["Count"],
            maker=block["Name"],
            kinds=tuple(meta.get(GPU, block["Name"]).split(", ")),
            models=wanted.get("${device.model}", ""),
            least_mb=int(wanted.get("${device.attr.memory}", "0").partition(" ")[0]),
            namespace=meta.get(NAMESPACE, ""),
        )

    def __str__(self) -> str:
        """Say how many and what."""
        return f"{self.number} {self._kinds()}"

    def _kinds(self) -> str:
        return " or ".join(f'"{each}"' for each in self.kinds)

    def fits(self, group: Group) -> bool:
        """Whether GPUs are such, and enough, were all of them free."""
        return self._is_such(group) and len(group.faults) >= self.number

    def _is_such(self, group: Group) -> bool:
        return self._is_of_model(group) and group.memory_mb >= self.least_mb

    def _is_of_model(self, group: Group) -> bool:
        return group.maker == self.maker and is_model(self.models, group.model)

    def never(self, there: Sequence[Group]) -> Lack | None:
        """Return what no node has; None where one has enough."""
        if not any(each.maker == self.maker for each in there):
            # A node whose device plugin does not run has none either, and an operator mends it.
            return Lack(
                f"no node has {self}: no node has a GPU of this kind "
                "(its device plugin, if it has some, does not run)"
            )
        of_model = [each for each in there if self._is_of_model(each)]
        if not of_model:
            models = sorted({each.model for each in there})
            return Lack(f"no node has {self}: there are {' and '.join(models)}", True)
        most_mb = max(each.memory_mb for each in of_model)
        if most_mb < self.least_mb:
            return Lack(
                f"no node has {self}: the most memory that such a GPU has is {most_mb} MiB", True
            )
        most = max(len(each.faults) for each in of_model if self._is_such(each))
        if most < self.number:
            return Lack(f"no node has {self}: a node has {most} of one model at most", True)
        return None

    def now(self, there: Sequence[Group], taken: Held | None) -> Lack | None:
        """Return who holds what it asks for; None where enough are free on one node.

        Where `taken` is not known, some are held: by whom is not told.
        """
        such = [each for each in there if self._is_such(each)]
        if taken is not None and any(each.free(taken) >= self.number for each in such):
            return None
        used = [_UNKNOWN] if taken is None else self._used(such, taken)
        parts = [*_having(such), *used]
        broken = sum(bool(fault) for each in such for fault in each.faults.values())
        if broken:
            parts.append(f"{broken} {_is(broken)} not healthy")
        return Lack(f"no node has {self.number} free {self._kinds()}: {', '.join(parts)}")

    def _used(self, such: Sequence[Group], taken: Held) -> list[str]:
        users = Counter(
            taken[each.node, gpu].shown(self.namespace)
            for each in such
            for gpu in each.faults
            if (each.node, gpu) in taken
        )
        told = sorted(users.items(), key=lambda user: (-user[1], user[0]))
        parts = [f"{count} {_is(count)} used by {user}" for user, count in told[:_NAMED]]
        rest = sum(count for _, count in told[_NAMED:])
        return [*parts, f"{rest} by others"] if rest else parts

    def without_runtime(self, metric: Mapping[str, Any]) -> Lack | None:
        """Return that Docker lacks what shows a container its GPUs, where Nomad says so."""
        if not any(_RUNTIMES in each for each in metric.get("ConstraintFiltered") or ()):
            return None
        return Lack(
            f"no node with {self} has a Docker with the runtime for GPUs: install NVIDIA's "
            "container toolkit there, or name another one with gpu_runtime"
        )


def _having(such: Sequence[Group]) -> list[str]:
    """Return how many nodes have how many; those of two models are not one number."""
    nodes: dict[str, list[int]] = {}
    for each in such:
        nodes.setdefault(each.node, []).append(len(each.faults))
    sizes = Counter(tuple(sorted(each, reverse=True)) for each in nodes.values())
    return [
        f"{count} {'node has' if count == 1 else 'nodes have'} {' + '.join(map(str, size))}"
        for size, count in sorted(sizes.items(), reverse=True)
    ]


def _is(count: int) -> str:
    return "is" if count == 1 else "are"
