"""The directories of volumes on this machine, as workers get them."""

from __future__ import annotations

import os
from collections.abc import Iterable

from fnq_wire import volume
from fnq_wire.error import StackError

__all__ = ["Mount", "check", "folders", "mount_argv"]

#: A directory of this machine, where a worker sees it, and "rw" or "ro".
Mount = tuple[str, str, str]


def check(volumes: Iterable[tuple[str, str]]) -> None:
    """Raise StackError for a name that no volume has, or a path that is none to mount at."""
    for name, path in volumes:
        if not volume.NAME.fullmatch(name):
            raise StackError(f"not the name of a volume: {name!r}")
        if problem := volume.path_problem(path):
            raise StackError(f"volume {name!r}: {problem}")


def folders(root: str, namespace: str, volumes: Iterable[tuple[str, str]]) -> tuple[Mount, ...]:
    """Return the directory of each volume below `root`, with the path to see it at.

    One that somebody removed since the deploy is made anew, empty. Raises StackError
    where it cannot be.
    """
    found: list[Mount] = []
    for name, path in volumes:
        try:
            folder = volume.folder(root, namespace, name)
            os.makedirs(folder, mode=0o700, exist_ok=True)
        except (OSError, ValueError) as problem:
            raise StackError(
                f"cannot make the directory of volume {name!r}: {problem}"
            ) from problem
        found.append((folder, path, "rw"))
    return tuple(found)


def mount_argv(mounts: Iterable[Mount]) -> list[str]:
    """Return the arguments with which an agent's runners see directories at their paths."""
    return [word for each in mounts for word in ("--mount", ":".join(each))]
