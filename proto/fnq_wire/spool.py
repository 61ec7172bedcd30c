"""The spool: a directory for large values that processes of one machine share.

Whoever offers a spool puts a proof into it; whoever reads the same proof there
shares it. A host name would prove nothing: containers have their own file systems.
"""

from __future__ import annotations

import os
import time
import uuid
from pathlib import Path
from typing import BinaryIO

from fnq_wire.limits import VALUE_TTL_S

__all__ = ["Spool"]


class Spool:
    """One spool directory."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self._root = Path(directory)

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
            os.utime(self._proof(proof))
        except FileNotFoundError:
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                self._proof(proof).write_bytes(proof)
            except BaseException:
                # Half a proof would be renewed for ever.
                self.withdraw(proof)
                raise

    def withdraw(self, proof: bytes) -> None:
        """Take a proof away."""
        self._proof(proof).unlink(missing_ok=True)

    def _proof(self, proof: bytes) -> Path:
        return self._root / f"proof-{proof[:8].hex()}"

    def write(self, data: bytes) -> str:
        """Store a value under a new name, and return that.

        Raises OSError when there is no room, or no right to write; nothing is left then.
        """
        name = uuid.uuid4().hex
        descriptor = os.open(self._root / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
        except BaseException:
            self.delete(name)
            raise
        return name

    def open(self, name: str) -> BinaryIO:
        """Open a value; once open it can be read though it is deleted.

        Raises FileNotFoundError when it is gone, ValueError for what is not a name.
        """
        return self._path(name).open("rb")

    def delete(self, name: str) -> None:
        """Delete a value; one that is gone is passed over."""
        self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        if not name.isalnum():
            raise ValueError(f"not the name of a spooled value: {name!r}")
        return self._root / name

    def sweep(self) -> None:
        """Delete values and proofs that a crash left behind."""
        oldest = time.time() - VALUE_TTL_S
        for path in self._root.iterdir():
            try:
                if path.stat().st_mtime < oldest:
                    path.unlink(missing_ok=True)
            except FileNotFoundError:
                continue
