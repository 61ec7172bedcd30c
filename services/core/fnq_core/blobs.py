"""Large values: a file in the spool where it is shared, else chunks in Redis.

A value is written before its reference is sent, and deleted when what referred
to it is: a result by the server, arguments by whoever learns that their call has
ended. What a crash leaves behind goes by itself: chunks expire after `VALUE_TTL_S`, files
are swept. Files are written by the two ends of a call alone (see `fnq_wire.spool`).
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Iterable
from typing import Any, BinaryIO

from redis.asyncio import Redis

from fnq.v1 import result_pb2
from fnq_core import keys
from fnq_core.connection import UNREACHABLE, FullError, insist
from fnq_wire.limits import MOST_CHUNKED, MOST_SPOOLED, PART, VALUE_TTL_S
from fnq_wire.spool import Spool

__all__ = ["Blobs"]

#: Of every value in Redis: what a client sends as a reference may name any key.
_PREFIX = keys.blob("")
# Adds a chunk though Redis is full. KEYS: value. ARGV: index, chunk, ttl. It begins like the
# script that appends to inboxes; where there is room it would take twice the time.
_APPEND_BEYOND = """
redis.call('HDEL', KEYS[1], '')
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
"""
#: Bytes of a value that tell what it is.
_HEAD = 256
_SPOOL, _CHUNKS = result_pb2.Reference.SPOOL, result_pb2.Reference.CHUNKS


class Blobs:
    """The door to large values; without a `spool` all of them lie in Redis."""

    def __init__(self, redis: Redis, spool: Spool | None = None) -> None:
        self._redis = redis
        self._append_beyond = redis.register_script(_APPEND_BEYOND)
        self.spool = spool
        #: Set once it is known which spool there is.
        self.known = asyncio.Event()

    def share(self, spool: Spool | None) -> None:
        """Take up the spool that is shared from now on, or that none is."""
        self.spool = spool
        self.known.set()

    @property
    def most(self) -> int:
        """Bytes of the largest value that can be written here."""
        return MOST_SPOOLED if self.spool is not None else MOST_CHUNKED

    def begin(self) -> result_pb2.Reference:
        """Return the reference of a value that is to be written chunk by chunk."""
        return result_pb2.Reference(house=_CHUNKS, key=keys.blob(uuid.uuid4().hex))

    async def append(
        self, reference: result_pb2.Reference, chunk: bytes, *, full_tries: int | None = None
    ) -> None:
        """Add a chunk, of PART bytes but for the last, to a value that was begun.

        A Redis that is full takes it all the same: results make room. With `full_tries`
        it may refuse: after so many tries FullError is raised.
        """
        index = reference.size // PART

        async def command() -> None:
            try:
                async with self._redis.pipeline(transaction=True) as pipe:
                    pipe.execute_command("HSET", reference.key, index, chunk)
                    pipe.execute_command("EXPIRE", reference.key, VALUE_TTL_S)
                    await pipe.execute()
            except FullError:
                if full_tries is not None:
                    raise
                await self._append_beyond(keys=[reference.key], args=(index, chunk, VALUE_TTL_S))

        await insist("writing a large value", command, full_tries=full_tries)
        reference.size += len(chunk)

    async def write(self, data: bytes, *, full_tries: int | None = None) -> result_pb2.Reference:
        """Store a value in Redis and return where it lies; `full_tries` is as in `append`.

        Nothing of a value that Redis has refused is left, or it expires: on a full disk
        it cannot be deleted either.
        """
        reference = self.begin()
        try:
            for start in range(0, len(data), PART):
                await self.append(reference, data[start : start + PART], full_tries=full_tries)
        except FullError:
            with contextlib.suppress(*UNREACHABLE):
                await self._redis.execute_command("UNLINK", reference.key)
            raise
        return reference

    async def outlast(self, reference: result_pb2.Reference, seconds: int) -> None:
        """Keep a value for so many seconds from now on, wherever it lies."""
        self.keep(reference, seconds)
        if reference.house == _CHUNKS:
            command = ("EXPIRE", reference.key, seconds)
            await insist("keeping a value", lambda: self._redis.execute_command(*command))

    async def read(self, reference: result_pb2.Reference) -> bytes | None:
        """Return a value, or None when it is gone."""
        data = b"".join([chunk async for chunk in self.chunks(reference)])
        return data if len(data) == reference.size else None

    async def chunks(self, reference: result_pb2.Reference) -> AsyncIterator[bytes]:
        """Yield a value piece by piece; it ends early when the value is gone."""
        if reference.house == _SPOOL:
            async for piece in self._file_pieces(reference.key):
                yield piece
            return
        if not reference.key.startswith(_PREFIX):
            return
        for index in range(-(-reference.size // PART)):

            async def command(index: int = index) -> Any:
                return await self._redis.execute_command("HGET", reference.key, index)

            piece = await insist("reading a large value", command)
            if piece is None:
                return
            yield piece

    async def _file_pieces(self, name: str) -> AsyncIterator[bytes]:
        if self.spool is None:
            return
        try:
            file: BinaryIO = self.spool.open(name)
        except (OSError, ValueError):
            return
        with file:
            while piece := await asyncio.to_thread(file.read, PART):
                yield piece

    def head(self, value: bytes | result_pb2.Reference) -> bytes:
        """Return the first bytes of a value that lies in the spool, all of one that does not.

        What is gone has none.
        """
        if isinstance(value, bytes):
            return value
        with contextlib.suppress(OSError, ValueError):
            if self.spool is not None:
                with self.spool.open(value.key) as file:
                    return file.read(_HEAD)
        return b""

    def keep(self, reference: result_pb2.Reference, seconds: float) -> None:
        """Keep a file for so many seconds, also should its writer die; chunks stay by themselves.

        One that cannot be kept is found to be gone by whoever needs it.
        """
        if reference.house == _SPOOL and self.spool is not None:
            with contextlib.suppress(OSError, ValueError):
                self.spool.keep(reference.key, seconds)

    async def delete(self, references: Iterable[result_pb2.Reference]) -> None:
        """Delete values; those that are gone, and what is no value, are passed over."""
        keyed, filed = [], []
        for each in references:
            if each.house == _CHUNKS and each.key.startswith(_PREFIX):
                keyed.append(each.key)
            elif each.house == _SPOOL:
                filed.append(each.key)
        if filed and self.spool is not None:
            # To give memory back takes a while.
            await asyncio.to_thread(_delete_files, self.spool, filed)
        if keyed:
            await insist(
                "deleting large values", lambda: self._redis.execute_command("UNLINK", *keyed)
            )


def _delete_files(spool: Spool, names: Iterable[str]) -> None:
    for name in names:
        with contextlib.suppress(OSError, ValueError):
            spool.delete(name)
