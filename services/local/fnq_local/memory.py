"""The spool of a stack in memory, where this machine has a file system there.

In the state directory lies a link to it, so that the stack, its callers and the next
stack agree on one place. Where the link leads nothing outlives a boot.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

from fnq_local.place import insist_private
from fnq_wire.error import StackError
from fnq_wire.limits import MOST_SPOOLED
from fnq_wire.spool import Spool

__all__ = ["SHARED_MEMORY", "prepare_spool", "tidy"]

#: Where Linux has files in memory.
SHARED_MEMORY = "/dev/shm"  # noqa: S108 - directories in it are made with mode 0700, and checked
#: Bytes that must be free there: the largest value.
_LEAST_FREE = MOST_SPOOLED


def prepare_spool(
    path: str, shared_memory: str = SHARED_MEMORY, least_free: int = _LEAST_FREE
) -> None:
    """Make a spool at `path`: a link to a directory in memory, or a directory where there is none.

    A spool that is there already stays where it is, unless it is empty and in no memory.
    Raises OSError.
    """
    house = Path(shared_memory, f"fnq-{os.getuid()}")
    mark = hashlib.sha256(os.path.realpath(os.path.dirname(path)).encode()).hexdigest()[:16]
    target = house / mark
    if os.path.islink(path) and os.readlink(path) == str(target) and _made(target):
        return
    if os.path.islink(path):
        os.unlink(path)
    in_memory = _has_room(shared_memory, least_free) and _made(house) and _made(target)
    if in_memory and _is_clear(path):
        os.symlink(target, path)
    else:
        os.makedirs(path, mode=0o700, exist_ok=True)


def tidy(path: str, shared_memory: str = SHARED_MEMORY) -> None:
    """Sweep a spool that no stack uses, and those in memory whose stacks have vanished."""
    mine = Path(os.path.realpath(path))
    Spool(str(mine)).withdraw_all()
    spools = [mine]
    with contextlib.suppress(OSError):
        spools += Path(shared_memory, f"fnq-{os.getuid()}").iterdir()
    for each in spools:
        with contextlib.suppress(OSError):
            Spool(str(each)).sweep()
            if each.parent.parent == Path(shared_memory):
                # What somebody uses is not empty: his proof lies there.
                each.rmdir()


def _is_clear(path: str) -> bool:
    """Return whether nothing lies at `path` now; an empty directory is removed."""
    try:
        os.rmdir(path)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _has_room(directory: str, least_free: int) -> bool:
    try:
        facts = os.statvfs(directory)
    except OSError:
        return False
    return facts.f_bavail * facts.f_frsize >= least_free


def _made(directory: Path) -> bool:
    """Return whether a directory of this user's own is there now, mode 0700."""
    try:
        directory.mkdir(mode=0o700)
    except FileExistsError:
        try:
            insist_private(str(directory))
        except StackError:
            return False
    except OSError:
        return False
    return True
