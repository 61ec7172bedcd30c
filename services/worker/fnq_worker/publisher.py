"""Writes results into the inboxes, gathered per turn, in the order of each call."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from fnq.v1 import result_pb2
from fnq_core.blobs import Blobs
from fnq_core.connection import insist
from fnq_core.results import OWNED_RENEW_S, Mailboxes
from fnq_wire import outcomes
from fnq_wire.fitting import fitting
from fnq_wire.limits import INLINE
from fnq_worker.archive import Archive
from fnq_worker.intake import Value
from fnq_worker.run import Run

__all__ = ["Draft", "Publisher"]

#: Seconds after which a start is published if nothing else of the run was: so
#: short calls cost one entry, and longer ones can be reached.
_ANNOUNCE_S = 0.010
#: Bytes of chunks that share one entry.
_MAX_ENTRY = 256 << 10
#: Results in one command.
_MAX_BATCH = 1_000
#: Seconds until what an inbox did not take is offered again, and how often it is: an
#: inbox that expired while Redis was away is made anew within OWNED_RENEW_S.
_AGAIN_S = 0.5
_TRIES = int(OWNED_RENEW_S / _AGAIN_S) + 2


class Draft:
    """A result on its way: more chunks of the same run may join it."""

    __slots__ = ("references", "result", "run", "size")

    def __init__(self, run: Run, result: result_pb2.Result) -> None:
        self.run = run
        self.result = result
        self.size = 0
        #: Where its large values lie.
        self.references: list[result_pb2.Reference] = []

    @property
    def inbox(self) -> str:
        """Where it goes."""
        return self.run.call.inbox


class _Shut:
    """An inbox that is gone, and what is for it, in order."""

    __slots__ = ("drafts", "tries")

    def __init__(self) -> None:
        self.drafts: list[Draft] = []
        self.tries = 1


class Publisher:
    """The one writer of this agent's results.

    `published` is told of each run that has something new in its inbox, and
    `unheard` of each whose inbox is gone and stays so: nobody listens.
    """

    def __init__(
        self,
        mailboxes: Mailboxes,
        blobs: Blobs,
        published: Callable[[Run, result_pb2.Result], None],
        unheard: Callable[[Run], None],
        archive: Archive,
    ) -> None:
        self._mailboxes = mailboxes
        self._blobs = blobs
        self._published = published
        self._unheard = unheard
        self._archive = archive
        self.consumer = ""
        self._drafts: dict[Run, Draft] = {}
        self._batch: list[Draft] = []
        self._news = asyncio.Event()
        self._writing = False
        self._written = asyncio.Event()
        self._begun: deque[Run] = deque()
        self._timer: asyncio.TimerHandle | None = None
        #: Inboxes that are gone, and may come back.
        self._shut: dict[str, _Shut] = {}
        self._waiting: asyncio.TimerHandle | None = None
        #: What is for them is to be offered again now.
        self._again = False
        self._loop = asyncio.get_running_loop()

    def begin(self, run: Run) -> None:
        """Note that a run has begun; it is announced with its first output, or soon."""
        self._begun.append(run)
        if self._timer is None:
            self._timer = self._loop.call_later(_ANNOUNCE_S, self._announce_begun)

    def _announce_begun(self) -> None:
        self._timer = None
        now = self._loop.time()
        while self._begun:
            run = self._begun[0]
            wait = run.started_at + _ANNOUNCE_S - now
            if not run.announced and not run.ended and wait > 0.001:
                self._timer = self._loop.call_later(wait, self._announce_begun)
                return
            self._begun.popleft()
            if not run.announced and not run.ended:
                self.announce(run)

    def announce(self, run: Run) -> None:
        """Publish that a run has begun, and which consumer reaches it."""
        self._draft(run, 0, again=True)

    def chunk(self, run: Run, position: int, payload: Value) -> None:
        """Publish a chunk; of a packed call it is a block. Raises ValueError when it is none."""
        lengths = [outcomes.span(self._blobs.head(payload))[1]] if run.call.packed else []
        draft = self._drafts.get(run)
        size = len(payload) if isinstance(payload, bytes) else 0
        if draft is None or draft.size + size > _MAX_ENTRY:
            draft = self._draft(run, position)
        elif not draft.result.chunks:
            draft.result.position = position
        draft.size += size
        if isinstance(payload, bytes):
            draft.result.chunks.add(inline=payload)
        else:
            draft.result.chunks.add(reference=payload)
        draft.result.lengths.extend(lengths)

    def end(self, run: Run, position: int) -> result_pb2.End:
        """Return the end of a run to fill in; it is published after its chunks."""
        draft = self._drafts.get(run)
        if draft is None:
            draft = self._draft(run, position)
        elif not draft.result.chunks:
            draft.result.position = position
        draft.result.end.SetInParent()
        return draft.result.end

    def decree(self, run: Run) -> result_pb2.End:
        """Return the end, to be filled in, of a run that cannot end by itself."""
        draft = self._drafts.get(run) or self._draft(run, 0)
        draft.result.decreed = True
        draft.result.end.SetInParent()
        return draft.result.end

    def _draft(self, run: Run, position: int, again: bool = False) -> Draft:
        result = result_pb2.Result(
            call=run.call.call, epoch=run.epoch, position=position, attempt=run.attempt
        )
        if again or not run.announced:
            run.announced = True
            result.started.consumer = self.consumer
        draft = self._drafts[run] = Draft(run, result)
        self._batch.append(draft)
        self._news.set()
        return draft

    async def publish_forever(self) -> None:
        """Write what was gathered, one command at a time, until cancelled.

        While Redis is away the same batch is tried again before anything newer:
        readers drop what they see twice, but need the order.
        """
        while True:
            await self._news.wait()
            self._writing = True
            await self._publish_batch()
            self._writing = False
            self._written.set()

    async def _publish_batch(self) -> None:
        """Write what was gathered; when it returns, no large value of it is in memory any more."""
        batch = self._take()
        for draft in batch:
            if self._drafts.get(draft.run) is draft:
                del self._drafts[draft.run]
        for draft in batch:
            draft.references = await self._store_large(draft.result)
        if self._again:
            self._again = False
            await self._try_again()
        for draft in batch:
            if draft.inbox in self._shut:
                self._shut[draft.inbox].drafts.append(draft)
        await self._publish([each for each in batch if each.inbox not in self._shut])

    def _take(self) -> list[Draft]:
        """Take from what was gathered what one command carries."""
        count = _together(self._batch)
        batch = self._batch[:count]
        del self._batch[:count]
        if not self._batch:
            self._news.clear()
        return batch

    async def _publish(self, drafts: list[Draft]) -> None:
        """Write results; what is for inboxes that are gone is kept, to be offered again."""
        if not drafts:
            return
        gone = await self._write(drafts)
        for draft in drafts:
            if draft.inbox in gone:
                self._shut.setdefault(draft.inbox, _Shut()).drafts.append(draft)
        if gone:
            self._wait()

    async def _write(self, drafts: list[Draft]) -> set[str]:
        """Write what one command carries; return the inboxes that are gone."""
        kept = [draft for draft in drafts if draft.run.call.detached]
        if kept:
            await self._archive.write(kept)
            for draft in kept:
                self._published(draft.run, draft.result)
            drafts = [draft for draft in drafts if not draft.run.call.detached]
            if not drafts:
                return set()
        items = [(draft.inbox, draft.result.SerializeToString()) for draft in drafts]
        gone = await insist("publishing", lambda: self._mailboxes.publish(items))
        for draft in drafts:
            if draft.inbox not in gone:
                self._published(draft.run, draft.result)
        return gone

    def _wait(self) -> None:
        """Have what is for inboxes that are gone offered again in a while."""
        if self._waiting is None:
            self._waiting = self._loop.call_later(_AGAIN_S, self._ring)

    def _ring(self) -> None:
        self._waiting, self._again = None, True
        self._news.set()

    async def _try_again(self) -> None:
        """Offer what is for inboxes that are gone; those that stay so have nobody to hear it."""
        for inbox, shut in list(self._shut.items()):
            if await self._offer(shut):
                del self._shut[inbox]
            elif shut.tries >= _TRIES:
                del self._shut[inbox]
                await self._give_up(shut.drafts)
        if self._shut:
            self._wait()

    async def _offer(self, shut: _Shut) -> bool:
        """Write what is for an inbox, unless it is still gone; return whether it is back."""
        while shut.drafts:
            some = shut.drafts[: _together(shut.drafts)]
            if await self._write(some):
                shut.tries += 1
                return False
            del shut.drafts[: len(some)]
        return True

    async def _give_up(self, drafts: list[Draft]) -> None:
        for draft in drafts:
            self._unheard(draft.run)
            await self._blobs.delete(draft.references)
            self._published(draft.run, draft.result)

    async def _store_large(self, result: result_pb2.Result) -> list[result_pb2.Reference]:
        """Put what is too large for an entry elsewhere; return all references."""
        references: list[result_pb2.Reference] = []
        payloads = [*result.chunks]
        if result.end.HasField("value"):
            payloads.append(result.end.value)
        for payload in payloads:
            if len(payload.inline) > INLINE:
                payload.reference.CopyFrom(await self._blobs.write(payload.inline))
            if payload.HasField("reference"):
                references.append(payload.reference)
        return references

    async def flush(self) -> None:
        """Return when all that was gathered is written."""
        while self._batch or self._writing:
            self._written.clear()
            await self._written.wait()


def _together(drafts: list[Draft]) -> int:
    """Return how many of the first drafts one command carries."""
    return fitting(draft.result.ByteSize() for draft in drafts[:_MAX_BATCH])
