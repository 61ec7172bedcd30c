"""Deletes in Redis what callers have, and what nobody will ask for."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable

from fnq.v1 import result_pb2
from fnq_core.blobs import Blobs
from fnq_core.connection import insist
from fnq_core.results import Mailboxes

__all__ = ["Deleter"]


class Deleter:
    """Entries of inboxes and large values that are to go, gathered per turn of the loop."""

    def __init__(self, mailboxes: Mailboxes, blobs: Blobs) -> None:
        self._mailboxes = mailboxes
        self._blobs = blobs
        self._entries: defaultdict[str, list[str]] = defaultdict(list)
        self._references: list[result_pb2.Reference] = []
        self._news = asyncio.Event()

    @property
    def idle(self) -> bool:
        """Whether there is nothing to delete."""
        return not (self._entries or self._references)

    def delete(self, inbox: str, entries: Iterable[str]) -> None:
        """Delete entries of an inbox."""
        self._entries[inbox].extend(entries)
        self._news.set()

    def discard(self, references: Iterable[result_pb2.Reference]) -> None:
        """Delete large values."""
        self._references.extend(references)
        self._news.set()

    async def delete_forever(self) -> None:
        """Delete what was gathered, until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            doomed, self._entries = self._entries, defaultdict(list)
            references, self._references = self._references, []
            if references:
                await self._blobs.delete(references)
            for inbox, entries in doomed.items():
                if entries:
                    await insist("deleting results", lambda: self._mailboxes.delete(inbox, entries))
