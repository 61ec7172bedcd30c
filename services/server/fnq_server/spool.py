"""The directory for large values that clients on the same machine may share."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

__all__ = ["Spool"]


class Spool:
    """A spool directory, or none; `nonce` proves to a client that it sees the same one."""

    def __init__(self, directory: str | None) -> None:
        self.directory = directory or ""
        self.nonce = b""
        if directory:
            Path(directory).mkdir(mode=0o700, parents=True, exist_ok=True)
            self.nonce = secrets.token_bytes(16)
            self._proof = Path(directory) / f"nonce-{os.getpid()}"
            self._proof.write_bytes(self.nonce)

    def close(self) -> None:
        """Take the proof away."""
        if self.directory:
            self._proof.unlink(missing_ok=True)
