"""Who owns files in a directory: a process, for as long as it lives.

An owner has a file whose lock it holds until it ends, however that happens. The lock
tells more than a process id would: it works between containers, and nobody gets the
same one again. A copy that the process forks does not hold it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import uuid

__all__ = ["FILE", "bury", "claim", "lives", "mine"]

#: What the name of the file of an owner begins with.
FILE = "owner-"

#: The locks of this process, by path. POSIX drops a lock when the process closes any
#: descriptor of its file, so a file that is here is opened nowhere else.
_held: dict[str, int] = {}
_process: list[str] = []
_claiming = [threading.Lock()]


def _forked() -> None:
    """Forget what is the parent's."""
    for descriptor in _held.values():
        with contextlib.suppress(OSError):
            os.close(descriptor)
    _held.clear()
    _process.clear()
    _claiming[0] = threading.Lock()


os.register_at_fork(after_in_child=_forked)


def mine() -> str:
    """Return the name under which this process owns what it writes."""
    with _claiming[0]:
        if not _process:
            _process.append(uuid.uuid4().hex)
        return _process[0]


def claim(directory: str, owner: str) -> None:
    """Say in `directory` that `owner` lives, until this process ends; may be repeated.

    Raises OSError when that cannot be written.
    """
    path = os.path.join(directory, FILE + owner)
    with _claiming[0]:
        _claim(path)


def _claim(path: str) -> None:
    while path not in _held or not _is_at(_held[path], path):
        held = _held.pop(path, None)
        if held is not None:
            os.close(held)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX)
        except BaseException:
            os.close(descriptor)
            raise
        # Whoever took it for dead before it was locked has removed it: it is made anew.
        _held[path] = descriptor


def lives(directory: str, owner: str) -> bool:
    """Return whether an owner lives."""
    path = os.path.join(directory, FILE + owner)
    if path in _held:
        return True
    descriptor = _take(path)
    if descriptor is None:
        return os.path.lexists(path)
    os.close(descriptor)
    return False


def bury(directory: str, owner: str) -> None:
    """Remove the file of an owner, unless it lives."""
    path = os.path.join(directory, FILE + owner)
    if path in _held:
        return
    descriptor = _take(path)
    if descriptor is not None:
        # With its lock held: who claims it in this moment finds that it is gone.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        os.close(descriptor)


def _take(path: str) -> int | None:
    """Return the locked file of an owner that is dead; None when it lives, or has none."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _is_at(descriptor: int, path: str) -> bool:
    """Return whether an open file is the one that lies at `path`."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except OSError:
        return False
