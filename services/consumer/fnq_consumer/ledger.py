"""Every entry that this consumer holds, from its reading to its acknowledgement."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from functools import partial

import structlog
from redis.exceptions import ResponseError

from fnq.v1 import record_pb2, result_pb2, worker_pb2
from fnq_consumer import envelope
from fnq_consumer.attachment import Attachment
from fnq_consumer.envelope import Unreadable
from fnq_consumer.held import Held, Sequel, after_death, deaths_after
from fnq_consumer.rows import Rows, outcome_of_row
from fnq_core.blobs import Blobs
from fnq_core.connection import insist
from fnq_core.dues import Dues
from fnq_core.kept import By, Ending, KeptCalls
from fnq_core.lease import Count, Leases, Read
from fnq_core.results import Mailboxes
from fnq_core.service import Spawn

__all__ = ["Ledger"]

_log = structlog.get_logger()


class Ledger:
    """The entries held here, by call.

    `requeue` gets what must be dispatched again, `adopted` what an agent brought along;
    `spawn` starts what takes a while.
    """

    def __init__(
        self,
        consumer: str,
        leases: Leases,
        mailboxes: Mailboxes,
        kept: KeptCalls,
        blobs: Blobs,
        rows: Rows,
        dues: Dues,
        requeue: Callable[[Held], None],
        adopted: Callable[[Held], None],
        spawn: Spawn,
    ) -> None:
        self._consumer = consumer
        self._leases = leases
        self._mailboxes = mailboxes
        self._kept = kept
        self._blobs = blobs
        self._rows = rows
        self._dues = dues
        self._requeue = requeue
        self._adopted = adopted
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

    def holds(self, held: Held) -> bool:
        """Whether a call is to be run: it has not ended, and no other run of it has begun."""
        return self._held.get(held.call.call) is held

    def add(self, read: Read, namespace: str) -> Held | None:
        """Take up an entry that was read or claimed; None when it cannot be read.

        Such an entry is removed, and its caller answered if anything tells who it is.
        """
        found = envelope.read(read.body, read.entry)
        if isinstance(found, Unreadable):
            self._turn_away(read, found, namespace)
            return None
        before = self._held.get(found.call)
        if before is not None:
            before.give_back()
        held = Held(read.stream, read.entry, read.count, found, namespace)
        if read.wait_ms:
            held.due_at = asyncio.get_running_loop().time() + read.wait_ms / 1000
        self._held[found.call] = held
        return held

    def _turn_away(self, read: Read, found: Unreadable, namespace: str) -> None:
        envelope.log_unreadable(read.stream, read.entry, read.body, found)
        # Without an inbox its end, where it is detached, is kept.
        call = record_pb2.Entry(call=found.call, inbox=found.inbox, detached=not found.inbox)
        held = Held(read.stream, read.entry, read.count, call, namespace)
        # In hand from now on: it must not be claimed anew while its caller is answered.
        self._leaving[held.stream, held.entry] = held.count
        if found.call:
            self._begin(held, lambda: self._answer(held, envelope.protocol_error(found)))
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
            over = report.WhichOneof("what") in ("ended", "failed")
            if over and (held is None or held.attachment is not attachment):
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
            self.give_again(held, held.count.again())
        elif kind == "failed":
            self.postpone(held, report.failed.wait_ms)
        elif kind == "rows":
            self._rows.note(held, report.rows)
        else:
            held.streaming = True

    def _end(self, held: Held) -> None:
        held.give_back()
        if self.forget(held):
            self._let_go(held)

    def _let_go(self, held: Held) -> None:
        self._leaving[held.stream, held.entry] = held.count
        self._ended[held.stream].append(held)
        self._news.set()

    def bury(self, held: Held, failure: result_pb2.Failure) -> None:
        """Deal with the death of the worker that ran a call."""
        count = held.count.after_death()._replace(deaths=deaths_after(held))
        sequel = after_death(held)
        if sequel is Sequel.AGAIN:
            self.give_again(held, count)
            return
        failure.detail["deaths"] = str(count.deaths)
        if sequel is Sequel.SKIP:
            _release(held)
            before = held.count
            self._begin(held, lambda: self._skip(held, before, failure))
            return
        if sequel is Sequel.CUT_OFF:
            failure.message += (
                "; chunks had been delivered: set retries= to let a generator run again"
            )
        _release(held)
        self._begin(held, lambda: self._decree(held, failure))

    def fail(self, held: Held, failure: result_pb2.Failure) -> None:
        """End a call that nobody runs."""
        self._begin(held, lambda: self._decree(held, failure))

    def give_again(self, held: Held, count: Count) -> None:
        """Dispatch a call anew, with its new count recorded first."""
        _release(held)
        before = held.count
        self._begin(held, lambda: self._recount(held, before, count))

    def postpone(self, held: Held, wait_ms: int) -> None:
        """Have the next attempt of a call begin in a while, with that recorded first.

        Its agent keeps the attempt that failed until then, and is told to forget it.
        """
        attachment, call = held.attachment, held.call.call
        assert attachment is not None
        if held.cancelled:
            self.drop(held)
            return
        _release(held)
        held.due_at = asyncio.get_running_loop().time() + wait_ms / 1000
        before, count = held.count, held.count.after_failure()

        async def postpone() -> None:
            try:
                await self._recount(held, before, count, wait_ms)
            except ResponseError:
                # Left to its lease, which its agent must not renew.
                attachment.settle(call)
                raise
            attachment.settle(call)

        self._begin(held, postpone)

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

    async def _recount(
        self, held: Held, before: Count, count: Count, wait_ms: int | None = None
    ) -> None:
        """Record the next run of a call, which is due at once or in a while."""
        entry = held.stream, held.entry, self._consumer
        record = partial(self._leases.recount, *entry, before, count)
        if wait_ms is not None:
            record = partial(self._dues.postpone, *entry, before, count, wait_ms)
        body = await insist("redelivering", record)
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

    async def _skip(self, held: Held, before: Count, failure: result_pb2.Failure) -> None:
        """End a row in place of its worker, and go on behind it."""
        await self._publish(held, outcome_of_row(held, failure))
        held.rows += 1
        await self._recount(held, before, before.again()._replace(deaths=0))

    async def _dispatch_anew(self, held: Held, count: Count, body: bytes) -> None:
        if held.attachment is not None:
            # Its agent came back meanwhile, and was believed for a moment.
            held.attachment.settle(held.call.call)
            held.attachment = None
            held.give_back()
        held.count = count
        # What was adopted is known only in part.
        found = envelope.read(body, held.entry)
        if isinstance(found, Unreadable):
            envelope.log_unreadable(held.stream, held.entry, body, found)
            await self._decree(held, envelope.protocol_error(found))
            return
        held.call = found
        held.streaming = False
        if held.cancelled:
            self.drop(held)
        else:
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
        epoch, _, attempt = held.count
        result = result_pb2.Result(call=held.call.call, epoch=epoch, attempt=attempt, decreed=True)
        result.end.failure.CopyFrom(failure)
        await self._publish(held, result)

    async def _publish(self, held: Held, result: result_pb2.Result) -> None:
        if held.call.detached:
            ending = Ending(held.call.call, result.SerializeToString(), By.RUN, held.count)
            await insist("ending a call", lambda: self._kept.finish(held.namespace, [ending]))
            return
        items = [(held.call.inbox, result.SerializeToString())]
        await insist("ending a call", lambda: self._mailboxes.publish(items))

    def drop(self, held: Held) -> None:
        """Acknowledge a call that nobody waits for and nobody runs."""
        self._end_for_good(held)

    def forget(self, held: Held) -> bool:
        """Let go of an entry without acknowledging it: another consumer has it or will.

        Returns False when it was not held any more.
        """
        held.leave_behind()
        if not self.holds(held):
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
            runs = [(each.entry, _count_of(each)) for each in group]
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
        held, count = self._held.get(each.call), _count_of(each)
        if held is None or held.count != count:
            if held is not None:
                held.give_back()
            call = record_pb2.Entry(
                call=each.call,
                inbox=each.inbox,
                depth=each.depth,
                repeatable=each.repeatable,
                detached=each.detached,
            )
            held = Held(each.stream, each.entry, count, call, attachment.namespace)
            self._held[each.call] = held
        held.attachment = attachment
        held.streaming = each.streaming
        held.rows = held.first_row = max(held.rows, each.rows)
        attachment.calls.add(each.call)
        self._adopted(held)
        if each.ended:
            self._end(held)
        elif each.HasField("failed"):
            self.postpone(held, each.failed.wait_ms)

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
                    await self._rows.drop(group)
                except ResponseError as problem:
                    _log.error("ends are not acknowledged", stream=stream, problem=str(problem))
                for held in group:
                    self._leaving.pop((stream, held.entry), None)
                    if held.attachment is not None:
                        held.attachment.settle(held.call.call)


def _count_of(running: worker_pb2.Running) -> Count:
    return Count(running.epoch, running.deaths, running.attempt)


def _release(held: Held) -> None:
    """Take a call from its agent: that run of it is over."""
    held.give_back()
    if held.attachment is not None:
        held.attachment.calls.discard(held.call.call)
    held.attachment = None
