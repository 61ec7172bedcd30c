"""The record of an environment: what its builder leaves for whoever starts processes in it.

DIR/environment.json    this record; written last, so that what has it is whole
DIR/venv/               the virtual environment
DIR/files/              what the image adds, each at its absolute path below this
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from fnq_wire.error import StackError

__all__ = ["FILES", "HOME", "PREFIX", "VENV", "Environment"]

#: Before the path of an environment in the name of an image.
PREFIX = "environment:"
VENV, FILES, HOME = "venv", "files", "home"
#: Variables that would lead another Python to the packages of the one around.
_PYTHONS_OWN = ("PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONUSERBASE", "VIRTUAL_ENV")
_RECORD = "environment.json"


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment that is whole; `path` is absolute.

    `python` is its version, as "3.12.1". `env` are the variables of the image, `mounts`
    what it adds: pairs of a path in this machine and the absolute path where it is found.
    """

    path: str
    python: str
    env: dict[str, str] = field(default_factory=dict, repr=False)
    #: Words before the command of a process; its directory, "" for none of its own.
    entrypoint: list[str] = field(default_factory=list)
    workdir: str = ""
    mounts: list[tuple[str, str]] = field(default_factory=list)

    @property
    def image(self) -> str:
        """What the builder calls the image."""
        return f"{PREFIX}{self.path}"

    @property
    def interpreter(self) -> str:
        return os.path.join(self.path, VENV, "bin", "python")

    @property
    def packages(self) -> str:
        """The directory in which its packages lie."""
        minor = self.python.rpartition(".")[0]
        return os.path.join(self.path, VENV, "lib", f"python{minor}", "site-packages")

    @classmethod
    def read(cls, path: str) -> Environment:
        """Return the environment at `path`. Raises StackError where none is whole."""
        try:
            with open(os.path.join(path, _RECORD), encoding="utf-8") as file:
                found = json.load(file)
            mounts = [(str(source), str(target)) for source, target in found.pop("mounts")]
            return cls(path=path, mounts=mounts, **found)
        except (OSError, ValueError, KeyError, TypeError) as problem:
            raise StackError(
                f"there is no environment at {path} any more ({problem}): deploy again"
            ) from problem

    def write(self) -> None:
        """Write the record: the environment is whole from now on."""
        record = os.path.join(self.path, _RECORD)
        document = asdict(self)
        del document["path"]
        with open(f"{record}.new", "w", encoding="utf-8") as file:
            json.dump(document, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(f"{record}.new", record)

    def variables(self, around: Mapping[str, str]) -> dict[str, str]:
        """Return the variables of a process in it that is started by one that has `around`."""
        kept = {name: each for name, each in around.items() if not _is_elsewhere(name)}
        venv = os.path.join(self.path, VENV)
        kept["PATH"] = f"{venv}/bin:{kept.get('PATH', os.defpath)}"
        return kept | {"VIRTUAL_ENV": venv, "HOME": os.path.join(self.path, HOME)} | self.env


def _is_elsewhere(name: str) -> bool:
    """Return whether a variable leads to the packages or the home of the process around."""
    return name in _PYTHONS_OWN or (name.startswith("XDG_") and name.endswith("_HOME"))
