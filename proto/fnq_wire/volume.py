"""What the name of a volume is, where it may be mounted, and where its files lie.

Pure: nothing here looks at the machine.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from fnq_wire.mounttable import is_within

__all__ = ["NAME", "clash", "covers", "folder", "path_problem"]

#: A volume's name, and what a namespace may be called in a path.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
#: Where nothing may be mounted, neither there nor below: the kernel's, and programs'.
_SYSTEM = (
    *("/bin", "/boot", "/dev", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/sbin", "/sys"),
    *("/usr/bin", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libexec", "/usr/sbin"),
    *("/usr/local/bin", "/usr/local/lib", "/usr/local/sbin"),
)
#: What others use too: a volume may lie below, and not in its place.
_SHARED = (
    *("/", "/etc", "/home", "/opt", "/root", "/run", "/tmp", "/usr", "/usr/local"),  # noqa: S108
    *("/usr/share", "/usr/src", "/var", "/var/lib", "/var/run", "/var/tmp"),  # noqa: S108
)
#: Bytes of a path that the kernel takes, and what separates paths in command lines.
_LONGEST, _SEPARATOR = 1_024, ":"


def path_problem(path: str) -> str | None:
    """Return why a volume cannot be mounted at a path, and what to do; None where it can."""
    if not path.startswith("/"):
        return f'expected an absolute path such as "/data", not {path!r}'
    normal = "/" + os.path.normpath(path).lstrip("/")
    if path != normal and normal not in _SHARED:
        return f"expected a path in its plain form, not {path!r}: write {normal!r}"
    if not path.isprintable() or _SEPARATOR in path or len(os.fsencode(path)) > _LONGEST:
        return f"expected a path of printable characters, without ':', not {path!r}"
    if normal in _SHARED or any(is_within(normal, each) for each in _SYSTEM):
        return (
            f'expected a directory of its own such as "/data", not {path!r}: '
            "the system and other programs need that one"
        )
    return None


def clash(paths: Iterable[str]) -> tuple[str, str] | None:
    """Return two paths of which one is, or lies in, the other; the outer one first."""
    seen: list[str] = []
    for path in paths:
        for other in seen:
            if is_within(path, other):
                return other, path
            if is_within(other, path):
                return path, other
        seen.append(path)
    return None


def covers(path: str, needed: Iterable[str]) -> str | None:
    """Return which of the paths that a worker needs would be hidden by a mount at `path`."""
    return next((each for each in needed if is_within(each, path)), None)


def folder(root: str, namespace: str, name: str) -> str:
    """Return the directory of a volume below `root`. Raises ValueError for what is no name."""
    for each in (namespace, name):
        if not NAME.fullmatch(each):
            raise ValueError(
                f"expected at most 128 letters, digits, '.', '_' and '-', not {each!r}"
            )
    return os.path.join(root, namespace, name)
