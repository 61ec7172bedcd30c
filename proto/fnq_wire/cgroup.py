"""The door to a control group: to go in, to set its limits, and what became of it.

A group is a directory that the kernel makes; what lies in it tells whether it is one of
version 2, which has memory and cores, or one of version 1, which has either. Standard library
only: the runner uses this before user code.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import NamedTuple

from fnq_wire.hierarchy import Hierarchy, hierarchies

__all__ = [
    "TABLES",
    "Memory",
    "enter",
    "limit_cpu",
    "limit_memory",
    "members",
    "memory",
    "own",
    "size",
]

#: Where the kernel says what is mounted, and where this process belongs.
TABLES = "/proc/self"

#: Microseconds of the period in which cores are counted.
_PERIOD_US = 100_000
#: What the kernel takes as the least quota of a period.
_LEAST_US = 1_000
#: Bytes; what version 1 says above it stands for "no limit".
_NO_LIMIT = 1 << 62


class Memory(NamedTuple):
    """What the processes of a group used, in bytes, and how many were killed for it.

    `limit`: 0 for none. `peak`: the most at once, 0 where the kernel does not say.
    """

    limit: int
    peak: int
    kills: int


def own(tables: str = TABLES) -> list[Hierarchy]:
    """Return the trees that have a group of this process; none where there are none."""
    texts = [_read(tables, name) for name in ("mountinfo", "cgroup")]
    return hierarchies(*texts)


def enter(path: str) -> None:
    """Move this process, and all that it starts, into a group. Raises OSError."""
    # Without Python's file objects: between fork and user code little may go wrong.
    file = os.open(os.path.join(path, "cgroup.procs"), os.O_WRONLY)
    try:
        os.write(file, b"0")
    finally:
        os.close(file)


def members(path: str) -> list[int]:
    """Return the ids of the processes in a group; none where it is gone."""
    return [int(word) for word in _read(path, "cgroup.procs").split()]


def limit_memory(path: str, limit: int) -> None:
    """Have the kernel kill what makes a group use more than `limit` bytes, swap included.

    Raises OSError where this is no group with memory, or not ours.
    """
    if os.path.exists(os.path.join(path, "memory.max")):
        _write(path, "memory.max", str(limit))
        _write_where_there(path, "memory.swap.max", "0")
    else:
        _write(path, "memory.limit_in_bytes", str(limit))
        _write_where_there(path, "memory.memsw.limit_in_bytes", str(limit))


def limit_cpu(path: str, millis: int) -> None:
    """Give a group at most `millis` thousandths of a core. Raises OSError as above."""
    quota = max(_LEAST_US, millis * _PERIOD_US // 1_000)
    if os.path.exists(os.path.join(path, "cpu.max")):
        _write(path, "cpu.max", f"{quota} {_PERIOD_US}")
    else:
        _write(path, "cpu.cfs_period_us", str(_PERIOD_US))
        _write(path, "cpu.cfs_quota_us", str(quota))


def memory(paths: Iterable[str]) -> Memory | None:
    """Return what was used in the first of the groups that counts memory; None without one."""
    for path in paths:
        if events := _read(path, "memory.events"):
            names = ("memory.max", "memory.peak")
        elif events := _read(path, "memory.oom_control"):
            names = ("memory.limit_in_bytes", "memory.max_usage_in_bytes")
        else:
            continue
        limit, peak = (_number(_read(path, name)) for name in names)
        return Memory(limit if limit < _NO_LIMIT else 0, peak, _kills(events))
    return None


def size(count: int) -> str:
    """Return bytes as `memory=` takes them, in the unit that people read: "512Mi", "1.5Gi"."""
    unit, name = (1 << 30, "Gi") if count >= 1 << 30 else (1 << 20, "Mi")
    return f"{round(count / unit, 1):g}{name}"


def _kills(events: str) -> int:
    for line in events.splitlines():
        name, _, count = line.partition(" ")
        if name == "oom_kill":
            return _number(count)
    return 0


def _number(text: str) -> int:
    """Return what a file says; 0 for "max", and for what is not there."""
    return int(text) if text.strip().isdecimal() else 0


def _read(path: str, name: str) -> str:
    try:
        with open(os.path.join(path, name), encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


def _write(path: str, name: str, text: str) -> None:
    file = os.open(os.path.join(path, name), os.O_WRONLY | os.O_TRUNC)
    try:
        os.write(file, text.encode())
    finally:
        os.close(file)


def _write_where_there(path: str, name: str, text: str) -> None:
    """Write what only some kernels know."""
    if os.path.exists(os.path.join(path, name)):
        _write(path, name, text)
