"""A zygote that was started and to which nobody has connected yet.

Standard library only: it is to be started before anything else is loaded.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from fnq_wire.variable import SECRET_PREFIX
from fnq_worker.gpus import visible

__all__ = ["Begun", "begin", "is_wanted", "starter"]

#: Arguments of an agent that have a say in this: the path of a shared zygote, and a starter;
#: and those with which no agent starts.
_SHARED, _STARTER, _HELP = "--zygote", "--starter", ("-h", "--help")


class Begun(NamedTuple):
    """A zygote's process and our end of the connection to it; when that closes, it ends."""

    socket: socket.socket
    process: subprocess.Popen[bytes]


def begin(starter: str | None, environ: Mapping[str, str]) -> Begun:
    """Start what the file `starter` begins, with this Python; None: the module of runners.

    It gets the variables of `environ` without secrets, and CUDA's for the GPUs of this worker.
    Raises OSError when it cannot be started.
    """
    ours, theirs = socket.socketpair()
    program = ["-P", starter] if starter else ["-m", "fnq_runner"]
    kept = {name: each for name, each in environ.items() if not name.startswith(SECRET_PREFIX)}
    with theirs:
        process = subprocess.Popen(
            [sys.executable, *program, "--zygote", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            env=kept | visible(kept),
        )
    return Begun(ours, process)


def is_wanted(words: Sequence[str]) -> bool:
    """Return whether an agent with these arguments has a zygote of its own."""
    return not any(word in _HELP or word.startswith(_SHARED) for word in words)


def starter(words: Sequence[str]) -> str | None:
    """Return what these arguments name to begin it; None where they name nothing."""
    # Written with "=" it is one word.
    split = [part for word in words for part in _parts(word)]
    named = [after for word, after in pairwise(split) if word == _STARTER]
    return named[-1] if named else None


def _parts(word: str) -> tuple[str, ...]:
    option, equals, value = word.partition("=")
    return (option, value) if equals and option == _STARTER else (word,)
