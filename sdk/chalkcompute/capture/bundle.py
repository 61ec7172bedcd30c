"""A bundle: the source of a set of functions as one deterministic zip."""

from __future__ import annotations

import hashlib
import io
import types
import zipfile
from dataclasses import dataclass, field

from fnq_wire.error import DeployError
from fnq_wire.limits import MAX_BUNDLE

__all__ = ["Bundle", "Cargo"]

#: The earliest time that a zip can tell: the bytes must not depend on the clock.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
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


@dataclass(slots=True)
class _Member:
    data: bytes
    mode: int
    title: str


class Cargo:
    """Members of a bundle on their way into it."""

    def __init__(self) -> None:
        self._members: dict[str, _Member] = {}
        self._size = 0
        self.left_out: list[str] = []

    def add(self, path: str, data: bytes, *, executable: bool = False, title: str = "") -> None:
        """Put `data` at `path`; a path that ends with "/" is an empty directory.

        Raises DeployError naming the largest members once they pass MAX_BUNDLE.
        """
        if path in self._members:
            return
        mode = 0o040755 if path.endswith("/") else 0o100755 if executable else 0o100644
        self._members[path] = _Member(data, mode, title or path)
        self._size += len(data)
        if self._size > MAX_BUNDLE:
            raise DeployError(self._complaint())

    def pack(self) -> tuple[str, bytes]:
        """Return hash and bytes of the zip."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
            for path, member in sorted(self._members.items()):
                entry = zipfile.ZipInfo(path, _EPOCH)
                entry.create_system = _UNIX
                entry.external_attr = member.mode << 16
                archive.writestr(entry, member.data)
        data = buffer.getvalue()
        return hashlib.sha256(data).hexdigest(), data

    def _complaint(self) -> str:
        largest = sorted(self._members.values(), key=lambda each: -len(each.data))[:_LARGEST]
        named = ", ".join(f"{each.title} ({_mebibytes(len(each.data))})" for each in largest)
        return (
            f"what the functions reach takes more than {MAX_BUNDLE >> 20} MiB, the most that a "
            f"bundle of source takes; the largest: {named}. Pass large values as arguments, and "
            f"keep large files out of local packages (in the image, or in a volume)"
        )


def _mebibytes(size: int) -> str:
    return f"{size / (1 << 20):.1f} MiB"
