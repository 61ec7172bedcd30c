"""Which Python of this machine an image runs on."""

from __future__ import annotations

import glob
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from fnq_server.image.environments.recipe import Asked
from fnq_wire.error import ImageBuildError

__all__ = ["NEWEST", "OLDEST", "Choice", "Python", "choose", "find"]

#: Minor versions of Python 3 that runners work on.
OLDEST, NEWEST = 11, 14
#: Seconds in which a Python says its version.
_ANSWER_S = 10.0
_SAY = "import sys; print(*sys.version_info[:3], sys.implementation.name)"


class Python(NamedTuple):
    """A Python 3 of this machine, by version and the path of its program."""

    minor: int
    patch: int
    path: str

    @property
    def version(self) -> str:
        """Return the version as text, "3.12.1"."""
        return f"3.{self.minor}.{self.patch}"

    @property
    def prefix(self) -> str:
        """The directory below which it is installed."""
        return os.path.dirname(os.path.dirname(os.path.realpath(self.path)))

    @property
    def bundled(self) -> str:
        """The directory with the pip that comes with it; "" where none does."""
        minor = f"python3.{self.minor}"
        found = glob.glob(f"{self.prefix}/lib/{minor}/ensurepip/_bundled/pip-*.whl")
        return os.path.dirname(found[0]) if found else ""


class Choice(NamedTuple):
    """The Python to take, and one sentence where that is not the one asked for; else ""."""

    python: Python
    remark: str


def choose(asked: Asked, found: Iterable[Python], exact: bool) -> Choice:
    """Return the asked minor version where the machine has it, otherwise the nearest. Pure.

    Of equally near ones the newer, of one minor version the asked patch or the highest.
    Raises ImageBuildError where it has none, or `exact` asks for no other one.
    """
    pythons = [each for each in found if OLDEST <= each.minor <= NEWEST]
    if not pythons:
        raise ImageBuildError(
            f"this machine has no Python 3.{OLDEST} to 3.{NEWEST} for images: install one"
        )
    best = max(pythons, key=lambda each: _rank(asked, each))
    same = asked.minor in (None, best.minor) and asked.patch in (None, best.patch)
    if same:
        return Choice(best, "")
    here = ", ".join(sorted({each.version for each in pythons}))
    if exact:
        raise ImageBuildError(
            f"its image asks for exactly Python {asked}, and this machine has {here}: "
            'install it, or take the nearest (options={"image.python": "exact"} and '
            "FNQ_LOCAL_STRICT insist on it)"
        )
    return Choice(best, f"this machine has no Python {asked}: its image runs on {best.version}")


def _rank(asked: Asked, python: Python) -> tuple[int, int, bool, int]:
    # Any Python is the one that the stack runs on.
    minor = sys.version_info.minor if asked.minor is None else asked.minor
    return -abs(python.minor - minor), python.minor, python.patch == asked.patch, python.patch


def find(environ: Mapping[str, str]) -> list[Python]:
    """Return the Pythons of this machine that images may run on; asks each for its version.

    They are looked for on PATH, where uv and pyenv keep theirs, and beside the one that
    runs this. Programs that do not answer, as those that pyenv only names, are left out.
    """
    names = [f"python3.{minor}" for minor in range(OLDEST, NEWEST + 1)]
    home = environ.get("HOME", "")
    data = environ.get("XDG_DATA_HOME") or f"{home}/.local/share"
    beside = os.path.dirname(sys.base_prefix)
    folders = [os.path.join(sys.base_prefix, "bin"), *glob.glob(f"{beside}/*/bin")]
    folders += glob.glob(
        f"{environ.get('UV_PYTHON_INSTALL_DIR') or f'{data}/uv/python'}/cpython-*/bin"
    )
    folders += glob.glob(f"{environ.get('PYENV_ROOT') or f'{home}/.pyenv'}/versions/*/bin")
    # What pyenv puts on PATH only leads to those, or to none.
    on_path = environ.get("PATH", os.defpath).split(os.pathsep)
    folders += [each for each in on_path if each and not each.endswith("/shims")]
    paths = {
        os.path.realpath(path): path
        for folder in folders
        for name in names
        if os.access(path := os.path.join(folder, name), os.X_OK)
    }
    return sorted(each for path in paths.values() if (each := _ask(path)) is not None)


def _ask(path: str) -> Python | None:
    try:
        done = subprocess.run(
            [path, "-I", "-S", "-c", _SAY], capture_output=True, text=True, timeout=_ANSWER_S
        )
        major, minor, patch, implementation = done.stdout.split()
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    if (major, implementation) != ("3", "cpython"):
        return None
    return Python(int(minor), int(patch), path)
