"""The consumer: agents attach to it, and it brings them calls."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections import defaultdict
from collections.abc import Callable
from typing import TypeAlias

import structlog
from google.protobuf.message import DecodeError
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from fnq.v1 import record_pb2, result_pb2, spec_pb2, worker_pb2_grpc
from fnq_consumer.attachment import Attachment
from fnq_consumer.desk import Desks
from fnq_consumer.doors import Doors
from fnq_consumer.held import Held
from fnq_consumer.ledger import Ledger
from fnq_consumer.queue import DEAF_S, Queue
from fnq_consumer.rows import Rows
from fnq_consumer.workers import Workers
from fnq_core import keys
from fnq_core.blobs import Blobs
from fnq_core.connection import UNREACHABLE, check, connect, insist
from fnq_core.group import Group
from fnq_core.kept import KeptCalls
from fnq_core.lease import LEASE_RENEW_S, Read
from fnq_core.listen import Listener
from fnq_core.presence import PresenceBoard
from fnq_core.progress import Progress
from fnq_core.reading import CallReader
from fnq_core.registry import Registry
from fnq_core.results import Mailboxes
from fnq_core.service import Tasks
from fnq_wire.spool import Spool
from fnq_wire.tls import PLAIN, Tls
from fnq_wire.transport import AGENT_ANSWER_S

__all__ = ["Consumer"]

#: Seconds between two searches for entries whose lease has lapsed.
_SEARCH_S = 1.0
#: Seconds between two statements of health.
_HEALTH_S = 1.0
#: Seconds between two looks for the names of consumers that died.
_FORGET_S = 60.0
#: Seconds without a renewed lease after which an agent whose stream broke is dead; one
#: that lives renews every LEASE_RENEW_ALONE_S until it is attached again, here or elsewhere.
_GRACE_S = 0.5
#: Seconds that agents have to go elsewhere when this consumer ends.
_FAREWELL_S = 2.0
#: What is told of a failure that ends the process.
Fatal: TypeAlias = Callable[[BaseException], None]
_log = structlog.get_logger()


class Consumer:
    """One consumer process."""

    def __init__(
        self,
        listen: str,
        url: str,
        token: str | None,
        fatal: Fatal,
        spool: str | None = None,
        tls: Tls = PLAIN,
    ) -> None:
        self.name = uuid.uuid4().hex
        self._listen, self._url = listen, url
        self._redis: Redis = connect(url)
        self._waiting: Redis = connect(url)
        doors = self._doors = Doors.to(self._redis)
        self._calls, self._leases = doors.calls, doors.leases
        self._group = Group(self._redis)
        self._registry, self._board = Registry(self._redis), PresenceBoard(self._redis)
        #: What is known of the versions whose agents have attached here.
        self._specs: dict[tuple[str, str], spec_pb2.FunctionSpec] = {}
        self._mailboxes = Mailboxes(self._redis, self._waiting)
        #: Loop time at which the control stream was renewed last.
        self._renewed_at = 0.0
        self._tasks = Tasks(fatal)
        self._rows = Rows(self.name, Progress(self._redis), self._tasks.start)
        self.ledger = Ledger(
            self.name,
            self._leases,
            self._mailboxes,
            KeptCalls(self._redis),
            Blobs(self._redis, Spool(spool) if spool else None),
            self._rows,
            doors.dues,
            self._requeue,
            self._adopted,
            self._tasks.start,
        )
        self._desks = Desks(self._redis, self.name, self._tasks.start)
        self._queues: dict[tuple[str, str], Queue] = {}
        self._workers = Workers(self, self._tasks.start)
        self._listener = self._listen_at(listen, token, tls)

    def _listen_at(self, listen: str, token: str | None, tls: Tls) -> Listener:
        workers = self._workers
        return Listener(
            listen,
            ["fnq.v1.Workers"],
            lambda server: worker_pb2_grpc.add_WorkersServicer_to_server(workers, server),
            token,
            AGENT_ANSWER_S,
            tls,
        )

    async def start(self) -> None:
        """Open the control stream, listen for agents, start the loops."""
        version = await insist("connecting", lambda: check(self._redis))
        await self._doors.clock.start()
        control = keys.control(self.name)
        await self._mailboxes.open(control)
        self._renewed_at = asyncio.get_running_loop().time()
        await self._listener.start()
        for work, name in (
            (self.ledger.acknowledge_forever(), "acknowledge"),
            (self._obey_forever(), "obey"),
            (self._renew_forever(), "renew"),
            (self._tell_health_forever(), "health"),
            (self._search_forever(), "search"),
            (self._listen_for_depths(), "depths"),
        ):
            self._tasks.start(work, name)
        _log.info("consumer is ready", address=self._listen, name=self.name, redis=version)

    async def stop(self) -> None:
        """Send the agents elsewhere with their work, acknowledge what ended, leave.

        Reading stops first, so that nothing is taken that would not be dispatched;
        acknowledging stops last, since agents report ends until they have left.
        """
        for queue in list(self._queues.values()):
            await queue.stop()
        self._workers.send_away()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL_S):
                await self._workers.empty()
        await self._listener.stop(0.2)
        await self._tasks.stop()
        with contextlib.suppress(*UNREACHABLE):
            await self._desks.close()
            for queue in list(self._queues.values()):
                await self._leave(queue)
            await self._mailboxes.close(keys.control(self.name))
        await self._redis.aclose()
        await self._waiting.aclose()

    async def learn(self, namespace: str, version: str) -> None:
        """Look up what a version is, before its queue is made."""
        if (namespace, version) not in self._specs:
            found = await insist(
                "looking up a version", lambda: self._registry.version(namespace, version)
            )
            spec = spec_pb2.FunctionSpec() if found is None else found.spec
            self._specs[namespace, version] = spec

    def queue(self, namespace: str, version: str) -> Queue:
        """Return the queue of a version, made when it is first asked for."""
        key = (namespace, version)
        if key not in self._queues:
            reader = CallReader(self._url, self._redis, self.name)
            self._queues[key] = Queue(
                namespace,
                version,
                self._specs.get(key) or spec_pb2.FunctionSpec(),
                self.name,
                self.ledger,
                self._doors,
                reader,
                self._desks,
                self._tasks.start,
            )
        return self._queues[key]

    def _requeue(self, held: Held) -> None:
        self._queue_of(held).put(held)

    def _adopted(self, held: Held) -> None:
        self._queue_of(held).adopt(held)

    def _queue_of(self, held: Held) -> Queue:
        return self.queue(held.namespace, keys.version_of(held.stream))

    async def lose(self, attachment: Attachment) -> None:
        """Deal with a stream that broke: the agent lives on without it, or is dead."""
        await asyncio.sleep(_GRACE_S)
        who = (attachment.namespace, attachment.version, attachment.agent)
        with contextlib.suppress(ResponseError):  # What it said expires all the same.
            await insist("looking for an agent", lambda: self._board.lose(*who, _GRACE_S))
        while left := self.ledger.of(attachment):
            for held, silent_s in await insist("looking at leases", lambda: self._silences(left)):
                if held.attachment is not attachment:
                    continue  # The agent came back with it meanwhile.
                if silent_s is None:
                    self.ledger.forget(held)
                elif silent_s >= _GRACE_S:
                    self._bury(held)
            await asyncio.sleep(_GRACE_S)

    async def _silences(self, held: list[Held]) -> list[tuple[Held, float | None]]:
        """Return each with the seconds since its lease was renewed (see `Leases.silence`)."""
        by_stream: defaultdict[str, list[Held]] = defaultdict(list)
        for each in held:
            by_stream[each.stream].append(each)
        found: list[tuple[Held, float | None]] = []
        for stream, some in by_stream.items():
            entries = [each.entry for each in some]
            try:
                silences = await self._leases.silence(stream, self.name, entries)
            except UNREACHABLE:
                raise
            except ResponseError as problem:
                # Left to their leases.
                self._queue_of(some[0]).complain(problem)
                silences = [None] * len(some)
            found += zip(some, silences, strict=True)
        return found

    def _bury(self, held: Held) -> None:
        failure = result_pb2.Failure(error="WorkerLostError")
        failure.message = "the worker that ran the call was lost"
        failure.detail["reason"] = "the connection to its agent broke"
        self.ledger.bury(held, failure)

    async def _obey_forever(self) -> None:
        control = keys.control(self.name)
        position = {control: "0-0"}
        while True:
            orders = await insist(
                "reading orders", lambda: self._mailboxes.read(position, 1_000, 1_000)
            )
            withdrawn: set[tuple[str, str]] = set()
            for _, entry, body in orders:
                position[control] = entry
                try:
                    order = record_pb2.Order.FromString(body)
                except DecodeError:
                    _log.error("an order cannot be read", entry=entry, size=len(body))
                    continue
                self._obey(order)
                withdrawn |= {(each.stream, each.entry) for each in order.withdrawals}
            # Together: each look is at all that waits.
            for queue in self._queues.values() if withdrawn else ():
                queue.give_up(withdrawn)
            if orders:
                await insist(
                    "trimming orders", lambda: self._mailboxes.trim(control, position[control])
                )

    def _obey(self, order: record_pb2.Order) -> None:
        if order.limit:
            self._desks.obey(order)
        for credit in order.credits:
            held = self.ledger.get(credit.call)
            if held is not None and held.attachment is not None:
                held.attachment.credit(credit)
        for cancellation in order.cancellations:
            held = self.ledger.get(cancellation.call)
            if held is None:
                continue
            held.cancelled = True
            if held.attachment is not None:
                held.attachment.cancel(cancellation.call, cancellation.reason)
            elif self._queue_of(held).take_out(held):
                self.ledger.drop(held)

    async def _renew_forever(self) -> None:
        """Renew the control stream, and the lease of calls that wait here.

        The lease of a running call is renewed by its agent.
        """
        while True:
            try:
                await self._mailboxes.open(keys.control(self.name))
                self._renewed_at = asyncio.get_running_loop().time()
                await self._doors.clock.sample()
                for queue in list(self._queues.values()):
                    if queue.attended:
                        await self._renew(queue)
            except UNREACHABLE:
                pass  # Tried again in a moment; a lease stands several missed rounds.
            await asyncio.sleep(LEASE_RENEW_S)

    async def _renew(self, queue: Queue) -> None:
        for stream, waiting in queue.waiting.items():
            runs = [held.run for held in waiting]
            try:
                ours = await self._leases.renew(stream, self.name, runs)
            except UNREACHABLE:
                raise
            except ResponseError as problem:
                queue.complain(problem)
                continue
            for held, run, goes_on in zip(waiting, runs, ours, strict=True):
                if not goes_on and held.run == run and queue.take_out(held):
                    self.ledger.forget(held)

    async def _tell_health_forever(self) -> None:
        """Say whether Redis answers: to renewals, and to each queue that reads."""
        loop = asyncio.get_running_loop()
        while True:
            now = loop.time()
            deaf = now - self._renewed_at > DEAF_S or any(
                queue.deaf(now) for queue in self._queues.values()
            )
            await self._listener.set_health(not deaf)
            await asyncio.sleep(_HEALTH_S)

    async def _search_forever(self) -> None:
        """Claim entries that nobody renews: their consumer or agent is dead."""
        loop = asyncio.get_running_loop()
        looked_at = loop.time()
        while True:
            await asyncio.sleep(_SEARCH_S)
            look_around = loop.time() - looked_at >= _FORGET_S
            looked_at = loop.time() if look_around else looked_at
            try:
                for queue in list(self._queues.values()):
                    if queue.abandoned(loop.time()):
                        self._queues.pop((queue.namespace, queue.version))
                        await queue.stop()
                        await self._leave(queue)
                    elif queue.attended:
                        await self._search(queue, look_around)
            except UNREACHABLE:
                continue

    async def _search(self, queue: Queue, look_around: bool) -> None:
        try:
            await self._claim(queue, look_around)
        except UNREACHABLE:
            raise
        except ResponseError as problem:
            queue.complain(problem)

    async def _claim(self, queue: Queue, look_around: bool) -> None:
        """Claim what was left behind; `look_around`: also see which consumers are gone."""
        await queue.refresh_depths_if_changed()
        await queue.drop_idle_depths(asyncio.get_running_loop().time())
        for depth in queue.depths:
            stream = keys.call_stream(queue.namespace, queue.version, depth)
            more = claimed = await self._claim_some(queue, stream)
            while more and all(each.wait_ms for each in more):
                # Calls that wait for another attempt need no room: all of them at once.
                more = await self._claim_some(queue, stream)
            if claimed or look_around:
                await self._group.forget_dead(stream, self.name)

    async def _claim_some(self, queue: Queue, stream: str) -> list[Read]:
        """Claim some of what was left behind in a stream; return it."""
        ours = self.ledger.entries(stream)
        claimed = await self._leases.claim_idle(stream, self.name, ours)
        for read in claimed:
            _log.info("an entry was left behind", stream=stream, entry=read.entry)
            held = self.ledger.add(read, queue.namespace)
            if held is not None:
                await self._rows.recall(held)
                queue.put(held)
        return claimed

    async def _leave(self, queue: Queue) -> None:
        """Take the name of this consumer out of the groups of a queue that it has stopped."""
        for depth in queue.depths:
            stream = keys.call_stream(queue.namespace, queue.version, depth)
            try:
                await self._group.leave(stream, self.name)
            except UNREACHABLE:
                raise
            except ResponseError as problem:
                queue.complain(problem)

    async def _listen_for_depths(self) -> None:
        while True:
            try:
                async with contextlib.aclosing(self._calls.new_depths()) as notices:
                    async for depths_key in notices:
                        await self._notice_depth(depths_key)
            except UNREACHABLE:
                # Not `check`, which gives up a Redis that may be mended.
                await insist("listening for depths", self._doors.clock.sample)

    async def _notice_depth(self, depths_key: str) -> None:
        for queue in list(self._queues.values()):
            if keys.depths(queue.namespace, queue.version) == depths_key:
                await queue.refresh_depths()
                queue.wake()
