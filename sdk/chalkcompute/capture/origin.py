"""Where a module comes from, and whether it is local: found without importing it.

Local is what lies neither in the standard library nor in site-packages or
dist-packages; an editable install is local. fnq's own packages never are: a worker
has them already, in the version that it runs.
"""

from __future__ import annotations

import functools
import re
import site
import sys
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from fnq_wire.error import DeployError

__all__ = ["OWN", "Origin", "find", "is_local"]

OWN = frozenset(
    [
        "chalkcompute",
        "fnq",
        "fnq_consumer",
        "fnq_core",
        "fnq_local",
        "fnq_runner",
        "fnq_server",
        "fnq_wire",
        "fnq_worker",
    ]
)
#: The standard library of an embedded Python.
_STANDARD_ZIP = re.compile(r"python\d+\.zip")
_INSTALLED = frozenset({"site-packages", "dist-packages"})


@dataclass(frozen=True, slots=True)
class Origin:
    """A module's file (None: a namespace package) and, of a package, its directories."""

    file: Path | None
    locations: list[Path] = field(default_factory=list)

    @property
    def is_package(self) -> bool:
        """Tell whether modules can lie below it."""
        return bool(self.locations)

    @property
    def local(self) -> bool:
        """Tell whether it travels."""
        return any(map(is_local, [self.file] if self.file else self.locations))


def find(name: str, parent: Origin | None = None) -> Origin | None:
    """Return where the module `name` comes from; None when it cannot be found.

    `parent` is its package's origin. Nothing is imported.
    """
    module = sys.modules.get(name)
    if isinstance(module, ModuleType):
        attributes = vars(module)
        return _origin(attributes.get("__file__"), attributes.get("__path__"))
    path = [str(each) for each in parent.locations] if parent else None
    for finder in sys.meta_path:
        try:
            spec = finder.find_spec(name, path)
        except Exception:  # noqa: BLE001, S112 - a foreign finder fails as it likes
            continue
        if spec is not None:
            return _origin(spec.origin, spec.submodule_search_locations)
    # A namespace package in one that is not imported is more than the finders can tell.
    leaf = name.rpartition(".")[2]
    return _origin(None, [each / leaf for each in parent.locations] if parent else ())


def _origin(file: Any, locations: Any) -> Origin | None:
    path = Path(file) if isinstance(file, str) and file else None
    if path is not None and not path.is_file():
        _refuse_archive(path)
        path = None
    try:
        folders = [Path(each) for each in locations or () if Path(each).is_dir()]
    except TypeError:
        folders = []
    return Origin(path, folders) if path or folders else None


def _refuse_archive(path: Path) -> None:
    """Raise DeployError for a module in somebody's own zip: it would be missed in silence."""
    archive = next((each for each in path.parents if each.is_file()), None)
    if archive is None or _STANDARD_ZIP.fullmatch(archive.name) or not is_local(archive):
        return
    raise DeployError(
        f"the module {path} lies in an archive, and only files and directories are shipped: "
        f"unpack {archive.name} and run it from there"
    )


@functools.cache
def is_local(path: Path) -> bool:
    """Tell whether a file or directory is the user's own."""
    for each in {path.absolute(), path.resolve()}:
        if _INSTALLED & set(each.parts) or any(map(each.is_relative_to, _roots())):
            return False
    return True


@functools.cache
def _roots() -> tuple[Path, ...]:
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    found = [sysconfig.get_path(name) for name in names]
    found += [*site.getsitepackages(), site.getusersitepackages()]
    paths = {Path(each) for each in found if each}
    return tuple(sorted(paths | {each.resolve() for each in paths}))
