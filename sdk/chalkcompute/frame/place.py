"""Where files lie: what a path, a URL, a glob, a directory or a list of these stands for."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import quote, unquote, urlsplit

import pyarrow as pa
from pyarrow import fs

__all__ = ["File", "Found", "Where", "found", "opened", "public"]

Where: TypeAlias = "str | os.PathLike[str] | Sequence[str | os.PathLike[str]]"

#: Schemes whose file systems pyarrow has itself; for all others fsspec is asked.
_ARROW = frozenset({"abfs", "abfss", "gcs", "gs", "hdfs", "s3", "viewfs"})
#: What makes a path a glob.
_MAGIC = re.compile(r"[*?\[]")
#: What a URL says of who asks, or proves it by.
_USER = re.compile(r"(?<=://)[^/@\s]+@")
_PROOF = re.compile(
    r"(?<=[?&])([^=&\s]*(?:secret|token|password|sig|key)[^=&\s]*)=[^&\s]+", re.IGNORECASE
)
#: What stands for null in the name of a hive directory.
_NULL = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True, slots=True)
class File:
    """One file, with the keys and values of the hive directories (`year=2024`) that it lies in."""

    filesystem: fs.FileSystem
    path: str
    keys: tuple[tuple[str, str | None], ...] = ()

    @property
    def local(self) -> bool:
        """Tell whether reading a little of it costs next to nothing."""
        return isinstance(self.filesystem, fs.LocalFileSystem)


@dataclass(frozen=True, slots=True)
class Found:
    """The files that `text`, as the user wrote it but for secrets, stands for; at least one."""

    text: str
    files: tuple[File, ...]


def found(where: Where) -> Found:
    """Return the files that `where` stands for.

    Those of a list come as they are listed, those of a glob or a directory by path.
    Raise FileNotFoundError where there is none, TypeError for what is no path, ValueError for an
    empty one.
    """
    if isinstance(where, Sequence) and not isinstance(where, str | bytes | bytearray):
        items = [_path(each) for each in where]
    else:
        items = [_path(where)]
    if not items:
        raise ValueError("scan: the list of files is empty: name at least one")
    files = [file for item in items for file in _files(item)]
    text = public(items[0])
    return Found(text if len(items) == 1 else f"{text} and {len(items) - 1} more", tuple(files))


def public(text: str) -> str:
    """Return a text, such as a URL, without the secrets that URLs in it have."""
    return _PROOF.sub(r"\1=***", _USER.sub("***@", text))


def opened(text: str) -> tuple[fs.FileSystem, str]:
    """Return the file system that a path or URL lies in, and its path there.

    Raise ValueError where the URL is none, ImportError where a package for it is not installed.
    """
    scheme, url, _ = text.partition("://")
    if not url:
        return fs.LocalFileSystem(), os.path.abspath(os.path.expanduser(text))
    if scheme == "file":
        return fs.LocalFileSystem(), os.path.abspath(unquote(urlsplit(text).path))
    if scheme not in _ARROW:
        return _of_fsspec(text, scheme)
    place, query, options = text.partition("?")
    head, tail = _parted(place)
    try:
        filesystem, path = fs.FileSystem.from_uri(quote(head, safe="/:@%=+~,;") + query + options)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as problem:
        raise ValueError(public(f"{text}: no URL of a file: {problem}")) from problem
    return filesystem, f"{path.rstrip('/')}/{tail}" if tail else path


def _of_fsspec(text: str, scheme: str) -> tuple[fs.FileSystem, str]:
    """Return the same by fsspec."""
    try:
        from fsspec.core import url_to_fs
    except ImportError as problem:
        raise ImportError(
            f"{public(text)}: fsspec is what knows {scheme}://, and is not installed: "
            f"`pip install fsspec` and what it needs for {scheme}"
        ) from problem
    try:
        filesystem, path = url_to_fs(text)
    except ImportError as problem:
        raise ImportError(f"{public(text)}: a package is not installed: {problem}") from problem
    except ValueError as problem:
        raise ValueError(
            f"{public(text)}: neither pyarrow nor fsspec knows {scheme}://"
        ) from problem
    handler = fs.FSSpecHandler(filesystem)  # type: ignore[abstract]
    return fs.PyFileSystem(handler), path


def _path(item: object) -> str:
    """Return an item of a list as text."""
    if isinstance(item, str | os.PathLike):
        path = os.fspath(item)
        if path == "":
            raise ValueError("scan: the path is empty")
        if isinstance(path, str):
            return path
    raise TypeError(f"scan: expected a path, a URL or a list of these, not {item!r}")


def _files(text: str) -> Iterator[File]:
    """Return the files of one path, URL, glob or directory."""
    filesystem, path = opened(text)
    text = public(text)
    kind = filesystem.get_file_info(path).type
    if kind is fs.FileType.File:
        yield File(filesystem, path)
        return
    if kind is fs.FileType.Directory:
        base, paths = path, _below(filesystem, path)
        lacking = "the directory has no files (names that begin with _ or . do not count)"
    elif _MAGIC.search(path):
        base = _parted(path)[0]
        paths = _matching(filesystem, base, path)
        lacking = "no file matches the pattern"
    else:
        raise FileNotFoundError(f"{text}: no such file or directory{_seen_from(text)}")
    if not paths:
        raise FileNotFoundError(f"{text}: {lacking}{_seen_from(text)}")
    for each in sorted(paths):
        yield File(filesystem, each, _keys(each[len(base) :]))


def _seen_from(text: str) -> str:
    """Return where a relative path was looked for."""
    relative = "://" not in text and not os.path.isabs(os.path.expanduser(text))
    return f" (looked in {os.getcwd()})" if relative else ""


def _below(filesystem: fs.FileSystem, base: str) -> list[str]:
    """Return the files in a directory and in those below, but hidden ones."""
    infos = filesystem.get_file_info(fs.FileSelector(base, recursive=True))
    return [
        info.path
        for info in infos
        if info.type is fs.FileType.File
        and not any(part[:1] in {"_", "."} for part in info.path[len(base) :].split("/"))
    ]


def _matching(filesystem: fs.FileSystem, base: str, pattern: str) -> list[str]:
    """Return the files whose paths a glob matches."""
    if isinstance(filesystem, fs.LocalFileSystem):
        return [path for path in glob.glob(pattern, recursive=True) if os.path.isfile(path)]
    expression = _expression(pattern)
    selector = fs.FileSelector(base, recursive=True, allow_not_found=True)
    return [
        info.path
        for info in filesystem.get_file_info(selector)
        if info.type is fs.FileType.File and expression.fullmatch(info.path)
    ]


def _expression(pattern: str) -> re.Pattern[str]:
    """Return a glob as a regular expression: ** is any number of directories."""
    parts = re.split(r"(\*\*/|\*|\?|\[[^]]+\])", pattern)
    meaning = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
    return re.compile(
        "".join(
            meaning.get(part) or (part.replace("[!", "[^") if part[:1] == "[" else re.escape(part))
            for part in parts
        )
    )


def _parted(path: str) -> tuple[str, str]:
    """Return the directories before the first part that is a pattern, and what is after."""
    parts = path.split("/")
    plain = next((n for n, part in enumerate(parts) if _MAGIC.search(part)), len(parts))
    return "/".join(parts[:plain]), "/".join(parts[plain:])


def _keys(below: str) -> tuple[tuple[str, str | None], ...]:
    """Return what the names of hive directories say: year=2024/month=1."""
    pairs = [part.partition("=") for part in below.split("/")[:-1] if "=" in part]
    return tuple((key, None if value == _NULL else unquote(value)) for key, _, value in pairs)
