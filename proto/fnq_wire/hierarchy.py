"""Where this process' control groups lie, as the kernel's tables say. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["CONTROLLERS", "Hierarchy", "hierarchies"]

#: What workers can be held to.
CONTROLLERS = ("memory", "cpu")
#: How a mount point writes a blank, a tab, a backslash.
_ESCAPE = re.compile(r"\\([0-7]{3})")


class Hierarchy(NamedTuple):
    """A tree of groups: where it begins, and the directory of this process' group in it.

    `controllers` are those that a tree of version 1 has; of version 2 each group says itself.
    """

    version: int
    root: str
    own: str
    controllers: frozenset[str] = frozenset()


def hierarchies(mountinfo: str, own: str) -> list[Hierarchy]:
    """Return the trees with a controller that matters, version 2 first.

    Takes the text of /proc/self/mountinfo and of /proc/self/cgroup.
    """
    paths = dict(_own(line) for line in own.splitlines() if line.count(":") >= 2)
    found = []
    for line in mountinfo.splitlines():
        left, _, right = line.partition(" - ")
        fields, kind = left.split(" "), right.split(" ")
        if len(fields) < 5 or len(kind) < 3 or kind[0] not in ("cgroup", "cgroup2"):
            continue
        version = 2 if kind[0] == "cgroup2" else 1
        had = frozenset(kind[2].split(",")).intersection(CONTROLLERS) if version == 1 else None
        if had is not None and not had:
            continue
        path = paths.get(min(had) if had else "")
        inside = None if path is None else _inside(path, _plain(fields[3]))
        if inside is not None:
            root = _plain(fields[4])
            found.append(Hierarchy(version, root, root + inside.rstrip("/"), had or frozenset()))
    return sorted(found, key=lambda each: -each.version)


def _own(line: str) -> tuple[str, str]:
    """Return a controller that matters (or "" of version 2), and the path of our group in it."""
    _, names, path = line.split(":", 2)
    known = sorted(set(names.split(",")).intersection(CONTROLLERS))
    return known[0] if known else names, path


def _inside(path: str, top: str) -> str | None:
    """Return a group's path below what is mounted; None where that is another part of the tree."""
    if path.startswith("/.."):
        return None
    if top == "/":
        return path
    return path[len(top) :] if path == top or path.startswith(f"{top}/") else None


def _plain(text: str) -> str:
    return _ESCAPE.sub(lambda found: chr(int(found[1], 8)), text)
