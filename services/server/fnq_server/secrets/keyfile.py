"""The file that holds the key of a stack's secrets: 64 hex digits, for its owner alone."""

from __future__ import annotations

import contextlib
import os
import stat
import uuid

from fnq_server.secrets.cipher import KEY_BYTES, fresh_key
from fnq_wire.error import StackError

__all__ = ["KeyFile"]

#: Mode bits that let anybody but the owner at it.
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
#: Bytes that are read at most: a key, and what an editor may add.
_LONGEST = 4 * KEY_BYTES


class KeyFile:
    """The key file at `path`; it is looked at anew each time. Raises StackError that names it."""

    def __init__(self, path: str) -> None:
        self.path = path

    def read(self) -> bytes | None:
        """Return the key; None where there is no file."""
        try:
            with open(self.path, "rb") as file:
                fault = _fault(os.fstat(file.fileno()))
                text = file.read(_LONGEST)
        except FileNotFoundError:
            return None
        except OSError as problem:
            raise StackError(
                f"cannot read the key of the secrets in {self.path}: {problem.strerror}"
            ) from problem
        if fault:
            raise StackError(f"the key of the secrets in {self.path} {fault}")
        try:
            key = bytes.fromhex(text.decode("ascii").strip())
        except ValueError:
            key = b""
        if len(key) != KEY_BYTES:
            # What is there is not shown: it may be most of a key.
            raise StackError(
                f"{self.path} holds no key of secrets ({2 * KEY_BYTES} hex digits): put the one "
                "back that was there; without it, remove the file and set all secrets again"
            )
        return key

    def read_or_make(self) -> bytes:
        """Return the key; where there is no file, make one with a new key.

        Of several who make it at once all return the key of one of them.
        """
        key = self.read()
        if key is not None:
            return key
        unfinished = f"{self.path}.{uuid.uuid4().hex}"
        try:
            with contextlib.suppress(FileExistsError):
                _write(unfinished, fresh_key().hex().encode() + b"\n")
                # Unlike a renaming this never takes the place of a key that is there.
                os.link(unfinished, self.path)
                _sync_folder(self.path)
        except OSError as problem:
            raise StackError(
                f"cannot make a key for secrets in {self.path}: {problem.strerror}"
            ) from problem
        finally:
            with contextlib.suppress(OSError):
                os.unlink(unfinished)
        key = self.read()
        if key is None:
            raise StackError(f"the key of the secrets in {self.path} was removed while it was made")
        return key


def _write(path: str, text: bytes) -> None:
    """Write a file that nobody else can read, through to the disk."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(file, text)
        os.fsync(file)
    finally:
        os.close(file)


def _sync_folder(path: str) -> None:
    folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _fault(facts: os.stat_result) -> str:
    """Return why a file is not for a key; empty where it is."""
    if not stat.S_ISREG(facts.st_mode):
        return "is no file"
    if facts.st_uid not in (os.getuid(), 0):
        return f"belongs to user {facts.st_uid}, not to the one that runs the server: chown it"
    if facts.st_mode & _OTHERS:
        return f"can be used by others (mode {stat.S_IMODE(facts.st_mode):04o}): chmod 600 it"
    return ""
