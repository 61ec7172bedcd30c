"""The steps of an image as they travel, with the files of this machine that they take in."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from chalkcompute.errors import DeployError
from chalkcompute.image import Image, Step
from fnq_wire.archive import Member, pack
from fnq_wire.imagefiles import ADDING, FILE
from fnq_wire.limits import MAX_BUNDLE

__all__ = ["Steps", "steps_of"]

#: A line of requirements that names another file, a folder or a wheel of this machine.
_LOCAL = re.compile(
    r"\s*(?:(?:-[rce]|--(?:requirement|constraint|editable))[\s=]*(?![\w+]+://|\S*\$\{)\S|\.\.?(?:/|\s*$))"
)


class Steps(NamedTuple):
    """Verb and arguments of each step, and zips of what they add, by hash."""

    steps: list[tuple[str, tuple[str, ...]]]
    bundles: dict[str, bytes]


def steps_of(image: Image | None) -> Steps:
    """Return the steps of an image, with the local files that it names.

    A text file (Dockerfile, requirements) is its text; a file or folder that is copied is
    the hash of a zip, so that equal content is an equal image wherever it lies. Raises
    DeployError when one cannot be read, or is too large to travel.
    """
    found = Steps([], {})
    for step in () if image is None else image.steps:
        try:
            arguments = _arguments(step, found.bundles)
        except (OSError, UnicodeError) as problem:
            raise DeployError(
                f"image: cannot read {step.source} for its step {step.verb!r}: {problem}"
            ) from problem
        found.steps.append((step.verb, arguments))
    return found


def _arguments(step: Step, bundles: dict[str, bytes]) -> tuple[str, ...]:
    if step.source is None:
        return step.arguments
    path = Path(step.source)
    if step.verb not in ADDING:
        text = path.read_text("utf-8")
        if step.verb == "pip":
            _travel_alone(path, text)
        return (*step.arguments, text)
    (remote,) = step.arguments
    if step.verb == "add_file":
        if path.is_dir():
            raise DeployError(f"image: {path} is a folder: add it with add_local_dir")
        files = {FILE: path.resolve(strict=True)}
        # As with a copy: a path that ends with "/" is the folder that the file goes to.
        remote += path.name if remote.endswith("/") else ""
    else:
        files = {each.relative_to(path).as_posix() + end: each for each, end in _all(path)}
    # Before anything is read: it may be far more than there is memory.
    size = sum(_size(each) for each in files.values())
    if size > MAX_BUNDLE:
        raise DeployError(
            f"image: {path} has {size >> 20} MiB, and a step {step.verb!r} takes "
            f"{MAX_BUNDLE >> 20} at most: put it in a volume, or have a command fetch it"
        )
    digest, data = pack({name: _member(each) for name, each in files.items()})
    bundles[digest] = data
    return remote, digest


def _travel_alone(path: Path, text: str) -> None:
    """Refuse requirements that name another local file: it is not there where they are read."""
    for number, line in enumerate(text.splitlines(), 1):
        if _LOCAL.match(line):
            raise DeployError(
                f"image: {path}, line {number}: {line.strip()!r} names a local file, which does "
                "not go with the requirements: write here what is in it, or add its folder with "
                "add_local_dir and install from there with run_commands"
            )


def _all(folder: Path) -> Iterator[tuple[Path, str]]:
    """Return files and links below `folder`, and empty folders with the "/" at their end."""
    entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    for entry in entries:
        path = Path(entry.path)
        if not entry.is_dir(follow_symlinks=False):
            yield path, ""
        elif os.listdir(path):
            yield from _all(path)
        else:
            yield path, "/"


def _size(path: Path) -> int:
    """Return how many bytes a file has; 0 for links and folders. OSError for what else there is."""
    facts = path.lstat()
    if stat.S_ISREG(facts.st_mode):
        return facts.st_size
    if not (stat.S_ISLNK(facts.st_mode) or stat.S_ISDIR(facts.st_mode)):
        raise OSError(f"{path} is neither a file nor a folder")
    return 0


def _member(path: Path) -> Member:
    if path.is_symlink():
        return Member(link=os.readlink(path))
    if path.is_dir():
        return Member()
    return Member(path.read_bytes(), os.access(path, os.X_OK))
