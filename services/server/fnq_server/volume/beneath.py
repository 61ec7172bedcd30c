"""The files below one directory, reached name by name: no link and no `..` leads out.

A path is bytes with '/' between names; an empty one is the directory itself. Whoever
writes in the directory meanwhile may exchange any name for a link at any moment: each
name is opened within the folder before it, and a link is never gone through.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

__all__ = ["Beneath", "Entry", "PathError", "Upload", "names"]

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
#: Not blocking: a pipe in the place of a file must not be waited for.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_PERMISSIONS = 0o777
#: Folders in each other that are walked through, each of which is open meanwhile.
_DEEPEST = 100
#: What a file system says that has no files without a name.
_NAMED_ONLY = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL)


class PathError(Exception):
    """Say why nothing can be done with a path. `missing` says that nothing is there."""

    def __init__(self, path: bytes, why: str, *, missing: bool = False) -> None:
        super().__init__(f"{os.fsdecode(path)!r}: {why}")
        self.missing = missing


@dataclass(frozen=True, slots=True)
class Entry:
    """What lies at a path: "file", "folder", "link" or "other". `size` is in bytes, of a file."""

    path: bytes
    kind: str
    size: int = 0
    mode: int = 0
    changed_ms: int = 0
    target: bytes = b""


def names(path: bytes) -> list[bytes]:
    """Return the names of a path. Raises PathError for one that leads up, or is no path."""
    found = [each for each in path.split(b"/") if each not in (b"", b".")]
    if b".." in found:
        raise PathError(path, "'..' leads out of where it is: write the path without it")
    if b"\0" in path:
        raise PathError(path, "a zero byte is in it")
    return found


def _named(path: bytes) -> list[bytes]:
    found = names(path)
    if not found:
        raise PathError(path, "a folder is there: write a name behind it")
    return found


class Beneath:
    """One directory, open until `close`; use it in a `with` statement."""

    def __init__(self, folder: str) -> None:
        self._root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._root)

    def entry(self, path: bytes) -> Entry:
        """Return what lies at a path, as its own name. Raises PathError."""
        found = names(path)
        if not found:
            return Entry(b"", "folder", mode=_PERMISSIONS)
        with self._folder(found[:-1], path) as folder, _told(path):
            return _entry(folder, found[-1], found[-1])

    def look(self, path: bytes) -> Iterator[Entry]:
        """Yield what lies in a folder, by name. Raises PathError."""
        with self._folder(names(path), path) as folder:
            for name in _listed(folder):
                with contextlib.suppress(FileNotFoundError):
                    yield _entry(folder, name, name)

    def walk(self, path: bytes) -> Iterator[tuple[Entry, int]]:
        """Yield what lies in a folder and below: each folder before what is in it.

        Paths are those in the folder. Beside each file comes a descriptor to read it,
        which is closed with the next step. What cannot be opened any more is left out.
        Raises PathError, also for folders in more than 100 others.
        """
        with self._folder(names(path), path) as folder:
            yield from _walk(folder, b"")

    def usage(self) -> tuple[int, int]:
        """Return the bytes of all files, and their number; those of too deep folders left out."""
        total = count = 0
        for entry, _ in _walk(self._root, b"", strict=False):
            total += entry.size
            count += entry.kind == "file"
        return total, count

    @contextlib.contextmanager
    def reading(self, path: bytes) -> Iterator[int]:
        """Have a file open to read. Raises PathError."""
        found = _named(path)
        with self._folder(found[:-1], path) as folder, _told(path):
            descriptor = _open(folder, found[-1], "file")
            try:
                yield descriptor
            finally:
                os.close(descriptor)

    def make_folder(self, path: bytes, mode: int) -> None:
        """Make a folder, and those above it; one that is there stays as it is."""
        found = names(path)
        if not found:
            return
        with self._folder(found[:-1], path, make=True) as parent, _told(path):
            _make_folder(parent, found[-1], mode & _PERMISSIONS)

    def make_link(self, path: bytes, target: bytes) -> None:
        """Make a link, in place of a file or link that was there."""
        found = _named(path)
        with self._folder(found[:-1], path, make=True) as folder, _told(path):
            unfinished = _unfinished()
            os.symlink(target, unfinished, dir_fd=folder)
            _put(folder, unfinished, found[-1])

    def begin(self, path: bytes, mode: int) -> Upload:
        """Begin to make a file, and the folders above it."""
        found = _named(path)
        with self._folder(found[:-1], path, make=True) as folder, _told(path):
            return Upload(os.dup(folder), found[-1], path, mode & _PERMISSIONS)

    def remove(self, path: bytes, *, recursive: bool) -> None:
        """Remove a file, a link, an empty folder or, if `recursive`, any. Raises PathError."""
        found = names(path)
        if not found:
            raise PathError(path, "the volume itself goes with `fnq volume delete`")
        with self._folder(found[:-1], path) as folder, _told(path):
            if not stat.S_ISDIR(os.lstat(found[-1], dir_fd=folder).st_mode):
                os.unlink(found[-1], dir_fd=folder)
            elif recursive:
                # It goes through no link either.
                shutil.rmtree(found[-1], dir_fd=folder)
            else:
                os.rmdir(found[-1], dir_fd=folder)

    @contextlib.contextmanager
    def _folder(self, way: list[bytes], path: bytes, *, make: bool = False) -> Iterator[int]:
        descriptor = os.dup(self._root)
        try:
            for name in way:
                with _told(path):
                    if make:
                        _make_folder(descriptor, name, _PERMISSIONS)
                    below = os.open(name, _FOLDER, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = below
            yield descriptor
        finally:
            os.close(descriptor)


class Upload:
    """A file that is made: it is there, whole, after `commit`, and never otherwise."""

    def __init__(self, folder: int, name: bytes, path: bytes, mode: int) -> None:
        self._folder, self._name, self._path, self._mode = folder, name, path, mode
        self._unfinished = b""
        try:
            self._file = self._open()
        except BaseException:
            os.close(folder)
            raise

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_CLOEXEC
        try:
            # Without a name: nothing is left of it, however this process ends.
            return os.open(b".", flags | os.O_TMPFILE, 0o600, dir_fd=self._folder)
        except OSError as problem:
            if problem.errno not in _NAMED_ONLY:
                raise
        self._unfinished = _unfinished()
        return os.open(self._unfinished, flags | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=self._folder)

    def write(self, data: bytes) -> None:
        """Append bytes. Raises OSError where there is no room."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._file, view) :]

    def commit(self) -> None:
        """Put the file in its place, instead of one that was there. Raises PathError."""
        with _told(self._path):
            os.fchmod(self._file, self._mode)
            if not self._unfinished:
                unfinished = _unfinished()
                source = f"/proc/self/fd/{self._file}"
                os.link(source, unfinished, dst_dir_fd=self._folder, follow_symlinks=True)
                self._unfinished = unfinished
            _put(self._folder, self._unfinished, self._name)
            self._unfinished = b""

    def close(self) -> None:
        """Let go; what was not committed is gone."""
        os.close(self._file)
        if self._unfinished:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._unfinished, dir_fd=self._folder)
        os.close(self._folder)


