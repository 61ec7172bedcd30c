"""The GPUs of a job, as Nomad takes them: one block, that any of the function's choices fits.

Nomad takes one block of a maker for each task (of two only the last one's cards would be
seen), so a list becomes one expression with all models, and affinities in its order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

from fnq_server.orchestrator.nomad.model import expression, pattern, vendor
from fnq_wire.error import UnschedulableError
from fnq_wire.gpu import SLACK, GpuAsk

__all__ = ["NVIDIA", "Affinity", "Constraint", "Device", "devices", "runtime"]

#: What Nomad calls the GPUs that need a runtime of Docker's.
NVIDIA = "nvidia/gpu"
_MODEL, _MEMORY = "${device.model}", "${device.attr.memory}"
_RUNTIMES = "${attr.driver.docker.runtimes}"
#: The most that an affinity may weigh.
_HEAVIEST = 100
_MIB = 1 << 20


class Constraint(TypedDict):
    """What must be so of a device or a node."""

    LTarget: str
    RTarget: str
    Operand: str


class Affinity(TypedDict):
    """What is better so; `Weight` from -100 to 100, but not 0."""

    LTarget: str
    RTarget: str
    Operand: str
    Weight: int


class Device(TypedDict):
    """`Count` devices of one model on one node."""

    Name: str
    Count: int
    Constraints: list[Constraint]
    Affinities: list[Affinity]


def devices(asked: Sequence[GpuAsk], names: Mapping[str, Sequence[str]]) -> list[Device]:
    """Return the block for what is asked for; nothing for nothing.

    Raises UnschedulableError for a list whose parts Nomad cannot be asked for at once.
    """
    if not asked:
        return []
    first = asked[0]
    if len({(vendor(each.name), each.number, each.memory_bytes) for each in asked}) > 1:
        raise UnschedulableError(
            f"gpu: on Nomad all choices of a list have one maker, number and memory, not "
            f"{', '.join(map(str, asked))}"
        )
    patterns = [pattern(each.name, names) for each in asked]
    constraints = []
    if all(patterns):
        constraints.append(_of_model(expression(patterns)))
    if first.memory_bytes:
        # Without its unit Nomad could not compare it.
        least = f"{int(first.memory_bytes * (1 - SLACK)) // _MIB} MiB"
        constraints.append(Constraint(LTarget=_MEMORY, RTarget=least, Operand=">="))
    return [
        Device(
            Name=f"{vendor(first.name)}/gpu",
            Count=first.number,
            Constraints=constraints,
            Affinities=_in_order(patterns),
        )
    ]


def _of_model(found: str) -> Constraint:
    return Constraint(LTarget=_MODEL, RTarget=found, Operand="regexp")


def _in_order(patterns: Sequence[str]) -> list[Affinity]:
    """Return affinities that make each choice better than those after it."""
    last = len(patterns) - 1
    return [
        Affinity(
            LTarget=_MODEL,
            RTarget=expression([each]),
            Operand="regexp",
            Weight=_HEAVIEST * (last - place) // last,
        )
        for place, each in enumerate(patterns[:-1])
        if each
    ]


def runtime(name: str) -> Constraint:
    """Return what a node with Docker must have, so that a container sees its GPUs."""
    return Constraint(LTarget=_RUNTIMES, RTarget=f"(^|,){name}(,|$)", Operand="regexp")
