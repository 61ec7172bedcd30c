"""How a zygote is started, by the name that a builder gave its image.

""                          the stack's own Python
"environment:/abs/path"     the Python of that environment
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import NamedTuple

from fnq_wire.environment import PREFIX, Environment
from fnq_wire.error import StackError

__all__ = ["Start", "start", "worker_argv"]


class Start(NamedTuple):
    """The command of a zygote and its variables; None for those of the supervisor.

    `tied`: it may be the child of what is started, and ends when its standard input does.
    """

    argv: list[str]
    env: Mapping[str, str] | None = None
    tied: bool = False


def start(image: str, socket: str, runner: str) -> Start:
    """Return how a zygote of `image` is started, which is to listen at the path `socket`.

    `runner` is the module of runners. Raises StackError for an image that is not there.
    """
    for prefix, made in _FORMS.items():
        if image.startswith(prefix):
            return made(image.removeprefix(prefix), socket, runner)
    if image:
        raise StackError(f"this stack knows no image {image!r}: deploy again")
    return Start([sys.executable, *_command(socket, runner)])


def worker_argv(image: str) -> list[str]:
    """Return the arguments with which an agent's runners find what their image has.

    Raises StackError for an image that is not there.
    """
    if not image.startswith(PREFIX):
        return []
    found = Environment.read(image.removeprefix(PREFIX))
    words = [word for each in found.mounts for word in ("--mount", ":".join((*each, "ro")))]
    return [*words, "--cwd", found.workdir] if found.workdir else words


def _in_environment(path: str, socket: str, runner: str) -> Start:
    found = Environment.read(path)
    command = [found.interpreter, *_command(socket, runner)]
    if not found.entrypoint:
        return Start(command, found.variables(os.environ))
    return Start([*found.entrypoint, *command, "--tied"], found.variables(os.environ), tied=True)


def _command(socket: str, runner: str) -> list[str]:
    return ["-P", "-m", runner, "--zygote", socket]


#: How the zygote of an image is started, by what its name begins with.
_FORMS: Mapping[str, Callable[[str, str, str], Start]] = {PREFIX: _in_environment}
