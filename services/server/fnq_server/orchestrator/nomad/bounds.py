"""What an operator lets functions ask for at most, and what is said to who asks for more. Pure."""

from __future__ import annotations

import dataclasses
import difflib
import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fnq_wire.gpu import asks
from fnq_wire.mebibytes import mebibytes
from fnq_wire.passthrough import KEYS, Passthrough, parse

if TYPE_CHECKING:
    from fnq.v1 import spec_pb2

__all__ = ["Bounds", "excesses"]

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most of each for one function; None: any. `source` is where it is written.

    `cpu` is in cores and `memory` text such as "64Gi", both of one worker, as `gpus`;
    `replicas` is the most workers. `node_pools` are those that may be named besides the
    operator's own, and `options` the keys for Nomad that may be used.
    """

    source: str = ""
    cpu: float | None = None
    memory: str | None = None
    gpus: int | None = None
    replicas: int | None = None
    priority: int | None = None
    node_pools: tuple[str, ...] | None = None
    options: tuple[str, ...] | None = None

    @classmethod
    def of(cls, table: Mapping[str, object], source: str) -> Bounds:
        """Return what a table of TOML says. Raises ValueError that names the first bad field."""
        for name, value in table.items():
            if name not in _KINDS:
                close = difflib.get_close_matches(name, _KINDS, n=1)
                hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(_KINDS)}"
                raise ValueError(f"bounds.{name}: no such bound; {hint}")
            _check(name, value)
        given: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in table.items()
        }
        return cls(source=source, **given)

    @classmethod
    def parse(cls, text: str, source: str) -> Bounds:
        """Return what a whole document of TOML says; raises as `of` does."""
        return cls.of(tomllib.loads(text), source)

    @property
    def memory_mb(self) -> int | None:
        """Return the bound of memory in MiB."""
        return None if self.memory is None else mebibytes(self.memory)


#: Of each bound, what it is.
_KINDS = {
    "cpu": "a number of cores above 0",
    "memory": 'memory as "512Mi" or "4Gi"',
    "gpus": "a whole number, 0 or more",
    "replicas": "a whole number above 0",
    "priority": "a whole number from 50, which a job has that names none, to 100",
    "node_pools": "a list of node pools",
    "options": "a list of keys that begin with nomad.",
}
assert set(_KINDS) == {each.name for each in dataclasses.fields(Bounds)} - {"source"}
#: Of those that are whole numbers, the least and the most that they may be.
_NUMBERS = {"gpus": (0, math.inf), "replicas": (1, math.inf), "priority": (50, 100)}


def _check(name: str, value: object) -> None:
    """Raise ValueError for a value that is not of the kind of its bound."""
    if name == "cpu":
        right = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
    elif name == "memory":
        right = isinstance(value, str) and _is_size(value)
    elif name in _NUMBERS:
        least, most = _NUMBERS[name]
        right = type(value) is int and least <= value <= most
    else:
        right = isinstance(value, list) and all(isinstance(each, str) for each in value)
        if name == "options" and right and isinstance(value, list):
            right = set(value) <= set(KEYS)
    if not right:
        raise ValueError(f"bounds.{name}: expected {_KINDS[name]}, not {value!r}")


def _is_size(text: str) -> bool:
    try:
        mebibytes(text)
    except ValueError:
        return False
    return True


def excesses(spec: spec_pb2.FunctionSpec, bounds: Bounds, own_pool: str) -> list[str]:
    """Return a clause for each thing of which a function asks for more than it may.

    Each quotes the bound, as it is written. `own_pool` is where functions run that name
    no node pool. Raises ValueError for options that are none.
    """
    asked = parse(spec.options)
    return [
        f"{clause}, and the operator's bound is {bound} ({bounds.source})"
        for clause, bound in (
            *_amounts(spec, bounds),
            *_replicas(spec, bounds),
            *_options(spec, asked, bounds, own_pool),
        )
    ]


def _amounts(spec: spec_pb2.FunctionSpec, bounds: Bounds) -> Iterator[tuple[str, str]]:
    given = spec.resources
    if bounds.cpu is not None and given.cpu_millis > bounds.cpu * 1_000:
        yield f"asks for cpu={given.cpu_millis / 1_000:g}", f"cpu = {bounds.cpu:g}"
    if bounds.memory_mb is not None and given.memory_bytes > bounds.memory_mb * _MIB:
        asked_mb = -(-given.memory_bytes // _MIB)
        yield f"asks for memory of {asked_mb} MiB", f'memory = "{bounds.memory}"'
    # Nomad takes whichever of a list is free.
    count = max((each.number for each in asks(given)), default=0)
    if bounds.gpus is not None and count > bounds.gpus:
        yield f"asks for {count} GPU{'' if count == 1 else 's'}", f"gpus = {bounds.gpus}"


def _replicas(spec: spec_pb2.FunctionSpec, bounds: Bounds) -> Iterator[tuple[str, str]]:
    for name, count in (
        ("min_replicas", spec.min_replicas),
        ("max_replicas", spec.max_replicas),
    ):
        if bounds.replicas is not None and count > bounds.replicas:
            yield f"asks for {name}={count}", f"replicas = {bounds.replicas}"
            return


def _options(
    spec: spec_pb2.FunctionSpec, asked: Passthrough, bounds: Bounds, own_pool: str
) -> Iterator[tuple[str, str]]:
    if bounds.options is not None:
        for key in sorted(set(spec.options) & set(KEYS) - set(bounds.options)):
            yield f"uses the option {key}", f"options = {_listed(bounds.options)}"
    pools = bounds.node_pools
    if asked.node_pool and pools is not None and asked.node_pool not in (own_pool, *pools):
        yield f"asks for the node pool {asked.node_pool!r}", f"node_pools = {_listed(pools)}"
    if bounds.priority is not None and asked.priority > bounds.priority:
        yield f"asks for the priority {asked.priority}", f"priority = {bounds.priority}"
    if bounds.memory_mb is not None and asked.memory_max_mb > bounds.memory_mb:
        yield (
            f"asks for nomad.memory_max of {asked.memory_max_mb} MiB",
            (f'memory = "{bounds.memory}"'),
        )


def _listed(names: tuple[str, ...]) -> str:
    return "[" + ", ".join(f'"{each}"' for each in names) + "]"
