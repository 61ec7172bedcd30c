"""Container images, described step by step.

An `Image` only remembers its steps: files are read when a function is deployed,
so that describing an image costs nothing and works in a worker, where the files
are not.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from chalkcompute.runtime import refuse
from fnq_wire.variable import is_variable

__all__ = ["Image", "Step"]

_PYTHON = re.compile(r"3\.\d{1,2}(?:\.\d{1,2})?")


class Step(NamedTuple):
    """One step: a verb of the spec, its arguments, and the local file or folder it takes in."""

    verb: str
    arguments: tuple[str, ...]
    source: str | None = None


class Image:
    """An immutable image; every method returns another one.

    Begin with `debian_slim`, `base` or `from_dockerfile`. Two images of equal
    steps are equal.
    """

    __slots__ = ("steps",)
    steps: tuple[Step, ...]

    def __init__(self, steps: Iterable[Step]) -> None:
        object.__setattr__(self, "steps", tuple(steps))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"an Image is immutable: expected a chained call, not .{name} = ...")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"an Image is immutable: {name} cannot be deleted")

    def __eq__(self, other: object) -> bool:
        return self.steps == other.steps if isinstance(other, Image) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.steps)

    def __reduce__(self) -> tuple[type[Image], tuple[tuple[Step, ...]]]:
        return Image, (self.steps,)

    def __repr__(self) -> str:
        # Verbs only: arguments may hold what is not for logs.
        return f"Image({' > '.join(step.verb for step in self.steps)})"

    @classmethod
    def debian_slim(cls, python_version: str | None = None) -> Image:
        """Begin with Debian and Python `python_version`; the deployer's own for None."""
        version = (
            f"{sys.version_info[0]}.{sys.version_info[1]}"
            if python_version is None
            else python_version
        )
        if not isinstance(version, str):
            refuse(TypeError(f'python_version: expected text such as "3.12", not {version!r}'))
        elif not _PYTHON.fullmatch(version):
            refuse(
                ValueError(f'python_version: expected a version such as "3.12", not {version!r}')
            )
        return cls((Step("base", (f"python:{version}-slim",)),))

    @classmethod
    def base(cls, reference: str) -> Image:
        """Begin with an image of a registry, such as "python:3.12-slim"."""
        return cls((Step("base", _texts("base", (reference,), 1)),))

    @classmethod
    def from_dockerfile(cls, path: str | os.PathLike[str]) -> Image:
        """Begin with what a Dockerfile builds; it is read at deploy."""
        return cls((Step("dockerfile", (), _local("from_dockerfile", path)),))

    def pip_install(self, *packages: str | Iterable[str]) -> Image:
        """Install packages with pip: names one by one, or lists of names."""
        return self._and("pip", _texts("pip_install", packages))

    def pip_install_from_requirements(self, path: str | os.PathLike[str]) -> Image:
        """Install what a requirements file lists; it is read at deploy."""
        return self._and("pip", ("-r",), _local("pip_install_from_requirements", path))

    def apt_install(self, *packages: str | Iterable[str]) -> Image:
        """Install Debian packages: names one by one, or lists of names."""
        return self._and("apt", _texts("apt_install", packages))

    def run_commands(self, *commands: str | Iterable[str]) -> Image:
        """Run shell commands in order, each in a shell of its own."""
        return self._and("run", _texts("run_commands", commands))

    def env(self, variables: Mapping[str, str]) -> Image:
        """Set environment variables; not for secrets, they would be in the image."""
        if not isinstance(variables, Mapping):
            refuse(
                TypeError(
                    f"env: expected a mapping of names to texts, not {type(variables).__name__}"
                )
            )
            return self
        for name, value in variables.items():
            if not is_variable(name):
                refuse(ValueError(f"env: expected the name of a variable, not {name!r}"))
            if not isinstance(value, str):
                refuse(TypeError(f"env: expected text for {name}, not {type(value).__name__}"))
            elif "\0" in value:
                refuse(ValueError(f"env: expected text without a zero byte for {name}"))
        return self._and("env", tuple(f"{name}={value}" for name, value in variables.items()))

    def workdir(self, path: str) -> Image:
        """Let later steps and the function start in `path`, an absolute path in the image."""
        return self._and("workdir", (_remote("workdir", path),))

    def entrypoint(self, *command: str | Iterable[str]) -> Image:
        """Start containers with `command`: its words one by one, or as a list."""
        return self._and("entrypoint", _texts("entrypoint", command))

    def add_local_file(self, local_path: str | os.PathLike[str], remote_path: str) -> Image:
        """Copy a file of this machine to an absolute path in the image; it is read at deploy."""
        remote = _remote("add_local_file", remote_path)
        return self._and("add_file", (remote,), _local("add_local_file", local_path))

    def add_local_dir(self, local_path: str | os.PathLike[str], remote_path: str) -> Image:
        """Copy a folder of this machine to an absolute path in the image; it is read at deploy."""
        remote = _remote("add_local_dir", remote_path)
        return self._and("add_dir", (remote,), _local("add_local_dir", local_path))

    def dockerfile_commands(self, *commands: str | Iterable[str]) -> Image:
        """Append lines of a Dockerfile as they are."""
        return self._and("dockerfile_commands", _texts("dockerfile_commands", commands))

    def _and(self, verb: str, arguments: tuple[str, ...], source: str | None = None) -> Image:
        return Image((*self.steps, Step(verb, arguments, source)))


def _texts(
    method: str, given: tuple[str | Iterable[str], ...], most: int | None = None
) -> tuple[str, ...]:
    """Return the arguments flattened by one level; refuse what is empty or no text."""
    flat: list[str] = []
    for each in given:
        if isinstance(each, str) or not isinstance(each, Iterable):
            flat.append(each)
        else:
            flat.extend(each)
    for text in flat:
        if not isinstance(text, str):
            refuse(TypeError(f"{method}: expected text, not {text!r} ({type(text).__name__})"))
        elif not text.strip():
            refuse(ValueError(f"{method}: expected text, not an empty one"))
        elif "\0" in text:
            refuse(ValueError(f"{method}: expected text without a zero byte, not {text!r}"))
    if not flat:
        refuse(ValueError(f"{method}: expected at least one argument, none came"))
    if most is not None and len(flat) > most:
        refuse(TypeError(f"{method}: expected {most} argument, {len(flat)} came"))
    return tuple(flat)


def _local(method: str, path: object) -> str:
    """Return an absolute path: the working directory may be another one at deploy."""
    if isinstance(path, (str, os.PathLike)) and str(path):
        return os.path.abspath(os.fspath(path))
    refuse(TypeError(f"{method}: expected a local path, not {path!r}"))
    return str(path)


def _remote(method: str, path: object) -> str:
    if not isinstance(path, str):
        refuse(TypeError(f"{method}: expected a path in the image, not {path!r}"))
    elif not path.startswith("/") or "\0" in path:
        refuse(ValueError(f"{method}: expected an absolute path in the image, not {path!r}"))
    return str(path)
