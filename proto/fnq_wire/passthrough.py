"""What `options={"nomad....": ...}` passes through to the job of a function on Nomad. Pure.

The keys are a closed set, and each value has a form of its own: what users write reaches
no other place of a job, and none of Nomad's variables but the attributes of nodes.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from fnq_wire.mebibytes import mebibytes
from fnq_wire.option import NOMAD

__all__ = ["KEYS", "NodeDemand", "Passthrough", "parse"]

#: Near names that an error lists at most.
_NEAR = 3
_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
_PATTERN = re.compile(r"[A-Za-z0-9_.*?-]{1,128}")
#: What a demand compares: an attribute of the node, in Nomad's braces or without.
_TARGET = re.compile(
    r"(?:\$\{)?((?:attr|meta)\.[A-Za-z0-9_.-]{1,200}"
    r"|node\.(?:class|datacenter|pool|region|unique\.id|unique\.name))\}?"
)
_BINARY = ("=", "!=", "<", "<=", ">", ">=", "version", "semver", "regexp")
_SETS = ("set_contains", "set_contains_any")
_UNARY = ("is_set", "is_not_set")
_ALONE = "distinct_hosts"
_MIB = 1 << 20
#: Priorities of jobs, and processes in a container.
_MOST_PRIORITY, _MOST_PIDS = 100, 1 << 20


class NodeDemand(NamedTuple):
    """What a node must be; in Nomad's words a constraint."""

    target: str
    operator: str
    value: str


@dataclass(frozen=True, slots=True)
class Passthrough:
    """What a function asks of Nomad alone; empty or 0: nothing.

    `memory_max_mb` is in MiB: what a worker may use beyond its memory while the node has
    it free. `docker` is what its driver is told, by that driver's names.
    """

    node_pool: str = ""
    datacenters: tuple[str, ...] = ()
    priority: int = 0
    demands: tuple[NodeDemand, ...] = ()
    memory_max_mb: int = 0
    docker: Mapping[str, object] = field(default_factory=dict)


def parse(options: Mapping[str, str]) -> Passthrough:
    """Return what the options that begin with NOMAD say; the others are left alone.

    Raises ValueError that names the key: it is none of KEYS, or says what it may not.
    """
    found: dict[str, Any] = {}
    docker: dict[str, object] = {}
    for key, text in sorted(options.items()):
        if not key.startswith(NOMAD):
            continue
        if key not in KEYS:
            raise ValueError(f"no such option {key!r}; {_near(key)}")
        name, read = KEYS[key]
        place, _, inner = name.partition(".")
        try:
            value = read(text)
        except ValueError as problem:
            raise ValueError(f"{key}: {problem}") from None
        if inner:
            docker[inner] = value
        else:
            found[place] = value
    return Passthrough(docker=docker, **found)


def _near(key: str) -> str:
    # What all have in common makes none of them near.
    names = [each.removeprefix(NOMAD) for each in KEYS]
    close = difflib.get_close_matches(key.removeprefix(NOMAD), names, n=_NEAR)
    if close:
        return f"did you mean {' or '.join(repr(NOMAD + each) for each in close)}?"
    return f"there are {', '.join(KEYS)}"


def _node_pool(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(f"expected the name of a node pool, not {text!r}")
    return text


def _datacenters(text: str) -> tuple[str, ...]:
    names = tuple(each.strip() for each in text.split(","))
    if not all(_PATTERN.fullmatch(each) for each in names):
        raise ValueError(f'expected datacenters as "dc1, eu-*", not {text!r}')
    return names


def _number(most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"[1-9][0-9]{0,8}", text) or int(text) > most:
            raise ValueError(f"expected a number from 1 to {most}, not {text!r}")
        return int(text)

    return read


def _bytes(text: str) -> int:
    return mebibytes(text) * _MIB


def _truth(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(f'expected "true" or "false", not {text!r}')
    return text == "true"


def _demands(text: str) -> tuple[NodeDemand, ...]:
    """Read one demand a line."""
    return tuple(_demand(line.strip()) for line in text.splitlines() if line.strip())


def _demand(line: str) -> NodeDemand:
    if line == _ALONE:
        return NodeDemand("", _ALONE, "true")
    words = line.split(maxsplit=2)
    target = _TARGET.fullmatch(words[0])
    operator = words[1] if len(words) > 1 else ""
    value = words[2] if len(words) > 2 else ""
    if target is None:
        raise ValueError(f"{words[0]!r} is no attribute of a node, as attr.cpu.arch or meta.a is")
    if operator not in (*_BINARY, *_SETS, *_UNARY):
        known = ", ".join((*_BINARY, *_SETS, *_UNARY))
        raise ValueError(f"expected one of {known} after {words[0]!r}, not {operator!r}")
    if (operator in _UNARY) == bool(value) or "${" in value:
        raise ValueError(f'expected "ATTRIBUTE OPERATOR VALUE", not {line!r}')
    return NodeDemand(f"${{{target[1]}}}", operator, value)


#: Of each key, which part of a Passthrough it is, and what reads its text.
KEYS: Mapping[str, tuple[str, Callable[[str], object]]] = {
    f"{NOMAD}node_pool": ("node_pool", _node_pool),
    f"{NOMAD}datacenters": ("datacenters", _datacenters),
    f"{NOMAD}priority": ("priority", _number(_MOST_PRIORITY)),
    f"{NOMAD}constraint": ("demands", _demands),
    f"{NOMAD}memory_max": ("memory_max_mb", mebibytes),
    f"{NOMAD}docker.shm_size": ("docker.shm_size", _bytes),
    f"{NOMAD}docker.pids_limit": ("docker.pids_limit", _number(_MOST_PIDS)),
    f"{NOMAD}docker.cpu_hard_limit": ("docker.cpu_hard_limit", _truth),
    f"{NOMAD}docker.readonly_rootfs": ("docker.readonly_rootfs", _truth),
}
