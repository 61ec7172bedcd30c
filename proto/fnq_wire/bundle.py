"""What a bundle of source holds, and how it is unpacked.

A bundle is a zip of stored (never compressed: no two zlibs agree) members:

    NAME.py, NAME/...            local modules and packages, by their import names
    __fnq__/manifest.json        the Manifest
    __fnq__/LABEL.py             what is shipped of a script or a cell, on its own lines
    __fnq__/values/N             one value in its tagged encoding

Standard library only: the agent unpacks, the runner loads, the SDK packs.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from fnq_wire.limits import MAX_BUNDLE

__all__ = [
    "FOLDER",
    "MANIFEST",
    "BundleError",
    "File",
    "Manifest",
    "Nested",
    "Piece",
    "unpack",
    "unzip",
    "value_path",
]

FOLDER = "__fnq__"
MANIFEST = f"{FOLDER}/manifest.json"
#: Of the manifest; a loader refuses another one.
FORMAT = 1
#: Set on what its owner may execute.
_EXECUTE = 0o100


class BundleError(ValueError):
    """The bytes are not a bundle, or not one that may be unpacked."""


@dataclass(slots=True)
class File:
    """A text that pieces are cut from: its place in the bundle and its `__future__` imports."""

    path: str
    futures: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Piece:
    """One statement: where it stands in which file; columns count characters from 0."""

    file: int
    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(slots=True)
class Nested:
    """A function that no name of its module leads to, and what it closes over.

    `cells` and `defaults` give the number of a value by name; `decorated` says that
    the decorators can be run where the function is loaded.
    """

    module: str
    key: str
    qualname: str
    piece: Piece
    decorated: bool
    cells: dict[str, int] = field(default_factory=dict)
    defaults: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Manifest:
    """How the `__main__` of the caller is rebuilt, and functions inside functions.

    `statements` are run in their order, `values` (a number by name) are set before the
    first and hold after each. `package` is what its relative imports start from,
    `submodules` are imported where their packages are.
    """

    main: str = ""
    package: str = ""
    files: list[File] = field(default_factory=list)
    statements: list[Piece] = field(default_factory=list)
    values: dict[str, int] = field(default_factory=dict)
    nested: list[Nested] = field(default_factory=list)
    submodules: list[str] = field(default_factory=list)

    def encode(self) -> bytes:
        """Return the manifest as JSON that is the same for equal manifests."""
        document = {"format": FORMAT, **asdict(self)}
        return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()

    @classmethod
    def decode(cls, data: bytes) -> Manifest:
        """Return the manifest in `data`; BundleError when it is none of this format."""
        try:
            document = json.loads(data)
            if document.pop("format") != FORMAT:
                raise BundleError("the bundle was made by another version of fnq: deploy again")
            return cls(
                **document
                | {
                    "files": [File(**each) for each in document["files"]],
                    "statements": [Piece(**each) for each in document["statements"]],
                    "nested": [_nested(each) for each in document["nested"]],
                }
            )
        except (KeyError, TypeError, AttributeError, UnicodeDecodeError) as problem:
            raise BundleError(f"the manifest of the bundle is malformed: {problem!r}") from problem
        except json.JSONDecodeError as problem:
            raise BundleError(f"the manifest of the bundle is no JSON: {problem}") from problem


def value_path(number: int) -> str:
    """Return where the value of that number lies in a bundle."""
    return f"{FOLDER}/values/{number}"


def _nested(each: dict[str, Any]) -> Nested:
    return Nested(**each | {"piece": Piece(**each["piece"])})


def unpack(data: bytes, directory: str | os.PathLike[str]) -> None:
    """Unpack a bundle so that `directory` appears whole or not at all.

    A directory that is there and not empty is left as it is: only whole ones get
    that name, so another process was faster. Raises BundleError for bytes that are
    no bundle, members that would land outside, links, and more than MAX_BUNDLE bytes.
    """
    target = Path(directory)
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        _extract(data, staging)
        staging.chmod(0o755)
        try:
            staging.rename(target)
        except OSError:
            if not (target.is_dir() and any(target.iterdir())):
                raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _extract(data: bytes, folder: Path) -> None:
    for member, content in unzip(data):
        _write(member, content, folder)


def unzip(data: bytes) -> Iterator[tuple[zipfile.ZipInfo, bytes]]:
    """Yield the members of a zip. Raises BundleError: it is none, or more than MAX_BUNDLE."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            size = sum(member.file_size for member in members)
            if size > MAX_BUNDLE:
                raise BundleError(f"it unpacks to {size} bytes; {MAX_BUNDLE} are allowed")
            for member in members:
                yield member, archive.read(member)
    except BundleError:
        raise
    except Exception as problem:
        # There are as many kinds as ways to compress, and to damage a zip.
        raise BundleError(f"not a zip, or a damaged one: {problem}") from problem


def _write(member: zipfile.ZipInfo, content: bytes, folder: Path) -> None:
    mode = member.external_attr >> 16
    path = folder / _inside(member.filename)
    if (mode & 0o170000) not in (0, 0o100000, 0o040000):
        raise BundleError(f"member {member.filename!r} is neither a file nor a directory")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if member.is_dir():
            path.mkdir(exist_ok=True)
            return
        with path.open("xb") as file:
            file.write(content)
    except (FileExistsError, IsADirectoryError, NotADirectoryError) as problem:
        raise BundleError(f"member {member.filename!r} is there twice") from problem
    path.chmod(0o755 if mode & _EXECUTE else 0o644)


def _inside(name: str) -> PurePosixPath:
    """Return `name` as a path that stays below where it is joined to."""
    path = PurePosixPath(name)
    bad = path.is_absolute() or ".." in path.parts or not path.parts
    if bad or "\\" in name or ":" in path.parts[0] or "\0" in name:
        raise BundleError(f"member {name!r} would be unpacked outside the bundle's directory")
    return path
