"""What fnq adds to an image of a user's: the code of runners, and what that needs.

Where nobody else has an agent for them, the agent too: then a container of the image is a
whole worker, started by the command `WORK`.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fnq_server.image import runtime
from fnq_server.image.docker import inside
from fnq_wire.archive import Member
from fnq_wire.contained import HOME, WORK

__all__ = ["TITLE", "Layer"]

#: What is said while it is added.
TITLE = "fnq's runner"
#: Of the context.
_FOLDER = "fnq"
_PYTHON = (
    "python=$(command -v python3 || command -v python) || { "
    'echo "this image has no Python on its path: begin with one that has" >&2; exit 127; }; '
)
_INSTALL = f'{_PYTHON}exec "$python" {HOME}/install.py '
_WORK = f'#!/bin/sh\n{_PYTHON}\nexec "$python" -P {HOME}/work.py "$@"\n'


@dataclass(frozen=True, slots=True)
class Layer:
    """The layer; with `agent` it makes a whole worker."""

    agent: bool = False

    def dockerfile(self, base: str, user: str) -> str:
        """Return the Dockerfile of the layer on `base`, whose containers run as `user`."""
        commands = [_INSTALL + _words(runtime.NEEDS)]
        if self.agent:
            commands.append(f"{_INSTALL}--agent {_words(runtime.agent_needs())}")
        lines = [f"FROM {base}"]
        if user:
            lines.append("USER 0")
        lines.append(f"COPY {json.dumps([f'{_FOLDER}/', f'{HOME}/'])}")
        lines += (f"RUN {json.dumps(['/bin/sh', '-c', each])}" for each in commands)
        if user:
            lines.append(f"USER {json.dumps(user)}")
        return "\n".join(lines) + "\n"

    def members(self) -> Mapping[str, Member]:
        """Return the files of the context, by their paths."""
        return _members(self.agent)

    @property
    def identity(self) -> str:
        """The hash of all that the layer is made of, in hex."""
        return _identity(self)


@functools.cache
def _identity(layer: Layer) -> str:
    digest = hashlib.sha256(layer.dockerfile("", "").encode())
    for path, member in sorted(layer.members().items()):
        digest.update(f"{path}\0{hashlib.sha256(member.data).hexdigest()}\n".encode())
    return digest.hexdigest()


@functools.cache
def _members(agent: bool) -> Mapping[str, Member]:
    found = {f"{_FOLDER}/{path}": Member(file.read_bytes()) for path, file in _files(agent)}
    if agent:
        command = WORK.removeprefix(f"{HOME}/")
        found[f"{_FOLDER}/{command}"] = Member(_WORK.encode(), may_run=True)
    return found


def _files(agent: bool) -> Iterator[tuple[str, Path]]:
    for name in ("install.py", "start.py", *(["work.py"] if agent else [])):
        yield name, Path(inside.__path__[0], name)
    for path, file in runtime.code():
        yield f"code/{path}", file
    for path, file in runtime.agent_code() if agent else ():
        yield f"agent/code/{path}", file


def _words(needed: Sequence[str]) -> str:
    return " ".join(f"'{each}'" for each in needed)
