"""Sealing with one key: the door to the library that has the cipher.

AES-256-GCM with a random nonce. What is sealed says which key it needs, and is bound to
words about it: elsewhere, or changed, it does not open.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["KEY_BYTES", "Cipher", "ForeignKeyError", "Sealed", "TamperedError", "fresh_key"]

#: Of AES-256.
KEY_BYTES = 32
#: What GCM takes.
_NONCE_BYTES = 12
#: Of the hash that tells keys apart.
_MARK_BYTES = 8


class Sealed(NamedTuple):
    """What can be opened with the key that `key` marks."""

    key: bytes
    nonce: bytes
    body: bytes


class ForeignKeyError(ValueError):
    """It was sealed with another key."""


class TamperedError(ValueError):
    """It was changed, or sealed about something else."""


def fresh_key() -> bytes:
    """Return a new key."""
    return os.urandom(KEY_BYTES)


class Cipher:
    """Seals and opens with `key`, which has KEY_BYTES."""

    def __init__(self, key: bytes) -> None:
        # Not where nobody has secrets: it takes longer to load than most of the server.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._cipher = AESGCM(key)
        self._mark = hashlib.sha256(b"fnq secret key\0" + key).digest()[:_MARK_BYTES]

    def seal(self, text: bytes, about: Sequence[str]) -> Sealed:
        """Return `text` sealed and bound to `about`."""
        nonce = os.urandom(_NONCE_BYTES)
        return Sealed(self._mark, nonce, self._cipher.encrypt(nonce, text, _bound(about)))

    def open(self, sealed: Sealed, about: Sequence[str]) -> bytes:
        """Return what was sealed. Raises ForeignKeyError and TamperedError."""
        from cryptography.exceptions import InvalidTag

        if sealed.key != self._mark:
            raise ForeignKeyError
        try:
            return self._cipher.decrypt(sealed.nonce, sealed.body, _bound(about))
        except (InvalidTag, ValueError) as problem:
            raise TamperedError from problem


def _bound(about: Sequence[str]) -> bytes:
    """Return words as bytes, so that no others give the same."""
    parts = [each.encode() for each in about]
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)
