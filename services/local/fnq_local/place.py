"""Where a stack keeps its state and its sockets."""

from __future__ import annotations

import os
import shutil
import stat
from dataclasses import dataclass

from fnq_wire.error import StackError

__all__ = ["LEAST_FREE", "Place", "insist_private"]

#: Bytes that must be free where the append-only file grows; below, Redis would soon refuse writes.
LEAST_FREE = 32 << 20
#: Characters of a socket path; the kernel takes 107 on Linux and 103 on macOS.
_LONGEST_SOCKET = 99
#: How directories end that hold one socket.
_CELL = ".cell"


@dataclass(frozen=True, slots=True)
class Place:
    """The two directories of a stack and what lies in them; all paths are absolute."""

    state: str
    runtime: str

    @property
    def logs(self) -> str:
        return os.path.join(self.state, "logs")

    @property
    def spool(self) -> str:
        return os.path.join(self.state, "spool")

    @property
    def work(self) -> str:
        return os.path.join(self.state, "work")

    @property
    def volumes(self) -> str:
        return os.path.join(self.state, "volumes")

    @property
    def environments(self) -> str:
        return os.path.join(self.state, "environments")

    @property
    def secret_key(self) -> str:
        return os.path.join(self.state, "secret.key")

    @property
    def lock(self) -> str:
        return os.path.join(self.state, "lock")

    @property
    def record(self) -> str:
        return os.path.join(self.runtime, "stack.json")

    def socket(self, name: str) -> str:
        """Return the path of the socket called `name`."""
        return os.path.join(self.runtime, f"{name}.sock")

    def cell(self, name: str) -> str:
        """Return the path of a socket that has a directory of its own, called `name`.

        The directory is made: a container is given it, and none of the other sockets.
        """
        folder = os.path.join(self.runtime, f"{name}{_CELL}")
        os.makedirs(folder, mode=0o700, exist_ok=True)
        return os.path.join(folder, "sock")

    def address(self, name: str) -> str:
        """Return the gRPC address of the socket called `name`."""
        return f"unix:{self.socket(name)}"

    @property
    def redis_url(self) -> str:
        return f"unix://{self.socket('redis')}"

    def log(self, name: str) -> str:
        """Return the path of the log file of the process called `name`."""
        return os.path.join(self.logs, f"{name}.log")

    def prepare_state(self, least_free: int = LEAST_FREE) -> None:
        """Make the state directory and what belongs in it, mode 0700.

        Raises StackError when it cannot be written or its disk has less than
        `least_free` bytes left.
        """
        for path in (self.state, self.logs, self.work):
            try:
                os.makedirs(path, mode=0o700, exist_ok=True)
            except OSError as problem:
                raise StackError(
                    f"cannot make {path}: {problem.strerror}; "
                    "set FNQ_HOME to a directory of your own"
                ) from problem
            if not os.access(path, os.W_OK | os.X_OK):
                raise StackError(f"cannot write in {path}; set FNQ_HOME to a directory of your own")
        fault = self.fault(least_free)
        if fault:
            raise StackError(f"{fault}; free some or set FNQ_HOME to another disk")

    def lost(self) -> str:
        """Return which of the directories of a stack that runs somebody removed, or emptied."""
        if not os.path.isdir(self.logs):
            return self.state
        return "" if os.path.lexists(self.socket("supervisor")) else self.runtime

    def fault(self, least_free: int = LEAST_FREE) -> str:
        """Return why Redis cannot write in the state directory; empty when it can."""
        try:
            facts = os.statvfs(self.state)
        except OSError as problem:
            return f"cannot look at {self.state}: {problem.strerror}"
        free = facts.f_bavail * facts.f_frsize
        if free >= least_free:
            return ""
        return f"disk full: {free >> 20} MiB left for {self.state}, {least_free >> 20} are needed"

    def claim_runtime(self) -> None:
        """Make the runtime directory, mode 0700, or make sure that it is ours.

        Raises StackError when it is not a directory of this user's own, or its
        socket paths would be too long.
        """
        if len(self.socket("supervisor")) > _LONGEST_SOCKET:
            raise StackError(
                f"the path {self.socket('supervisor')} is too long for a socket "
                f"(over {_LONGEST_SOCKET} characters); set XDG_RUNTIME_DIR to a shorter one"
            )
        try:
            os.makedirs(os.path.dirname(self.runtime), exist_ok=True)
            os.mkdir(self.runtime, 0o700)
        except FileExistsError:
            insist_private(self.runtime)
        except OSError as problem:
            raise StackError(f"cannot make {self.runtime}: {problem.strerror}") from problem

    def clear_runtime(self) -> None:
        """Remove what a dead stack left in the runtime directory.

        Raises StackError when a directory is in the way.
        """
        for name in os.listdir(self.runtime):
            path = os.path.join(self.runtime, name)
            if name.endswith(_CELL):
                shutil.rmtree(path)
            elif os.path.isdir(path) and not os.path.islink(path):
                raise StackError(f"{path} is a directory where a socket should be; remove it")
            else:
                os.unlink(path)

    def remove_runtime(self) -> None:
        """Remove the runtime directory with its sockets; it may be gone already."""
        try:
            self.clear_runtime()
            os.rmdir(self.runtime)
        except FileNotFoundError:
            pass


def insist_private(path: str) -> None:
    """Make sure that a directory is this user's own, mode 0700; raises StackError."""
    try:
        facts = os.lstat(path)
    except OSError as problem:
        raise StackError(f"cannot look at {path}: {problem.strerror}") from problem
    what = _fault(facts)
    if what:
        raise StackError(
            f"{path} {what}; remove it, or set XDG_RUNTIME_DIR to a directory of your own"
        )
    if stat.S_IMODE(facts.st_mode) != 0o700:
        os.chmod(path, 0o700)


def _fault(facts: os.stat_result) -> str:
    if stat.S_ISLNK(facts.st_mode):
        return "is a symbolic link where a directory of yours is expected"
    if not stat.S_ISDIR(facts.st_mode):
        return "is not a directory"
    if facts.st_uid != os.getuid():
        return f"belongs to user {facts.st_uid}, not to you ({os.getuid()})"
    return ""
