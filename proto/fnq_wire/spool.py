"""The spool: a directory for large values that processes of one machine share.

Whoever offers a spool puts a proof into it; whoever reads the same proof there
shares it. A host name would prove nothing: containers have their own file systems.

A value has an owner, or is kept until a time:

    v-OWNER-ID   for as long as its owner lives (see `owner`): arguments, and results until
                 somebody takes them over
    k-ID         until the time that its file was last modified, which lies ahead: results

A value is deleted by whoever knows that nobody needs it any more. What a kill -9 leaves
behind is swept: a value whose owner is dead and whose time is past. Who has it mapped
may read on.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from fnq_wire import owner
from fnq_wire.limits import KEEP_S
from fnq_wire.pieces import Buffer, Payload

__all__ = ["Spool"]

_VALUE = re.compile(r"(?:v-(?P<owner>[0-9a-f]{32})|k)-[0-9a-f]{32}")
_PROOF = "proof-"
#: Buffers that one system call takes, and bytes below which they are put together before.
_TOGETHER, _FEW = 512, 1 << 20


class Spool:
    """One spool directory; what is written belongs to `owner`, or else to this process."""

    def __init__(self, directory: str, owner: str = "") -> None:
        self.directory = directory
        self._root = Path(directory)
        self._owner = owner

    @classmethod
    def shared(cls, directory: str, proof: bytes) -> Spool | None:
        """Return the spool at `directory` if `proof` lies in it, else None."""
        if not directory or not proof:
            return None
        spool = cls(directory)
        try:
            same = spool._proof(proof).read_bytes() == proof
        except OSError:
            return None
        return spool if same else None

    def offer(self, proof: bytes) -> None:
        """Put a proof there, or renew the one that lies there; the directory is made if missing."""
        try:
            # Not written anew: whoever reads it in this moment would find less.
            _keep(self._proof(proof), KEEP_S)
        except FileNotFoundError:
            # Where a link leads that was left without its end, too.
            os.makedirs(os.path.realpath(self._root), mode=0o700, exist_ok=True)
            try:
                self._proof(proof).write_bytes(proof)
                _keep(self._proof(proof), KEEP_S)
            except BaseException:
                # Half a proof would be renewed for ever.
                self.withdraw(proof)
                raise

    def withdraw(self, proof: bytes) -> None:
        """Take a proof away."""
        self._proof(proof).unlink(missing_ok=True)

    def withdraw_all(self) -> None:
        """Take every proof away: all who offered it have ended, some without a word."""
        for path in self._root.glob(f"{_PROOF}*"):
            path.unlink(missing_ok=True)

    def _proof(self, proof: bytes) -> Path:
        return self._root / f"{_PROOF}{proof[:8].hex()}"

    def claim(self) -> None:
        """Say that the owner of what is written here lives. Raises OSError."""
        owner.claim(self.directory, self._owner or owner.mine())

    def write(self, payload: Payload) -> str:
        """Store a value under a new name, and return that.

        Raises OSError when there is no room, or no right to write; nothing is left then.
        """
        self.claim()
        name = f"v-{self._owner or owner.mine()}-{uuid.uuid4().hex}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        descriptor = os.open(self._root / name, flags, 0o600)
        try:
            try:
                _write(descriptor, [payload] if isinstance(payload, bytes) else payload.parts)
            finally:
                os.close(descriptor)
        except BaseException:
            self.delete(name)
            raise
        return name

    def map(self, name: str, size: int) -> memoryview:
        """Return a value in place: writable, without the file being changed.

        Raises OSError when it is gone, ValueError for what is not a name, or a value of
        another size.
        """
        from fnq_wire.mapping import map_private

        descriptor = self._open(name)
        try:
            if os.fstat(descriptor).st_size != size or not size:
                raise ValueError(f"a spooled value that has not {size} bytes")
            return map_private(descriptor, size)
        finally:
            os.close(descriptor)

    def open(self, name: str) -> BinaryIO:
        """Open a value; once open it can be read though it is deleted.

        Raises OSError when it is gone, ValueError for what is not a name.
        """
        return os.fdopen(self._open(name), "rb")

    def delete(self, name: str) -> None:
        """Delete a value; one that is gone is passed over."""
        self._path(name).unlink(missing_ok=True)

    def check(self, name: str, size: int) -> None:
        """Make sure that a value is there and has so many bytes.

        Raises OSError or ValueError.
        """
        facts = os.lstat(self._path(name))
        if not stat.S_ISREG(facts.st_mode) or facts.st_size != size:
            raise ValueError(f"a spooled value that has not {size} bytes")

    def adopt(self, name: str, size: int, seconds: float) -> str:
        """Take a value from its owner, and keep it for so many seconds; return its new name.

        Raises OSError or ValueError as `check` does.
        """
        self.check(name, size)
        kept = f"k-{uuid.uuid4().hex}"
        _keep(self._path(name), seconds)
        self._path(name).rename(self._root / kept)
        return kept

    def keep(self, name: str, seconds: float) -> None:
        """Keep a value for so many seconds from now on, also should its owner die."""
        with contextlib.suppress(FileNotFoundError):
            _keep(self._path(name), seconds)

    def lend(self, name: str, borrower: str) -> str:
        """Return another name of a value, which belongs to an owner that lives: `borrower`.

        Raises OSError or ValueError.
        """
        lent = f"v-{borrower}-{uuid.uuid4().hex}"
        os.link(self._path(name), self._root / lent, follow_symlinks=False)
        return lent

    def _open(self, name: str) -> int:
        return os.open(self._path(name), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)

    def _path(self, name: str) -> Path:
        if not _VALUE.fullmatch(name):
            raise ValueError(f"not the name of a spooled value: {name!r}")
        return self._root / name

    def sweep(self) -> None:
        """Delete what nobody owns any more and is past its time: a crash left it behind."""
        now = time.time()
        living: dict[str, bool] = {}
        owners: list[str] = []
        for entry in os.scandir(self._root):
            if entry.name.startswith(owner.FILE):
                owners.append(entry.name.removeprefix(owner.FILE))
                continue
            found = _VALUE.fullmatch(entry.name)
            if found is None and not entry.name.startswith(_PROOF):
                continue
            with contextlib.suppress(FileNotFoundError):
                if entry.stat(follow_symlinks=False).st_mtime >= now:
                    continue
                whose = found["owner"] if found is not None else None
                if whose is not None and whose not in living:
                    living[whose] = owner.lives(self.directory, whose)
                if whose is None or not living[whose]:
                    os.unlink(entry.path)
        for each in owners:
            if not living.get(each):
                owner.bury(self.directory, each)


def _keep(path: Path, seconds: float) -> None:
    until = time.time() + seconds
    os.utime(path, (until, until), follow_symlinks=False)


def _write(descriptor: int, parts: Sequence[Buffer]) -> None:
    """Write buffers one after the other, without putting large ones together."""
    for start in range(0, len(parts), _TOGETHER):
        some = parts[start : start + _TOGETHER]
        if sum(map(len, some)) < _FEW:
            some = (b"".join(some),)
        left = [memoryview(part) for part in some if len(part)]
        while left:
            written = os.writev(descriptor, left)
            while left and written >= len(left[0]):
                written -= len(left.pop(0))
            if written:
                left[0] = left[0][written:]
