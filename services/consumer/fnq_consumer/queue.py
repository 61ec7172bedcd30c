"""The calls of one version on their way from Redis to the agents attached here."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Coroutine
from typing import Any

import structlog
from redis.exceptions import ResponseError

from fnq.v1 import result_pb2, spec_pb2
from fnq_consumer.attachment import Attachment
from fnq_consumer.batcher import Batcher
from fnq_consumer.deadlines import Deadlines
from fnq_consumer.desk import Desks
from fnq_consumer.dispatcher import Dispatcher
from fnq_consumer.doors import Doors
from fnq_consumer.held import Held
from fnq_consumer.ledger import Ledger
from fnq_consumer.permits import Permits
from fnq_consumer.postponed import Postponed
from fnq_consumer.station import Station
from fnq_core import keys
from fnq_core.backoff import Backoff
from fnq_core.clock import Clock
from fnq_core.connection import UNREACHABLE, insist
from fnq_core.lease import LEASE_S, Read
from fnq_core.reading import CallReader, StreamGoneError

__all__ = ["DEAF_S", "Queue"]

#: Milliseconds that a read waits for a call.
_BLOCK_MS = 1_000
#: Seconds without an agent after which calls that wait here are let go of.
_UNATTENDED_S = LEASE_S / 2
#: Seconds without an answer that mean that Redis gives none; a read waits for one second.
DEAF_S = 5.0
#: Seconds that a read has to end when the queue stops.
_STOP_S = 1.0
#: Seconds between two tries to interrupt a read that is on its way to Redis.
_INTERRUPT_S = 0.0005
#: Seconds after its last call at which an empty stream of deep calls is deleted.
_DEEP_IDLE_S = 60.0
#: Seconds until a stream that is not there is asked for again.
_GONE_S = 0.05
#: Seconds until streams that Redis refuses to read are read again.
_BROKEN_S = 1.0
#: Seconds between two reads that fail: first, and at most.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 0.5
#: Most calls read at once.
_MAX_READ = 500
_log = structlog.get_logger()


class Queue:
    """Reads what the attached agents have room for, and has it dispatched."""

    def __init__(
        self,
        namespace: str,
        version: str,
        spec: spec_pb2.FunctionSpec,
        consumer: str,
        ledger: Ledger,
        doors: Doors,
        reader: CallReader,
        desks: Desks,
        start: Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]],
    ) -> None:
        self.namespace, self.version = namespace, version
        self._spec = spec
        self._consumer = consumer
        self._ledger = ledger
        self._calls, self._leases = doors.calls, doors.leases
        self._reader = reader
        self._start = start
        self._deadlines = Deadlines(doors.clock, self._waits, self._expire)
        self._dispatcher = Dispatcher(ledger, self._deadlines)
        self._last = self._last_station(doors.clock)
        self._permits = permits = self._limited_by(spec.rate_limit_key, desks)
        #: The first of the stations that calls pass.
        self._first = Postponed(consumer, ledger, doors.dues, permits or self._last, start)
        self._depths: list[int] = [0]
        self._changed = asyncio.Event()
        #: Least depth that the read that waits now looks at.
        self._reading_from: int | None = None
        self._reads, self._stopping = 0, False
        #: Loop time of the last call at each depth below the first.
        self._deep_at: dict[int, float] = {}
        self._interrupting: asyncio.Task[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._unattended_at = asyncio.get_running_loop().time()
        #: Loop time at which what is asked of Redis now was asked first.
        self._asked_at: float | None = None
        #: Reads that failed since one went well: Redis may answer, and refuse to read.
        self._failed = Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S)
        self._complaints: set[str] = set()

    def _limited_by(self, limit: str, desks: Desks) -> Permits | None:
        """Return the station of calls that need a permit; None where there is no limit."""
        if not limit:
            return None
        desk = desks.at(self.namespace, limit)
        return Permits(desk, self._last, self._ledger.holds)

    def _last_station(self, clock: Clock) -> Station:
        """Return the dispatcher, or what gathers the items of batches before it."""
        batching, dispatcher = self._spec.batching, self._dispatcher
        if not batching.max_size:
            return dispatcher
        return Batcher(batching, dispatcher, self._ledger, clock, self._batch_left)

    @property
    def attended(self) -> bool:
        """Whether an agent is attached."""
        return self._dispatcher.attended

    def deaf(self, now: float) -> bool:
        """Whether a read has been under way for so long that Redis does not answer."""
        return self._asked_at is not None and now - self._asked_at > DEAF_S

    def abandoned(self, now: float) -> bool:
        """Whether no agent has been attached for so long that others should have the calls.

        Shorter than the lease, so that what waits here is let go of before another
        consumer may claim it.
        """
        return not self.attended and now - self._unattended_at > _UNATTENDED_S

    @property
    def depths(self) -> list[int]:
        """Depths at which the version is known to have call streams."""
        return self._depths

    @property
    def waiting(self) -> dict[str, list[Held]]:
        """Calls that are held here and wait, by stream."""
        return self._first.waiting()

    def attach(self, attachment: Attachment) -> None:
        """Serve an agent from now on."""
        self._dispatcher.attach(attachment)
        if self._task is None:
            self._task = self._start(self._read_forever(), "read calls")
        self.wake()

    def detach(self, attachment: Attachment) -> None:
        """Serve an agent no longer."""
        self._dispatcher.detach(attachment)
        if not self.attended:
            self._unattended_at = asyncio.get_running_loop().time()
            # A read that waits would take a call that nobody here can run. It is not
            # cancelled: calls on their way would be stuck until their lease lapses.
            self._interrupt()
        self.wake()

    def wake(self) -> None:
        """Look again: there is more room, or less, or another depth."""
        self._changed.set()
        self._first.feed()
        if self._reading_from is not None:
            rooms = self._rooms()
            # Where the last slot is gone, others may have room for what would be read.
            gone = self._reading_from == 0 and not rooms
            if gone or (rooms and min(rooms) < self._reading_from):
                self._interrupt()

    def _batch_left(self) -> None:
        """Read no longer what there was room for before: another worker may have some."""
        if self._reading_from is not None and self._reading_from not in self._rooms():
            self._interrupt()

    def _interrupt(self) -> None:
        """Have the read that waits look at more streams."""
        if self._interrupting is None or self._interrupting.done():
            self._interrupting = self._start(self._cut_short(), "interrupt reading")

    async def _cut_short(self) -> None:
        """Interrupt the read of this moment, also one that has not reached Redis yet."""
        read = self._reads
        with contextlib.suppress(*UNREACHABLE):
            while self._reading_from is not None and self._reads == read:
                if await self._reader.interrupt():
                    return
                await asyncio.sleep(_INTERRUPT_S)

    def put(self, held: Held) -> None:
        """Queue a call that was read before, ahead of what is in Redis."""
        self._first.put(held)
        if held.call.remaining_ms and held.attachment is None:
            self._deadlines.watch(held)

    def take_out(self, held: Held) -> bool:
        """Remove a call that waits here; False when it does not."""
        found = self._first.take_out(held)
        if found:
            self._changed.set()
        return found

    def give_up(self, withdrawn: Collection[tuple[str, str]]) -> None:
        """Let go of calls that nobody waits for any more, if they wait here.

        They are named by stream and entry.
        """
        waiting = [held for some in self.waiting.values() for held in some]
        for held in waiting:
            if (held.stream, held.entry) in withdrawn and self.take_out(held):
                self._ledger.drop(held)

    def adopt(self, held: Held) -> None:
        """Take up a run that an agent brought along from another consumer."""
        if self._permits is not None:
            self._permits.adopt(held)

    def _waits(self, held: Held) -> bool:
        """Whether a call is still held here, and not by an agent."""
        return held.attachment is None and self._ledger.holds(held)

    def _expire(self, held: Held) -> None:
        """End a call whose deadline has passed while it waited."""
        what = self._lacking(held)
        if self.take_out(held):
            failure = result_pb2.Failure(error="CallTimeoutError")
            failure.message = f"its deadline passed before {what}"
            self._ledger.fail(held, failure)

    def _lacking(self, held: Held) -> str:
        if held.due_at:
            return "its next attempt"
        if self._permits is not None and self._permits.keeps(held):
            return f"it had a permit of the rate limit {self._spec.rate_limit_key!r}"
        return "a worker took it: its workers are busy"

    async def refresh_depths(self) -> None:
        """Ask which depths there are, and read at all of them."""
        self._depths = await self._calls.depths(self.namespace, self.version) or [0]
        if self._reading_from is not None:
            self._interrupt()

    async def refresh_depths_if_changed(self) -> None:
        """Ask again which depths there are, in case the notice of a new one was missed."""
        depths = await self._calls.depths(self.namespace, self.version) or [0]
        if depths != self._depths:
            await self.refresh_depths()
            self.wake()

    async def drop_idle_depths(self, now: float) -> None:
        """Delete streams of deep calls that have not been used for a while and are empty."""
        dropped = False
        for depth in self._depths:
            if depth and now - self._deep_at.setdefault(depth, now) > _DEEP_IDLE_S:
                del self._deep_at[depth]
                dropped |= await self._calls.drop_idle(self.namespace, self.version, depth)
        if dropped:
            await self.refresh_depths()

    async def stop(self) -> None:
        """Read no more, and let other consumers have what waits here.

        A read that waits is cut short, not cancelled: what it brings is given up
        like the rest.
        """
        self._stopping = True
        self._changed.set()
        if self._task is not None:
            self._interrupt()
            await asyncio.wait([self._task], timeout=_STOP_S)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await self._reader.close()
        self._deadlines.close()
        for held in self._first.close():
            self._ledger.forget(held)
            try:
                await self._leases.release(held.stream, self._consumer, [held.run])
            except UNREACHABLE:
                pass  # Its lease lapses.
            except ResponseError as problem:
                self.complain(problem)

    def complain(self, problem: ResponseError) -> None:
        """Log what Redis says of the streams, once."""
        words = str(problem)
        if words not in self._complaints:
            self._complaints.add(words)
            _log.error("calls cannot be read", version=self.version, problem=words)

    async def _read_forever(self) -> None:
        while not self._stopping:
            try:
                await insist("asking for depths", self.refresh_depths)
                await self._read_on()
            except ResponseError as problem:
                # Other versions have their calls; this one may be mended.
                self.complain(problem)
                await asyncio.sleep(_BROKEN_S)

    async def _read_on(self) -> None:
        while not self._stopping:
            rooms = self._rooms()
            if not rooms:
                self._changed.clear()
                await self._changed.wait()
                continue
            least = min(rooms)
            streams = [
                (depth, keys.call_stream(self.namespace, self.version, depth))
                for depth in self._depths
                if depth >= least
            ]
            if streams:
                await self._read(streams, list(rooms.items()))
            else:
                self._changed.clear()
                await self._changed.wait()

    async def _read(self, streams: list[tuple[int, str]], rooms: list[tuple[int, int]]) -> None:
        self._asked_at = asyncio.get_running_loop().time()
        try:
            reads = await self._wait_for_calls(streams, rooms)
        except StreamGoneError:
            await insist("asking for depths", self.refresh_depths)
            # It may be gone for good, when Redis lost what it had.
            await asyncio.sleep(_GONE_S)
            return
        except UNREACHABLE as problem:
            broke_at = asyncio.get_running_loop().time()
            if self._failed.tries == 0:
                _log.warning("redis is away", doing="reading calls", problem=str(problem))
            await asyncio.sleep(self._failed.next())
            await insist("reading calls", self.refresh_depths)
            await insist("asking for lost answers", lambda: self._take_unheard(broke_at))
            return
        finally:
            self._asked_at = None
        self._failed.reset()
        self._take(reads)

    async def _wait_for_calls(
        self, streams: list[tuple[int, str]], rooms: list[tuple[int, int]]
    ) -> list[Read]:
        """Read; only what waits in here can be interrupted."""
        self._reads += 1
        self._reading_from = min(depth for depth, _ in rooms)
        try:
            return await self._reader.read(streams, rooms, _BLOCK_MS)
        finally:
            self._reading_from = None

    async def _take_unheard(self, broke_at: float) -> None:
        """Take what the read that broke at this loop time had brought, had its answer come."""
        silent_ms = int((asyncio.get_running_loop().time() - broke_at) * 1000)
        for depth in self._depths:
            stream = keys.call_stream(self.namespace, self.version, depth)
            known = self._ledger.entries(stream)
            self._take(await self._leases.claim_unheard(stream, self._consumer, known, silent_ms))

    def _take(self, reads: list[Read]) -> None:
        for read in reads:
            held = self._ledger.add(read, self.namespace)
            if held is None:
                continue
            if held.call.depth:
                self._deep_at[held.call.depth] = asyncio.get_running_loop().time()
            self.put(held)

    def _rooms(self) -> dict[int, int]:
        """Return the room of all agents together, by least depth."""
        return {depth: min(count, _MAX_READ) for depth, count in self._first.rooms().items()}
