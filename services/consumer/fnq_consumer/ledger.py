"""Every entry that this consumer holds, from its reading to its acknowledgement."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable

import structlog
from redis.exceptions import ResponseError

from fnq.v1 import record_pb2, result_pb2, worker_pb2
from fnq_consumer import envelope
from fnq_consumer.attachment import Attachment
from fnq_consumer.envelope import Unreadable
from fnq_consumer.held import Held, Sequel, after_death
from fnq_core.blobs import Blobs
from fnq_core.connection import insist
from fnq_core.lease import Count, Leases, Read
from fnq_core.results import Mailboxes
from fnq_core.service import Spawn

__all__ = ["Ledger"]

_log = structlog.get_logger()


class Ledger:
    """The entries held here, by call.

    `requeue` gets what must be dispatched again; `spawn` starts what takes a while.
    """

    def __init__(
        self,
        consumer: str,
        leases: Leases,
        mailboxes: Mailboxes,
        blobs: Blobs,
        requeue: Callable[[Held], None],
        spawn: Spawn,
    ) -> None:
        self._consumer = consumer
        self._leases = leases
        self._mailboxes = mailboxes
        self._blobs = blobs
        self._requeue = requeue
        self._spawn = spawn
        self._held: dict[bytes, Held] = {}
        self._ended: defaultdict[str, list[Held]] = defaultdict(list)
        #: Runs, by stream and entry, that have ended and are not acknowledged yet.
        self._leaving: dict[tuple[str, str], Count] = {}
        self._news = asyncio.Event()

    def __len__(self) -> int:
        """Return how many entries are held."""
        return len(self._held)

    def get(self, call: bytes) -> Held | None:
        """Return the entry of a call that is held here."""
        return self._held.get(call)

    def add(self, read: Read, namespace: str) -> Held | None:
        """Take up an entry that was read or claimed; None when it cannot be read.

        Such an entry is removed, and its caller answered if anything tells who it is.
        """
        found = envelope.read(read.body, read.entry)
        if isinstance(found, Unreadable):
            self._turn_away(read, found, namespace)
            return None
        held = Held(read.stream, read.entry, read.count, found, namespace)
        self._held[found.call] = held
        return held

    def _turn_away(self, read: Read, found: Unreadable, namespace: str) -> None:
        _log_unreadable(read.stream, read.entry, read.body, found)
        call = record_pb2.Entry(call=found.call, inbox=found.inbox)
        held = Held(read.stream, read.entry, read.count, call, namespace)
        # In hand from now on: it must not be claimed anew while its caller is answered.
        self._leaving[held.stream, held.entry] = held.count
        if found.call:
            self._begin(held, lambda: self._answer(held, _protocol_error(found)))
        else:
            self._let_go(held)

    async def _answer(self, held: Held, failure: result_pb2.Failure) -> None:
        await self._publish_end(held, failure)
        self._let_go(held)

    def entries(self, stream: str) -> dict[str, Count]:
        """Return the runs of a stream that are in hand here, whatever becomes of them."""
        held = {each.entry: each.count for each in self._held.values() if each.stream == stream}
        leaving = {entry: count for (of, entry), count in self._leaving.items() if of == stream}
        return leaving | held

    def report(self, attachment: Attachment, report: worker_pb2.Report) -> None:
        """Deal with what an agent says became of a dispatch."""
        held = self._held.get(report.call)
        if held is None or held.attachment is not attachment or held.count.epoch != report.epoch:
            if report.HasField("ended") and (held is None or held.attachment is not attachment):
                # Of a run that was given up, or acknowledged before: nothing is held for it.
                # Where the same agent was given the call anew, it has forgotten that run.
                attachment.settle(report.call)
            return
        kind = report.WhichOneof("what")
        if kind == "ended":
            self._end(held)
        elif kind == "lost":
            self.bury(held, report.lost)
        elif kind == "returned":
            self.give_again(held, Count(held.count.epoch + 1, held.count.deaths))
        else:
            held.streaming = True

    def _end(self, held: Held) -> None:
        if self.forget(held):
            self._let_go(held)

    def _let_go(self, held: Held) -> None:
        self._leaving[held.stream, held.entry] = held.count
        self._ended[held.stream].append(held)
        self._news.set()

    def bury(self, held: Held, failure: result_pb2.Failure) -> None:
        """Deal with the death of the worker that ran a call."""
        count = Count(held.count.epoch + 1, held.count.deaths + 1)
        sequel = after_death(held)
        if sequel is Sequel.AGAIN:
            self.give_again(held, count)
            return
        failure.detail["deaths"] = str(count.deaths)
        if sequel is Sequel.CUT_OFF:
            failure.message += (
                "; chunks had been delivered: set retries= to let a generator run again"
            )
        _release(held)
        self._begin(held, lambda: self._decree(held, failure))

    def give_again(self, held: Held, count: Count) -> None:
        """Dispatch a call anew, with its new count recorded first."""
        _release(held)
        before = held.count
        self._begin(held, lambda: self._recount(held, before, count))

    def _begin(self, held: Held, work: Callable[[], Awaitable[None]]) -> None:
        self._spawn(self._see_through(held, work), "see a call through")

    async def _see_through(self, held: Held, work: Callable[[], Awaitable[None]]) -> None:
        """Do what a call needs; where Redis refuses that, its lease will lapse."""
        try:
            await work()
        except ResponseError as problem:
            _log.error(
                "a call is left to its lease",
                stream=held.stream,
                entry=held.entry,
                problem=str(problem),
            )
            self.forget(held)
            self._leaving.pop((held.stream, held.entry), None)

    async def _recount(self, held: Held, before: Count, count: Count) -> None:
        entry = held.stream, held.entry, self._consumer
        body = await insist("redelivering", lambda: self._leases.recount(*entry, before, count))
        current = self._held.get(held.call.call)
        if current is None and body is not None:
            # It has ended after all: its agent came back with that, and was believed.
            held.count = count
            self._let_go(held)
        elif current is held and held.count == before:
            if body is None:
                self.forget(held)
            else:
                await self._dispatch_anew(held, count, body)

    async def _dispatch_anew(self, held: Held, count: Count, body: bytes) -> None:
        if held.attachment is not None:
            # Its agent came back meanwhile, and was believed for a moment.
            held.attachment.settle(held.call.call)
            held.attachment = None
        held.count = count
        # What was adopted is known only in part.
        found = envelope.read(body, held.entry)
        if isinstance(found, Unreadable):
            _log_unreadable(held.stream, held.entry, body, found)
            await self._decree(held, _protocol_error(found))
            return
        held.call = found
        held.streaming = False
        self._requeue(held)

    def _end_for_good(self, held: Held) -> None:
        """Acknowledge a call that no agent ends: its arguments are ours to delete."""
        self._end(held)
        if held.call.payload.HasField("reference"):
            self._spawn(self._blobs.delete([held.call.payload.reference]), "delete arguments")

    async def _decree(self, held: Held, failure: result_pb2.Failure) -> None:
        """End a call in place of its worker."""
        await self._publish_end(held, failure)
        self._end_for_good(held)

    async def _publish_end(self, held: Held, failure: result_pb2.Failure) -> None:
        result = result_pb2.Result(call=held.call.call, epoch=held.count.epoch, decreed=True)
        result.end.failure.CopyFrom(failure)
        items = [(held.call.inbox, result.SerializeToString())]
        await insist("ending a call", lambda: self._mailboxes.publish(items))

    def drop(self, held: Held) -> None:
        """Acknowledge a call that nobody waits for and nobody runs."""
        self._end_for_good(held)

    def forget(self, held: Held) -> bool:
        """Let go of an entry without acknowledging it: another consumer has it or will.

        Returns False when it was not held any more.
        """
        if self._held.get(held.call.call) is not held:
            return False
        del self._held[held.call.call]
        return True

    def of(self, attachment: Attachment) -> list[Held]:
        """Return the entries that an agent holds."""
        found = (self._held.get(call) for call in attachment.calls)
        return [held for held in found if held is not None and held.attachment is attachment]

    async def adopt(self, attachment: Attachment, running: list[worker_pb2.Running]) -> None:
        """Take over the work that an agent brings along from another consumer.

        What has ended is acknowledged; what was dispatched elsewhere meanwhile this
        agent gives up.
        """
        by_stream: defaultdict[str, list[worker_pb2.Running]] = defaultdict(list)
        for each in running:
            by_stream[each.stream].append(each)
        for stream, group in by_stream.items():
            runs = [(each.entry, Count(each.epoch, each.deaths)) for each in group]
            try:
                ours = await insist(
                    "adopting", lambda: self._leases.renew(stream, self._consumer, runs)
                )
            except ResponseError as problem:
                _log.error("runs are not adopted", stream=stream, problem=str(problem))
                ours = [False] * len(group)
            for each, goes_on in zip(group, ours, strict=True):
                if goes_on:
                    self._adopt(attachment, each)
                else:
                    # It ended, or was given to another worker. Not a cancellation: that
                    # would hit the new run if this agent is the one that gets it.
                    attachment.settle(each.call)

    def _adopt(self, attachment: Attachment, each: worker_pb2.Running) -> None:
        held, count = self._held.get(each.call), Count(each.epoch, each.deaths)
        if held is None or held.count != count:
            call = record_pb2.Entry(
                call=each.call, inbox=each.inbox, depth=each.depth, repeatable=each.repeatable
            )
            held = Held(each.stream, each.entry, count, call, attachment.namespace)
            self._held[each.call] = held
        held.attachment = attachment
        held.streaming = each.streaming
        attachment.calls.add(each.call)
        if each.ended:
            self._end(held)

    async def acknowledge_forever(self) -> None:
        """Acknowledge what has ended, gathered per turn, until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            ended, self._ended = self._ended, defaultdict(list)
            for stream, group in ended.items():
                runs = [held.run for held in group]
                try:
                    await insist("acknowledging", lambda: self._leases.acknowledge(stream, runs))
                except ResponseError as problem:
                    _log.error("ends are not acknowledged", stream=stream, problem=str(problem))
                for held in group:
                    self._leaving.pop((stream, held.entry), None)
                    if held.attachment is not None:
                        held.attachment.settle(held.call.call)


def _release(held: Held) -> None:
    """Take a call from its agent."""
    if held.attachment is not None:
        held.attachment.calls.discard(held.call.call)
    held.attachment = None


def _protocol_error(found: Unreadable) -> result_pb2.Failure:
    return result_pb2.Failure(error="ProtocolError", message=found.reason)


def _log_unreadable(stream: str, entry: str, body: bytes, found: Unreadable) -> None:
    """Log what was removed, but for its payload."""
    _log.error(
        "an entry cannot be read and is removed",
        stream=stream,
        entry=entry,
        size=len(body),
        call=found.call.hex(),
        reason=found.reason,
    )
