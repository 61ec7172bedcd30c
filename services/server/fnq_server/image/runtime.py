"""What runners need in an image of a user's: two packages, and fnq's own code for runners.

That code is copied out of where it is installed, so that nothing else that lies there can
be imported beside it.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path

__all__ = ["NEEDS", "PREFIX", "Need", "agent_code", "agent_needs", "code", "lay"]


class Need(str):
    """A package, and the oldest version of it that runners work with: "pyarrow>=20"."""

    __slots__ = ()

    @property
    def name(self) -> str:
        return self.partition(">=")[0]

    def is_met(self, version: str) -> bool:
        """Return whether a version, such as "21.0.0", is new enough."""
        oldest = [int(each) for each in self.partition(">=")[2].split(".")]
        return [int(each) for each in _NUMBER.findall(version)[: len(oldest)]] >= oldest


_NUMBER = re.compile(r"\d+")
_NAME = re.compile(r"[\w.-]+")
#: Nothing else: what an image has beside them is the user's own.
NEEDS = (Need("greenlet>=3.2"), Need("pyarrow>=20"))
_PACKAGES = ("chalkcompute", "fnq_runner", "fnq_wire")
#: What an agent is made of besides, and what of the requirements it has no use for.
_AGENT, _NOT_OF_AGENTS = ("fnq", "fnq_core", "fnq_worker"), ("greenlet", "pyarrow", "rich")
#: Before the hash in the name of a copy.
PREFIX = "runtime-"
#: Digits of the hash in the name of a copy.
_DIGITS = 16


def code() -> Iterator[tuple[str, Path]]:
    """Yield each file of the code for runners: its path below a folder, and where it lies."""
    return _files(_PACKAGES)


def agent_code() -> Iterator[tuple[str, Path]]:
    """Yield each file that an agent needs beside the code for runners, likewise."""
    return _files(_AGENT)


def agent_needs() -> list[str]:
    """Return what an agent needs to be installed, as pip takes it."""
    found = []
    for each in metadata.requires("fnq") or ():
        requirement, _, marker = (part.strip() for part in each.partition(";"))
        name = _NAME.match(requirement)
        if marker in ("", "extra == 'worker'") and name and name[0] not in _NOT_OF_AGENTS:
            found.append(requirement)
    return sorted(found)


def _files(packages: Sequence[str]) -> Iterator[tuple[str, Path]]:
    for package in packages:
        # Found, not imported: no service loads what runs beside users' code.
        spec = importlib.util.find_spec(package)
        # One distribution brings them all.
        assert spec is not None
        assert spec.submodule_search_locations is not None
        root = spec.submodule_search_locations[0]
        for file in sorted(Path(root).rglob("*.py")):
            yield f"{package}/{file.relative_to(root).as_posix()}", file


@functools.cache
def _digest() -> str:
    digest = hashlib.sha256()
    for path, file in code():
        digest.update(f"{path}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()[:_DIGITS]


def lay(folder: str) -> str:
    """Return the path of a copy of the code in `folder`; made once, whole or not at all."""
    target = os.path.join(folder, f"{PREFIX}{_digest()}")
    if os.path.isdir(target):
        return target
    os.makedirs(folder, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{PREFIX}", dir=folder))
    try:
        for path, file in code():
            (staging / path).parent.mkdir(parents=True, exist_ok=True)
            (staging / path).write_bytes(file.read_bytes())
        staging.chmod(0o755)
        try:
            staging.rename(target)
        except OSError:  # Another process was faster: only whole ones have that name.
            if not os.path.isdir(target):
                raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return target
