"""Volumes that are directories on this machine: `ROOT/<namespace>/<name>`."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from fnq_server.clearance import clear_away
from fnq_server.volume.beneath import Beneath
from fnq_server.volume.seam import VolumeError, VolumeFullError, VolumeMissingError
from fnq_wire import volume

if TYPE_CHECKING:
    from fnq.v1 import spec_pb2

__all__ = ["VolumeFolders"]

#: Bytes below which a file system counts as full.
_LEAST_FREE = 1 << 20
#: What a deleted volume is called until its files are gone; no namespace is called so.
_DELETED = ".deleted-"
#: Seconds that it may take to try whether something can be mounted.
_TRY_S = 10.0
#: Tries whether a process of this user may have mounts of its own.
_TRIES = (sys.executable, "-P", "-m", "fnq_wire.mounts", "--try")


class VolumeFolders:
    """The volumes below `root`, for workers that mount them on this machine.

    `needed` are directories that a worker must not lose sight of. `contained` says that a
    function with an image runs in a container, whose engine mounts for it.
    """

    def __init__(self, root: str, needed: Iterable[str], *, contained: bool = False) -> None:
        self._root = root
        self._needed = [root, *needed]
        self._contained = contained
        self._trying = threading.Lock()
        #: None until it was tried; "" where it works, which stays so.
        self._why_not: str | None = None

    def names(self, namespace: str) -> list[str]:
        """Return the volumes of a namespace, by name."""
        if not volume.NAME.fullmatch(namespace):
            return []
        try:
            found = os.listdir(os.path.join(self._root, namespace))
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted(each for each in found if volume.NAME.fullmatch(each))

    def folder(self, namespace: str, name: str) -> str:
        """Return where a volume lies. Raises VolumeError for what is no name."""
        try:
            return volume.folder(self._root, namespace, name)
        except ValueError as problem:
            raise VolumeError(f"volume {name!r}: {problem}") from None

    def make(self, namespace: str, name: str) -> None:
        """Make a volume, empty; one that is there stays. Raises VolumeError."""
        folder = self.folder(namespace, name)
        try:
            os.makedirs(folder, mode=0o700, exist_ok=True)
        except OSError as problem:
            raise VolumeError(
                f"cannot make volume {name!r} at {folder}: {problem.strerror}"
            ) from problem

    def free(self, namespace: str, name: str) -> int:
        """Return the bytes that the file system of a volume has room for; 0: nothing fits.

        Raises VolumeMissingError.
        """
        try:
            facts = os.statvfs(self.folder(namespace, name))
        except FileNotFoundError:
            raise self._missing(namespace, name) from None
        # Some file systems do not count their files.
        no_files = facts.f_files and not facts.f_favail
        return 0 if no_files else facts.f_bavail * facts.f_frsize

    @contextlib.contextmanager
    def open(self, namespace: str, name: str) -> Iterator[Beneath]:
        """Have the files of a volume at hand. Raises VolumeMissingError, VolumeError."""
        try:
            files = Beneath(self.folder(namespace, name))
        except FileNotFoundError:
            raise self._missing(namespace, name) from None
        except OSError as problem:
            raise VolumeError(f"cannot open volume {name!r}: {problem.strerror}") from problem
        with files:
            yield files

    def _missing(self, namespace: str, name: str) -> VolumeMissingError:
        known = ", ".join(self.names(namespace)) or "none"
        return VolumeMissingError(
            f"no volume {name!r} in namespace {namespace!r}; there are: {known}"
        )

    def insist_ours(self, namespace: str, name: str) -> None:
        """Raise VolumeMissingError for a volume that is not there: all others are ours."""
        with self.open(namespace, name):
            pass

    def delete(self, namespace: str, name: str) -> None:
        """Delete a volume with its files, at once for whoever looks. Raises VolumeError."""
        self.insist_ours(namespace, name)
        gone = os.path.join(self._root, f"{_DELETED}{uuid.uuid4().hex}")
        folder = self.folder(namespace, name)
        try:
            os.rename(folder, gone)
        except OSError as problem:
            raise VolumeError(
                f"cannot delete volume {name!r} at {folder}: {problem.strerror}; "
                "where it is a file system of its own, unmount that first"
            ) from problem
        clear_away(gone)

    def sweep(self) -> None:
        """Remove what is left of volumes that were deleted when a server died."""
        with contextlib.suppress(FileNotFoundError):
            for each in os.listdir(self._root):
                if each.startswith(_DELETED):
                    clear_away(os.path.join(self._root, each))

    def full(self, namespace: str, name: str) -> VolumeFullError:
        """Return the error for a volume without room: its name, what is free, what to do."""
        folder = self.folder(namespace, name)
        return VolumeFullError(
            f"volume {name!r} is full: its file system has {self.free(namespace, name)} bytes left "
            f"({folder}); remove files with `fnq volume rm {name} PATH`, or free some of that disk"
        )

    def absent(self, namespace: str, names: Iterable[str]) -> list[str]:
        """Return those of some volumes that `prepare` would make."""
        known = self.names(namespace)
        return [each for each in names if each not in known]

    def prepare(self, namespace: str, spec: spec_pb2.FunctionSpec) -> list[str]:
        """See that a function's workers can have its volumes: makes those that are not there.

        Nothing is to be told of them: they lie where the workers run.
        Raises VolumeError, with what to do: for a path that hides what a worker needs, a
        volume without room, a machine on which nothing can be mounted for one process.
        """
        self._check(spec.volumes)
        for each in spec.volumes:
            self.make(namespace, each.volume)
            if self.free(namespace, each.volume) < _LEAST_FREE:
                raise self.full(namespace, each.volume)
        binds = spec.volumes and not (self._contained and spec.image)
        if binds and (why_not := self._try()):
            raise VolumeError(
                f"volume {spec.volumes[0].volume!r} cannot be mounted here: {why_not}"
            )
        return []

    def _check(self, mounts: Sequence[spec_pb2.VolumeMount]) -> None:
        for each in mounts:
            problem = volume.path_problem(each.path)
            if problem is not None:
                raise VolumeError(f"volume {each.volume!r}: {problem}")
            hidden = volume.covers(each.path, self._needed)
            if hidden is not None:
                raise VolumeError(
                    f"volume {each.volume!r}: mounted at {each.path} it would hide {hidden}, "
                    "which its workers need: choose another path"
                )
        if found := volume.clash([each.path for each in mounts]):
            raise VolumeError(f"two volumes are mounted at {found[0]} and {found[1]}: part them")

    def _try(self) -> str:
        """Return why nothing can be mounted on this machine; empty where it can."""
        with self._trying:
            if self._why_not != "":
                self._why_not = _try()
            return self._why_not


def _try() -> str:
    try:
        tried = subprocess.run(
            _TRIES, stdin=subprocess.DEVNULL, capture_output=True, timeout=_TRY_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        return f"it cannot be tried: {problem}"
    said = tried.stderr.decode(errors="replace").strip().splitlines()
    return "" if tried.returncode == 0 else (said or ["nobody knows why"])[-1]
