"""The local modules that are reached, each shipped as it is, packages whole.

What is followed: every `import` in a reached module, wherever it stands, so also
lazy ones inside functions. What travels with a package: all files below it, data
too, except caches, environments and version control.
"""

from __future__ import annotations

import ast
import os
import stat
import sys
import tokenize
from collections.abc import Iterable
from importlib.machinery import all_suffixes
from pathlib import Path

from chalkcompute.capture.bundle import Cargo
from chalkcompute.capture.imports import imported_names
from chalkcompute.capture.origin import OWN, Origin, find, is_local
from chalkcompute.capture.text import parse
from fnq_wire.error import DeployError

__all__ = ["Modules"]

#: Rebuilt wherever it is missed: not worth a word.
_SILENT = frozenset({"__pycache__", ".DS_Store"})
#: Directories that belong to a tool, not to the program.
_FOREIGN = frozenset(
    [
        ".git",
        ".hg",
        ".hypothesis",
        ".ipynb_checkpoints",
        ".mypy_cache",
        ".nox",
        ".pytest_cache",
        ".ruff_cache",
        ".svn",
        ".tox",
        ".venv",
        "node_modules",
        "site-packages",
    ]
)


class Modules:
    """Collect local modules, transitively; every name is looked at once."""

    def __init__(self) -> None:
        self._origins: dict[str, Origin | None] = {}
        self._scanned: set[str] = set()
        #: By path in the bundle: a file, or directories to take whole; none: an empty one.
        self._units: dict[str, list[Path]] = {}

    def is_local(self, name: str) -> bool:
        """Tell whether the module of that dotted name would travel."""
        origin = self._find(name)
        return origin is not None and origin.local

    def require(self, name: str) -> None:
        """Take the module of a function; DeployError when a worker could not import it."""
        if self._find(name) is None and name.partition(".")[0] not in OWN:
            raise DeployError(
                f"the module {name!r} has no file, so a worker cannot import it: write it to a "
                f"file, or define the function in the script itself"
            )
        self.reach(name)

    def reach(self, name: str) -> None:
        """Take the module, the packages around it, and what they import."""
        waiting = [name]
        while waiting:
            name = waiting.pop()
            parts = name.split(".")
            for length in range(1, len(parts) + 1):
                prefix = ".".join(parts[:length])
                if prefix not in self._scanned and self.is_local(prefix):
                    self._scanned.add(prefix)
                    self._admit(prefix)
                    waiting += self._imports(prefix)

    def scan(self, nodes: Iterable[ast.AST], package: str) -> None:
        """Take what `nodes` import; `package` is what relative imports start from."""
        for name in imported_names(nodes, package):
            self.reach(name)

    def load(self, cargo: Cargo) -> None:
        """Put all that was reached into `cargo`, and what is left out of it on its list."""
        for place, paths in sorted(self._units.items()):
            for path in paths:
                if path.is_file():
                    _load_file(cargo, place, path)
                else:
                    _load_directory(cargo, place, path, frozenset())
            if not paths and not any(each.startswith(f"{place}/") for each in self._units):
                cargo.add(f"{place}/", b"")

    def _find(self, name: str) -> Origin | None:
        if name not in self._origins:
            top, package = name.partition(".")[0], name.rpartition(".")[0]
            parent = self._find(package) if package else None
            reachable = not package or name in sys.modules or (parent and parent.is_package)
            self._origins[name] = find(name, parent) if reachable and top not in OWN else None
        return self._origins[name]

    def _admit(self, name: str) -> None:
        """Note what is shipped for one module that is local."""
        origin = self._find(name)
        assert origin is not None
        place = name.replace(".", "/")
        package = name.rpartition(".")[0]
        above = self._find(package) if package else None
        whole = above.file.parent if above is not None and above.file is not None else None
        path = origin.file or origin.locations[0]
        if whole is not None and path.is_relative_to(whole):
            return  # Its package is shipped, and with it all that lies below.
        if origin.is_package:
            self._units.setdefault(place, [origin.file.parent] if origin.file else [])
        elif above is not None and whole is None:
            # A namespace package that holds modules is a package like any other.
            self._units[package.replace(".", "/")] = [p for p in above.locations if is_local(p)]
        else:
            self._units.setdefault(place + _suffix(path), [path])

    def _imports(self, name: str) -> list[str]:
        """Return what a module imports; nothing where it cannot be parsed.

        It is shipped all the same: it may be meant for the worker's newer Python.
        """
        origin = self._find(name)
        if origin is None or origin.file is None or origin.file.suffix != ".py":
            return []
        try:
            with tokenize.open(origin.file) as file:
                tree = parse(file.read())
        except (SyntaxError, ValueError):
            return []
        except OSError as problem:
            raise DeployError(f"{origin.file} cannot be read: {problem.strerror}") from problem
        return list(imported_names([tree], name if origin.is_package else name.rpartition(".")[0]))


def _suffix(file: Path) -> str:
    """Return what follows the module's name: ".py", ".cpython-311-x86_64-linux-gnu.so"."""
    known = [each for each in all_suffixes() if file.name.endswith(each)]
    return max(known, key=len, default=file.suffix)


def _load_directory(cargo: Cargo, place: str, path: Path, above: frozenset[str]) -> None:
    real = os.path.realpath(path)
    if real in above:
        cargo.left_out.append(f"{place} (a link to a directory around it)")
        return
    names = _names(cargo, place, path)
    if not names:
        cargo.add(f"{place}/", b"")
    for name in names:
        inner = path / name
        if inner.is_dir():
            _load_directory(cargo, f"{place}/{name}", inner, above | {real})
        else:
            _load_file(cargo, f"{place}/{name}", inner)


def _names(cargo: Cargo, place: str, path: Path) -> list[str]:
    """Return what travels of a directory's entries; say what does not."""
    kept: list[str] = []
    for name in sorted(os.listdir(path)):
        if name in _SILENT:
            continue
        why = _foreign(path / name)
        if why:
            cargo.left_out.append(f"{_printable(place)}/{_printable(name)} ({why})")
        else:
            kept.append(name)
    return kept


def _foreign(path: Path) -> str:
    """Return why an entry of a package does not travel; "" when it does."""
    if path.name == ".env" or path.name.startswith(".env."):
        return "may hold secrets"
    if path.name in _FOREIGN:
        return "not part of the program"
    if os.path.isfile(path / "pyvenv.cfg"):
        return "a virtual environment"
    if "\\" in path.name or _printable(path.name) != path.name:
        return "its name cannot travel"
    try:
        mode = path.stat().st_mode
    except OSError as problem:
        return problem.strerror or "unreadable"
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        return "neither a file nor a directory"
    return "" if os.access(path, os.R_OK) else "unreadable"


def _load_file(cargo: Cargo, place: str, path: Path) -> None:
    try:
        data = path.read_bytes()
        executable = bool(path.stat().st_mode & stat.S_IXUSR)
    except OSError as problem:
        raise DeployError(f"{path} cannot be read: {problem.strerror}") from problem
    cargo.add(place, data, executable=executable)


def _printable(name: str) -> str:
    return name.encode(errors="replace").decode()
