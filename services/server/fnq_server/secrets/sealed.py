"""Secrets in Redis, sealed with the key in a file: what lies there tells no value."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from google.protobuf.message import DecodeError
from redis.exceptions import ResponseError

from fnq.v1 import secrets_pb2
from fnq_core.connection import UNREACHABLE
from fnq_core.secrets import Label, SecretRecords
from fnq_server.secrets.cipher import Cipher, ForeignKeyError, Sealed, TamperedError
from fnq_server.secrets.keyfile import KeyFile
from fnq_server.secrets.seam import Entry
from fnq_server.secrets.words import remedy, title
from fnq_wire.error import StackError

__all__ = ["SealedStore"]


class SealedStore:
    """A `SecretStore`; the key file is made when something is set first."""

    def __init__(self, records: SecretRecords, key_file: KeyFile) -> None:
        self._records = records
        self._file = key_file

    async def get(self, namespace: str, labels: Sequence[Label]) -> list[Mapping[str, str] | None]:
        """Return the variables of each label, in order; None for each that is not set."""
        with _told(namespace):
            found = await self._records.get(namespace, labels)
        key = self._file.read() if any(found) else None
        cipher = Cipher(key) if key is not None else None
        return [
            None if record is None else self._open(cipher, namespace, label, record)
            for label, record in zip(labels, found, strict=True)
        ]

    async def set(self, namespace: str, label: Label, values: Mapping[str, str]) -> None:
        """Set the variables of a label, in place of all that it had."""
        record = secrets_pb2.SealedSecret(
            set_ms=time.time_ns() // 1_000_000, variables=sorted(values)
        )
        plain = secrets_pb2.SecretValues(values=values).SerializeToString(deterministic=True)
        cipher = Cipher(self._file.read_or_make())
        sealed = cipher.seal(plain, _about(namespace, label, record))
        record.key, record.nonce, record.sealed = sealed
        with _told(namespace):
            await self._records.put(namespace, label, record.SerializeToString())

    async def entries(self, namespace: str, source: str) -> Sequence[Entry]:
        """Return what is set of a source, by name; it needs no key."""
        with _told(namespace):
            records = await self._records.all(namespace, source)
        known = []
        for name, record in records.items():
            found = _read(Label(source, name), record)
            known.append(Entry(name, tuple(found.variables), found.set_ms))
        return known

    async def delete(self, namespace: str, label: Label) -> bool:
        """Delete what is set of a label; return whether there was anything."""
        with _told(namespace):
            return await self._records.delete(namespace, label)

    async def forget(self, namespace: str, function: str) -> None:
        """Do nothing: in Redis they go in one turn with the function."""

    def _open(
        self, cipher: Cipher | None, namespace: str, label: Label, record: bytes
    ) -> Mapping[str, str]:
        found = _read(label, record)
        try:
            if cipher is None:
                raise ForeignKeyError
            plain = cipher.open(
                Sealed(found.key, found.nonce, found.sealed), _about(namespace, label, found)
            )
        except ForeignKeyError:
            raise StackError(
                f"{title(label)} cannot be opened: it was sealed with another key than that in "
                f"{self._file.path}; put that key back, or set it again: {remedy(label)}"
            ) from None
        except TamperedError:
            raise _damaged(label) from None
        return dict(secrets_pb2.SecretValues.FromString(plain).values)


@contextmanager
def _told(namespace: str) -> Iterator[None]:
    """Raise StackError where Redis has something else in the place of secrets."""
    try:
        yield
    except UNREACHABLE:
        raise
    except ResponseError as problem:
        raise StackError(
            f"the secrets of namespace {namespace!r} cannot be looked at: Redis says {problem}"
        ) from problem


def _about(namespace: str, label: Label, record: secrets_pb2.SealedSecret) -> list[str]:
    """Return what a sealed value is bound to: elsewhere it does not open."""
    where = [namespace, label.source, label.function, label.name]
    return [*where, str(record.set_ms), *record.variables]


def _read(label: Label, record: bytes) -> secrets_pb2.SealedSecret:
    try:
        return secrets_pb2.SealedSecret.FromString(record)
    except DecodeError as problem:
        raise _damaged(label) from problem


def _damaged(label: Label) -> StackError:
    return StackError(
        f"{title(label)} cannot be opened: what is stored is damaged, or was sealed under another "
        f"name; set it again: {remedy(label)}"
    )