def _unfinished() -> bytes:
    return b".fnq-put-" + uuid.uuid4().hex.encode()


def _put(folder: int, unfinished: bytes, name: bytes) -> None:
    try:
        os.rename(unfinished, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        os.unlink(unfinished, dir_fd=folder)
        raise


def _make_folder(parent: int, name: bytes, mode: int) -> None:
    try:
        os.mkdir(name, mode, dir_fd=parent)
    except FileExistsError:
        # Whether it is a folder its opening tells.
        if not stat.S_ISDIR(os.lstat(name, dir_fd=parent).st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None


def _listed(folder: int) -> list[bytes]:
    return sorted(os.fsencode(each) for each in os.listdir(folder))


def _walk(
    folder: int, path: bytes, depth: int = 0, *, strict: bool = True
) -> Iterator[tuple[Entry, int]]:
    if depth > _DEEPEST:
        if strict:
            raise PathError(path, f"it lies in more than {_DEEPEST} folders")
        return
    for name in _listed(folder):
        below = path + b"/" + name if path else name
        try:
            entry = _entry(folder, name, below)
            opened = _open(folder, name, entry.kind)
        except OSError:  # It has gone, or was exchanged for something else.
            continue
        try:
            yield entry, opened
            if entry.kind == "folder":
                yield from _walk(opened, below, depth + 1, strict=strict)
        finally:
            if opened >= 0:
                os.close(opened)


def _open(folder: int, name: bytes, kind: str) -> int:
    """Return a descriptor of a file or folder, -1 for what is neither. Raises OSError."""
    if kind not in ("file", "folder"):
        return -1
    descriptor = os.open(name, _FOLDER if kind == "folder" else _FILE, dir_fd=folder)
    if kind == "file" and not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    return descriptor


def _entry(folder: int, name: bytes, path: bytes) -> Entry:
    facts = os.lstat(name, dir_fd=folder)
    mode, changed_ms = stat.S_IMODE(facts.st_mode) & _PERMISSIONS, facts.st_mtime_ns // 1_000_000
    if stat.S_ISREG(facts.st_mode):
        return Entry(path, "file", facts.st_size, mode, changed_ms)
    if stat.S_ISDIR(facts.st_mode):
        return Entry(path, "folder", 0, mode, changed_ms)
    if stat.S_ISLNK(facts.st_mode):
        return Entry(path, "link", 0, mode, changed_ms, os.readlink(name, dir_fd=folder))
    return Entry(path, "other", 0, mode, changed_ms)


#: What the kernel says of a name, and what that means to whoever gave the path.
_MEANINGS = {
    errno.ENOENT: "nothing is there",
    errno.ELOOP: "a link is in it, and links are not followed",
    errno.ENOTDIR: "what should be a folder is a file or a link, and links are not followed",
    errno.EISDIR: "no file is there, but a folder or something else",
    errno.EEXIST: "a folder is there that is not empty",
    errno.ENOTEMPTY: "the folder is not empty: --recursive removes what is in it",
    errno.ENAMETOOLONG: "a name in it is too long",
    errno.EBUSY: "something is mounted there",
}


@contextlib.contextmanager
def _told(path: bytes) -> Iterator[None]:
    """Raise PathError for what the kernel says of a path; lack of room stays an OSError."""
    try:
        yield
    except OSError as problem:
        if problem.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        why = _MEANINGS.get(problem.errno or 0, problem.strerror or str(problem))
        raise PathError(path, why, missing=problem.errno == errno.ENOENT) from problem
