"""What one machine lacks of what a function asks for, as its deployer is told. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fnq_wire.cgroup import size
from fnq_wire.gpu import asks, is_a

if TYPE_CHECKING:
    from fnq.v1 import spec_pb2

__all__ = ["Machine", "shortfalls", "unenforced"]


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine. `gpus` are their models, `python` its version as "3.11".

    `enforced` is what workers are held to, of "cpu" and "memory"; `obstacle` is the clause
    that says why not to the rest.
    """

    cores: int
    memory_bytes: int
    gpus: tuple[str, ...] = ()
    python: str = ""
    enforced: frozenset[str] = frozenset()
    obstacle: str = ""


def shortfalls(spec: spec_pb2.FunctionSpec, machine: Machine) -> list[str]:
    """Return what the machine lacks of what a function asks for, a clause each."""
    return list(_shortfalls(spec, machine))


def unenforced(spec: spec_pb2.FunctionSpec, machine: Machine) -> list[str]:
    """Return what the function asks for and is not held to, a sentence each without its name."""
    asked = {"memory": spec.resources.memory_bytes, "cpu": spec.resources.cpu_millis}
    return [
        f"{name} is not enforced on this machine: {machine.obstacle}"
        for name, amount in asked.items()
        if amount and name not in machine.enforced
    ]


def _shortfalls(spec: spec_pb2.FunctionSpec, machine: Machine) -> Iterator[str]:
    asked = spec.resources
    if asked.cpu_millis > machine.cores * 1_000:
        yield f"asks for {_cores(asked.cpu_millis)} cores, this machine has {machine.cores}"
    if asked.memory_bytes > machine.memory_bytes:
        has = size(machine.memory_bytes)
        yield f"asks for {size(asked.memory_bytes)} of memory, this machine has {has}"
    choices = asks(asked)
    fitting = [[model for model in machine.gpus if is_a(model, each.name)] for each in choices]
    enough = any(len(have) >= each.number for each, have in zip(choices, fitting, strict=True))
    if choices and not enough:
        wanted = " or ".join(_gpus(each.number, each.name) for each in choices)
        yield f"asks for {wanted}, this machine has {_had(machine, max(fitting, key=len))}"
    if spec.python and machine.python and not spec.image and spec.python != machine.python:
        yield f"was deployed by Python {spec.python}, the stack here runs {machine.python}"


def _had(machine: Machine, fitting: list[str]) -> str:
    if fitting:
        return f"{len(fitting)} of them"
    return " and ".join(dict.fromkeys(machine.gpus)) or "no GPU"


def _gpus(count: int, name: str) -> str:
    return f"{count} GPUs {name}" if count > 1 else f"a GPU {name}"


def _cores(millis: int) -> str:
    return f"{millis / 1_000:g}"
