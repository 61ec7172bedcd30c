"""The seam between the server and the place where the files of volumes lie."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from fnq_server.volume.beneath import Beneath

if TYPE_CHECKING:
    from fnq.v1 import spec_pb2

__all__ = [
    "Store",
    "VolumeElsewhereError",
    "VolumeError",
    "VolumeFullError",
    "VolumeMissingError",
]


class VolumeError(Exception):
    """Say why something cannot be done with a volume, and what to do."""


class VolumeFullError(VolumeError):
    """Say that the file system of a volume has no room."""


class VolumeElsewhereError(VolumeError):
    """Say that the files of a volume are on another machine than the server."""


class VolumeMissingError(VolumeError):
    """Say that there is no volume of a name."""


class Store(Protocol):
    """Where volumes are. What it does may take its time: call it in a thread."""

    def names(self, namespace: str) -> list[str]:
        """Return the volumes of a namespace, by name."""
        ...

    def folder(self, namespace: str, name: str) -> str:
        """Return where a volume lies, for people. Raises VolumeError for what is no name."""
        ...

    def make(self, namespace: str, name: str) -> None:
        """Make a volume, empty; one that is there stays. Raises VolumeError."""
        ...

    def free(self, namespace: str, name: str) -> int:
        """Return the bytes that the file system of a volume has room for; 0: nothing fits.

        Raises VolumeMissingError.
        """
        ...

    def open(self, namespace: str, name: str) -> contextlib.AbstractContextManager[Beneath]:
        """Have the files of a volume at hand. Raises VolumeMissingError, VolumeError."""
        ...

    def insist_ours(self, namespace: str, name: str) -> None:
        """Raise VolumeError for a volume that `delete` would never delete."""
        ...

    def delete(self, namespace: str, name: str) -> None:
        """Delete a volume with its files, at once for whoever looks. Raises VolumeError."""
        ...

    def full(self, namespace: str, name: str) -> VolumeFullError:
        """Return the error for a volume without room: its name, what is free, what to do."""
        ...

    def absent(self, namespace: str, names: Iterable[str]) -> list[str]:
        """Return those of some volumes that `prepare` would make."""
        ...

    def prepare(self, namespace: str, spec: spec_pb2.FunctionSpec) -> list[str]:
        """See that a function's workers can have its volumes: makes those that are not there.

        Return what whoever deploys it should know of them, a sentence each. Raises
        VolumeError where they cannot, which says what to do.
        """
        ...

    def sweep(self) -> None:
        """Remove what is left of volumes that were deleted when a server died."""
        ...
