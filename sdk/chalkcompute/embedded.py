"""The embedded stack: started on first use, shared by all scripts of one user.

A supervisor (`python -m fnq_local`) runs it in the background. One state directory
has one stack; its sockets lie in a runtime directory that only this user can enter.
"""

from __future__ import annotations

import json
import os
import select
import socket
import stat
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalkcompute.inherited import inherited
from fnq_wire.error import NotReadyError, StackError

if TYPE_CHECKING:
    from chalkcompute.config import Config

__all__ = ["TIMEOUT_S", "Place", "ask", "ensure", "held", "locate"]

#: Seconds in which a stack must come up.
TIMEOUT_S = 20.0
#: Seconds between two looks at a stack that is coming or going.
_LOOK_S = 0.01
#: Characters of a directory whose sockets the kernel still takes.
_LONGEST_RUNTIME = 83
#: Pythons whose packages serve this process instead of its own, and builders that make images
#: for it instead of the one it asks for: it has been told so.
_told: set[str] = set()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stack keeps its state and its sockets; absolute paths."""

    state: str
    runtime: str

    @property
    def door(self) -> str:
        """The socket of the supervisor."""
        return os.path.join(self.runtime, "supervisor.sock")

    @property
    def lock(self) -> str:
        """The file that the supervisor has locked for as long as it lives."""
        return os.path.join(self.state, "lock")

    @property
    def log(self) -> str:
        """The log file of the supervisor; those of the others lie beside it."""
        return os.path.join(self.state, "logs", "supervisor.log")


def locate(environ: Mapping[str, str] = os.environ) -> Place:
    """Return the place of this user's stack; nothing is made.

    The state is in $FNQ_HOME, else $XDG_STATE_HOME/fnq, else ~/.local/state/fnq.
    A stack that runs is where its lock says, whatever the environment is now.
    Raises StackError when the user has no home.
    """
    state = environ.get("FNQ_HOME") or _below("XDG_STATE_HOME", environ)
    state = os.path.expanduser(state or "~/.local/state/fnq")
    if state.startswith("~"):
        raise StackError("this user has no home directory; set FNQ_HOME to a directory of your own")
    # Links are followed: one directory is one stack, by whatever name it goes.
    state = os.path.realpath(state)
    return Place(state, _noted(state) or _choose(state, environ))


def _noted(state: str) -> str:
    """Return the runtime directory of the stack that holds the lock; empty if there is none."""
    try:
        with open(Place(state, "").lock, "rb") as file:
            runtime = os.fsdecode(file.read())
        there = os.path.isabs(runtime) and os.path.lexists(Place(state, runtime).door)
    except (OSError, ValueError):
        return ""
    return runtime if there and _private(runtime) else ""


def _choose(state: str, environ: Mapping[str, str]) -> str:
    """Return the directory in which a new stack has its sockets."""
    import hashlib

    mark = hashlib.sha256(state.encode()).hexdigest()[:8]
    shared = environ.get("TMPDIR") or "/tmp"  # noqa: S108 - made with mode 0700, and checked
    runtime = _below("XDG_RUNTIME_DIR", environ, f"fnq-{mark}")
    if not runtime or len(runtime) > _LONGEST_RUNTIME:
        runtime = os.path.join(os.path.abspath(shared), f"fnq-{os.getuid()}-{mark}")
    if len(runtime) > _LONGEST_RUNTIME:
        runtime = f"/tmp/fnq-{os.getuid()}-{mark}"  # noqa: S108 - made with mode 0700, and checked
    return runtime


def _below(variable: str, environ: Mapping[str, str], name: str = "fnq") -> str:
    """Return `name` in the directory that an XDG variable names; a relative one does not count."""
    folder = environ.get(variable, "")
    return os.path.join(folder, name) if os.path.isabs(folder) and os.path.isdir(folder) else ""


def ensure(
    config: Config, *, timeout_s: float = TIMEOUT_S, supervisor_options: Sequence[str] = ()
) -> str:
    """Return the address of the embedded server, having started the stack if need be.

    Many processes may do so at once: one stack comes of it. It outlives this
    process. Raises StackError when it cannot run here, and NotReadyError, which
    names what is missing, when it is not up after `timeout_s` seconds.
    """
    limit = time.monotonic() + timeout_s
    waiting = "the supervisor, which does not answer"
    place = locate()
    while (left_s := limit - time.monotonic()) > 0:
        # Another one may have started it meanwhile, with its sockets elsewhere.
        place = locate()
        answer = ask(place, "ping", left_s, wait_s=left_s, touch=True)
        if answer is None:
            _start(place, config, limit, supervisor_options)
        elif answer["ready"]:
            _compare(answer, config)
            return str(answer["server"])
        else:
            waiting = answer["waiting"]
            time.sleep(_LOOK_S)
    raise NotReadyError(
        f"the embedded stack is not up after {timeout_s:g} s: waiting for {waiting}; "
        f"see {place.log}, or set FNQ_ADDR to use another server"
    )


def ask(place: Place, verb: str, timeout_s: float, **request: object) -> dict[str, Any] | None:
    """Return what the supervisor answers; None when there is none that does.

    Raises StackError with its words when it refuses, and NotReadyError when it
    does not answer within `timeout_s` seconds.
    """
    if not _private(place.runtime):
        return None
    with socket.socket(socket.AF_UNIX) as door:
        door.settimeout(timeout_s)
        try:
            door.connect(place.door)
            door.sendall(json.dumps({"verb": verb, **request}).encode() + b"\n")
            # A little more than the supervisor was told to wait.
            door.settimeout(timeout_s + 1.0 if "wait_s" in request else timeout_s)
            with door.makefile("rb") as lines:
                line = lines.readline()
        except TimeoutError:
            raise NotReadyError(
                f"the supervisor of the embedded stack did not answer {verb!r} within "
                f"{timeout_s:g} s; see {place.log}"
            ) from None
        except OSError:
            return None
    if not line:
        return None
    answer: dict[str, Any] = json.loads(line)
    if not answer["ok"]:
        raise StackError(f"the embedded stack: {answer['error']}")
    return answer


def held(place: Place) -> bool:
    """Return whether a supervisor lives, also one whose sockets are not there."""
    import fcntl

    try:
        with open(place.lock, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _private(path: str) -> bool:
    """Return whether nobody else can have put a socket there."""
    try:
        facts = os.lstat(path)
    except OSError:
        return False
    mine = stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.getuid()
    return mine and not facts.st_mode & 0o077


def _start(place: Place, config: Config, limit: float, options: Sequence[str]) -> None:
    """Start a supervisor; return when visitors can knock, at it or at another one's.

    Raises StackError with its words when it cannot run.
    """
    import subprocess

    if not sys.executable:
        raise StackError("this Python does not know its own path; start a stack with `fnq up`")
    ours, theirs = os.pipe()
    with open(ours, "rb", buffering=0) as report:
        try:
            starter = subprocess.Popen(
                [
                    *(sys.executable, "-P", "-m", "fnq_local", "--detach"),
                    *("--state", place.state, "--runtime", place.runtime, "--report", str(theirs)),
                    *options,
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                # What goes wrong before it can report, Python says there.
                stderr=theirs,
                pass_fds=(theirs,),
                start_new_session=True,
                env=_environment(config),
            )
        except OSError as problem:
            raise StackError(f"cannot start {sys.executable}: {problem.strerror}") from problem
        finally:
            os.close(theirs)
        line = _read_report(report.fileno(), limit)
        # It has gone to the background; what is waited for is only its starter.
        try:
            starter.wait(max(0.0, limit - time.monotonic()))
        except subprocess.TimeoutExpired:
            starter.kill()
            starter.wait()
    if "error" in line:
        raise StackError(f"the embedded stack cannot start: {line['error']}")


def _read_report(file: int, limit: float) -> dict[str, Any]:
    """Return the line in which the supervisor reports; empty at the limit."""
    text = b""
    while select.select([file], [], [], max(0.0, limit - time.monotonic()))[0]:
        data = os.read(file, 65536)
        text += data
        for each in text.splitlines():
            if each.startswith(b"{") and each.endswith(b"}"):
                report: dict[str, Any] = json.loads(each)
                return report
        if not data:
            return {"error": _diagnosis(text.decode(errors="replace"))}
    return {}


def _diagnosis(text: str) -> str:
    last = text.strip().rpartition("\n")[2]
    if "fnq_local" in last and "No module" in last:
        return "it is not installed; pip install 'fnq[local]', or set FNQ_ADDR to use a server"
    return last or "the supervisor ended without a word"


def _environment(config: Config) -> dict[str, str]:
    """Return the environment of a stack that will stand in another directory."""
    own = {"FNQ_LOG_LEVEL": config.log_level, "FNQ_BUILDER": config.builder}
    environ = {**inherited(os.environ), **own}
    paths = environ.get("PYTHONPATH", "")
    if paths:
        environ["PYTHONPATH"] = os.pathsep.join(map(os.path.abspath, paths.split(os.pathsep)))
    return environ


def _compare(answer: Mapping[str, Any], config: Config) -> None:
    """Say once when functions will run with other packages, or images be made otherwise."""
    prefix, builder = answer["prefix"], answer["builder"]
    if builder != config.builder and builder not in _told:
        _told.add(builder)
        sys.stderr.write(
            f"[fnq] the stack that runs here makes images with {builder}, not {config.builder}: "
            "`fnq down` lets the next script start one that does\n"
        )
    if prefix != sys.prefix and prefix not in _told:
        _told.add(prefix)
        sys.stderr.write(
            f"[fnq] the stack that runs here uses the packages of {prefix}, not of {sys.prefix}; "
            "`fnq down` lets this Python start one\n"
        )
