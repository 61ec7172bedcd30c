"""The control groups of a stack's workers: made before an agent starts, removed after it.

They lie in one group of the stack, below the group of the supervisor or the nearest one above
it that this user may divide. Its name says whose it is, so that the next stack removes
what one that was killed has left.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import signal
from collections.abc import Iterator, Mapping
from functools import cached_property

from fnq_local import proc
from fnq_wire import cgroup
from fnq_wire.hierarchy import CONTROLLERS, Hierarchy

__all__ = ["Cgroups"]

#: Of the groups of stacks: then the namespace of process ids, the id of the supervisor in
#: it, and when that began.
_PREFIX = "fnq-"
#: Seconds that what a worker has left, once killed, may take to be gone.
_LEAVE_S = 2.0
#: Seconds between two looks.
_LOOK_S = 0.01

_log = logging.getLogger(__name__)


class Cgroups:
    """Makes a group for each worker that asks for cores or memory, where that is allowed.

    `tables` is where the kernel says what is mounted and where this process belongs.
    Nothing is made before the first worker asks, or somebody wants to know whether it
    would be held to it.
    """

    def __init__(self, tables: str = cgroup.TABLES) -> None:
        self._tables = tables
        mine = os.getpid()
        self._name = f"{_PREFIX}{_namespace()}-{mine}-{proc.began(mine) or 0}"
        self._numbers = itertools.count()

    @cached_property
    def _stems(self) -> Mapping[str, str]:
        """The stack's own group for each controller that it may use."""
        found: dict[str, str] = {}
        for tree in self._trees():
            for above in _upward(tree):
                wanted = [each for each in CONTROLLERS if each not in found]
                found |= dict.fromkeys(self._claim(tree, above, wanted), above)
        return found

    @property
    def enforced(self) -> frozenset[str]:
        """What workers are held to here: of "memory" and "cpu"."""
        return frozenset(self._stems)

    @property
    def obstacle(self) -> str:
        """Why not to all of it: one clause, with the remedy; empty where they are."""
        if len(self._stems) == len(CONTROLLERS):
            return ""
        trees = self._trees()
        if not trees:
            return "there are no control groups for them"
        return (
            f"no control group may be made below {trees[0].own}; where systemd runs, "
            "start the stack with `systemd-run --user --scope fnq up`"
        )

    def make(self, name: str, cpu_millis: int, memory_bytes: int) -> list[str]:
        """Return the new groups of a worker, none where it asks for nothing or none can be had.

        0 stands for "not asked". What cannot be had is logged: the worker runs all the same.
        """
        made: list[str] = []
        unique = f"{name}-{next(self._numbers)}"
        limits = {
            "memory": (cgroup.limit_memory, memory_bytes),
            "cpu": (cgroup.limit_cpu, cpu_millis),
        }
        for controller, (limit, amount) in limits.items():
            stem = self._stems.get(controller) if amount else None
            if stem is None:
                continue
            path = os.path.join(stem, self._name, unique)
            try:
                os.makedirs(path, exist_ok=True)
                limit(path, amount)
            except OSError as problem:
                _log.warning("%s is not held to its %s: %s", name, controller, problem)
                _remove(path)
                continue
            if path not in made:
                made.append(path)
        return made

    async def remove(self, paths: list[str]) -> None:
        """Kill what a worker has left in its groups, and remove them."""
        loop = asyncio.get_running_loop()
        limit = loop.time() + _LEAVE_S
        while left := [path for path in paths if not _remove(path)]:
            if loop.time() > limit:
                _log.warning("cannot remove %s", ", ".join(left))
                return
            for pid in {pid for path in left for pid in cgroup.members(path)}:
                _kill(pid)
            await asyncio.sleep(_LOOK_S)

    def tidy(self) -> None:
        """Remove what stacks that were killed have left, where nothing runs in it any more.

        Theirs may have been below any group. Takes a while where there are many.
        """
        for tree in self._trees():
            for folder, names, _ in os.walk(tree.root):
                stacks = [name for name in names if name.startswith(_PREFIX)]
                names[:] = [name for name in names if name not in stacks]
                for name in stacks:
                    if _is_dead(name):
                        _remove_tree(os.path.join(folder, name))

    def close(self) -> None:
        """Remove the stack's own groups; workers must have ended."""
        for stem in set(vars(self).get("_stems", {}).values()):
            _remove_tree(os.path.join(stem, self._name))

    def _trees(self) -> list[Hierarchy]:
        return cgroup.own(self._tables)

    def _claim(self, tree: Hierarchy, above: str, wanted: list[str]) -> list[str]:
        """Make the stack's group in `above`; return what its workers can have there."""
        stem = os.path.join(above, self._name)
        had = tree.controllers.intersection(wanted)
        if tree.version == 1 and not had:
            return []
        if not os.access(os.path.join(above, "cgroup.procs"), os.W_OK):
            return []
        try:
            os.makedirs(stem, exist_ok=True)
            if tree.version == 2:
                had = frozenset(_divide(above, stem, wanted))
        except OSError:
            had = frozenset()
        if not had:
            _remove(stem)
        return sorted(had)


def _divide(above: str, stem: str, wanted: list[str]) -> Iterator[str]:
    """Hand controllers down to a stack's group and its workers'; yield those that came."""
    for controller in wanted:
        try:
            for folder in (above, stem):
                if controller not in _words(folder, "cgroup.subtree_control"):
                    with open(os.path.join(folder, "cgroup.subtree_control"), "w") as file:
                        file.write(f"+{controller}")
        except OSError:
            # The group above has it not, or has processes beside groups.
            continue
        yield controller


def _upward(tree: Hierarchy) -> Iterator[str]:
    """Yield the directory of our group and those above it; of version 1 the first alone."""
    yield tree.own
    above = tree.own
    while tree.version == 2 and len(above) > len(tree.root):
        above = os.path.dirname(above)
        yield above


def _words(folder: str, name: str) -> list[str]:
    with open(os.path.join(folder, name), encoding="ascii") as file:
        return file.read().split()


def _is_dead(name: str) -> bool:
    """Whether the stack of a group is known to be gone: one whose ids mean something here."""
    parts = name.removeprefix(_PREFIX).split("-")
    if len(parts) != 3 or not all(map(str.isdecimal, parts)) or parts[0] != _namespace():
        return False
    return proc.began(int(parts[1])) != int(parts[2])


def _namespace() -> str:
    """Return the number of the namespace that process ids here are of; "0" where it has none."""
    try:
        return str(os.stat("/proc/self/ns/pid").st_ino)
    except OSError:
        return "0"


def _remove_tree(path: str) -> None:
    for name in _entries(path):
        _remove(os.path.join(path, name))
    _remove(path)


def _remove(path: str) -> bool:
    """Remove a group that is empty; return whether it is gone."""
    try:
        os.rmdir(path)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _entries(path: str) -> list[str]:
    try:
        return os.listdir(path)
    except OSError:
        return []


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
