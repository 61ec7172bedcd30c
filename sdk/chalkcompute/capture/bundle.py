"""A bundle: the source of a set of functions as one deterministic zip."""

from __future__ import annotations

import types
from dataclasses import dataclass, field

from fnq_wire.archive import Member, pack
from fnq_wire.error import DeployError
from fnq_wire.limits import MAX_BUNDLE

__all__ = ["Bundle", "Cargo"]

#: Members that an error about the size names.
_LARGEST = 5


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """Captured source.

    `hash` is the sha256 of `data` in hex: equal for equal source and values, on every
    machine. `where` gives module and name under which a loader finds each function,
    `left_out` names what lies in the captured packages and does not travel.
    """

    hash: str
    data: bytes = field(repr=False)
    where: dict[types.FunctionType, tuple[str, str]]
    left_out: list[str]


class Cargo:
    """Members of a bundle on their way into it."""

    def __init__(self) -> None:
        self._members: dict[str, Member] = {}
        #: What errors call them.
        self._titles: dict[str, str] = {}
        self._size = 0
        self.left_out: list[str] = []

    def add(self, path: str, data: bytes, *, executable: bool = False, title: str = "") -> None:
        """Put `data` at `path`; a path that ends with "/" is an empty directory.

        Raises DeployError naming the largest members once they pass MAX_BUNDLE.
        """
        if path in self._members:
            return
        self._members[path] = Member(data, executable)
        self._titles[path] = title or path
        self._size += len(data)
        if self._size > MAX_BUNDLE:
            raise DeployError(self._complaint())

    def pack(self) -> tuple[str, bytes]:
        """Return hash and bytes of the zip."""
        return pack(self._members)

    def _complaint(self) -> str:
        sizes = {path: len(member.data) for path, member in self._members.items()}
        largest = sorted(sizes, key=lambda path: -sizes[path])[:_LARGEST]
        named = ", ".join(f"{self._titles[path]} ({_mebibytes(sizes[path])})" for path in largest)
        return (
            f"what the functions reach takes more than {MAX_BUNDLE >> 20} MiB, the most that a "
            f"bundle of source takes; the largest: {named}. Pass large values as arguments, and "
            f"keep large files out of local packages (in the image, or in a volume)"
        )


def _mebibytes(size: int) -> str:
    return f"{size / (1 << 20):.1f} MiB"
