"""What a forked process does before it is a runner."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
from collections.abc import Mapping
from typing import Any, NoReturn

from fnq_runner import runner
from fnq_runner.pipe import crash
from fnq_wire import cgroup, failure, mounts
from fnq_wire.mounts import MountError
from fnq_wire.pipe import CUT_OFF, Kind, encode_json

__all__ = ["become_runner", "set_name"]

#: Of prctl(2) on Linux.
_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15
#: Where the pipe lies in every runner.
_PIPE = 3
#: What the size of an expendable runner is raised by in the eyes of the kernel, in thousandths
#: of the memory that its group may use: more than its agent and the zygote take together.
_EXPENDABLE, _MOST = 500, 1_000


def become_runner(
    descriptors: tuple[int, int, int], order: Mapping[str, Any], parent: int
) -> NoReturn:
    """Turn this copy of the zygote into a runner: pipe, stdout and stderr are given.

    It dies with `parent`, has a process group of its own, no other descriptor than
    these, and sees what its order mounts for it. It is in the control groups of the order
    before any code of the user's.
    """
    try:
        os.setpgid(0, 0)
        _die_with(parent)
        for group in order.get("cgroups") or ():
            cgroup.enter(group)
        if order.get("expendable"):
            _go_first()
        set_name("fnq-runner")
        _take_descriptors(descriptors)
        _reset_signals()
        _set_environment(order.get("env") or {})
        mounts.enter([tuple(each) for each in order.get("mounts") or ()])
        if order.get("cwd"):
            os.chdir(order["cwd"])
    except MountError as problem:
        _refuse(problem)
    except BaseException as problem:
        crash(problem)
    runner.serve(socket.socket(fileno=_PIPE))


def _refuse(problem: MountError) -> NoReturn:
    """Tell the agent that no runner can begin here, and leave."""
    envelope = failure.make("UnschedulableError", str(problem))
    os.write(_PIPE, encode_json(Kind.BROKEN, dict(envelope)))
    os._exit(runner.BROKEN)


def set_name(name: str) -> None:
    """Have process listings show `name`, 15 characters at most, where that can be."""
    _prctl(_PR_SET_NAME, ctypes.c_char_p(name.encode()))


def _die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent dies, now if it has."""
    _prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))
    if os.getppid() != parent:
        os._exit(CUT_OFF)


def _go_first() -> None:
    """Have the kernel kill this process, and what it starts, before others of its group."""
    path = "/proc/self/oom_score_adj"
    try:
        with open(path, encoding="ascii") as file:
            score = int(file.read())
        with open(path, "w", encoding="ascii") as file:
            file.write(str(min(_MOST, score + _EXPENDABLE)))
    except OSError:  # There is none here, or not for us: another may be killed first.
        return


def _prctl(option: int, value: Any) -> None:
    if sys.platform == "linux":
        zero = ctypes.c_ulong(0)
        ctypes.CDLL(None).prctl(ctypes.c_int(option), value, zero, zero, zero)


def _take_descriptors(descriptors: tuple[int, int, int]) -> None:
    """Put the pipe at 3, the outputs at 1 and 2, nothing at 0, and close all others."""
    # First out of the way of the places that they shall have.
    pipe, out, err = (_above(each) for each in descriptors)
    nothing = _above(os.open(os.devnull, os.O_RDONLY))
    os.dup2(nothing, 0)
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.dup2(pipe, _PIPE, inheritable=False)
    for name in os.listdir("/dev/fd"):
        if int(name) > _PIPE:
            try:
                os.close(int(name))
            except OSError:  # The one that the listing itself used.
                continue


def _above(descriptor: int) -> int:
    """Return a copy that is none of the first four descriptors."""
    copies: list[int] = []
    while not copies or copies[-1] <= _PIPE:
        copies.append(os.dup(descriptor))
    for low in copies[:-1]:
        os.close(low)
    return copies[-1]


def _reset_signals() -> None:
    """Take back what the zygote handles; Ctrl-C in its terminal is not for a runner."""
    signal.set_wakeup_fd(-1)
    for each in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
        signal.signal(each, signal.SIG_DFL)
    # Means nothing until a host says what, but must not end the process; unlike
    # SIG_IGN a handler is not passed on to programs that are started.
    signal.signal(signal.SIGUSR1, lambda number, frame: None)


def _set_environment(changes: Mapping[str, str | None]) -> None:
    """Set variables; None takes one away."""
    for name, value in changes.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
