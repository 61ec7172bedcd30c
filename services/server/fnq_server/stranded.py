"""Ends calls that no worker takes: their version has no place, or got none in time."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
from collections.abc import Callable
from typing import NamedTuple

import structlog
from google.protobuf.message import DecodeError
from redis.exceptions import ResponseError

from fnq.v1 import record_pb2, result_pb2
from fnq_core import keys
from fnq_core.backlog import Idle
from fnq_core.calls import Target
from fnq_core.connection import UNREACHABLE
from fnq_core.kept import By, Ending
from fnq_core.lease import LEASE_S
from fnq_server.complaint import Complaint
from fnq_server.demand import Demand
from fnq_server.doors import Doors
from fnq_server.lookout import Lookout
from fnq_server.orchestrator.seam import Outlook
from fnq_server.readiness import Readiness

__all__ = ["Stranded"]

#: Seconds between two looks at versions without workers.
_LOOK_S = 1.0
#: Seconds until what was due is tried again, where Redis is away.
_PAUSE_S = 0.05
#: Seconds until a call that a consumer holds after its deadline is looked at again.
_AGAIN_S = LEASE_S / 2
#: Deadlines, at least, among which those of calls that have ended are looked for.
_LEAST_PRUNED = 1_000
_log = structlog.get_logger()


class _Due(NamedTuple):
    """A call that must begin until a time of the loop; `number` is only to sort by."""

    at: float
    number: int
    call: bytes
    namespace: str
    version: str
    stream: str
    entry: str
    detached: bool


class Stranded:
    """Looks after calls that wait in Redis; what a consumer holds is not touched.

    A call whose version can never have a worker ends at once, whichever server
    accepted it. One whose deadline passes while it waits is ended by the server that
    accepted it; so is one that waits again after its deadline. `awaited` says whether
    a call has not ended yet.
    """

    def __init__(
        self,
        doors: Doors,
        demand: Demand,
        lookout: Lookout,
        awaited: Callable[[bytes], bool],
    ) -> None:
        self._backlog = doors.backlog
        self._kept = doors.kept
        self._blobs = doors.blobs
        self._board = doors.board
        self._demand = demand
        self._lookout = lookout
        self._awaited = awaited
        self._due: list[_Due] = []
        #: Number of deadlines at which they are pruned next.
        self._most = _LEAST_PRUNED
        self._numbers = itertools.count()
        self._news = asyncio.Event()
        self._complaint = Complaint(_log.error, "calls that wait cannot be looked at")

    def watch(
        self,
        call: bytes,
        target: Target,
        stream: str,
        entry: str,
        remaining_s: float,
        *,
        detached: bool = False,
    ) -> None:
        """Have a call ended unless a worker has taken it after so many seconds."""
        if len(self._due) >= self._most:
            self._prune()
        at = asyncio.get_running_loop().time() + remaining_s
        number = next(self._numbers)
        due = _Due(at, number, call, target.namespace, target.version, stream, entry, detached)
        heapq.heappush(self._due, due)
        if self._due[0] is due:
            self._news.set()

    def _prune(self) -> None:
        """Forget the deadlines of calls that have ended."""
        self._due = [each for each in self._due if each.detached or self._awaited(each.call)]
        heapq.heapify(self._due)
        self._most = max(_LEAST_PRUNED, 2 * len(self._due))

    async def end_forever(self) -> None:
        """End what is stranded, until cancelled."""
        loop = asyncio.get_running_loop()
        look_at = loop.time()
        while True:
            self._news.clear()
            try:
                if loop.time() >= look_at:
                    look_at = loop.time() + _LOOK_S
                    await self._end_hopeless()
                await self._end_overdue()
            except UNREACHABLE:
                pass  # Tried again in a moment.
            except ResponseError as problem:
                self._complaint.make(problem)
            until = min([look_at, *(each.at for each in self._due[:1])])
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(_PAUSE_S, until - loop.time())):
                    await self._news.wait()

    async def _end_hopeless(self) -> None:
        """End all calls of versions that can never have a worker."""
        for namespace, version in await self._board.missing(list(self._demand.busy)):
            found = await self._lookout.of(namespace, version)
            if found.outlook is Outlook.IMPOSSIBLE:
                failure = result_pb2.Failure(error="UnschedulableError", message=found.reason)
                count = await self.end_version(namespace, version, failure)
                if count:
                    _log.warning(
                        "calls can never run", version=version, calls=count, reason=found.reason
                    )

    async def end_version(self, namespace: str, version: str, failure: result_pb2.Failure) -> int:
        """End all calls of one version that nobody holds; return how many.

        What is broken of it is its own affair. Raises one of UNREACHABLE.
        """
        count = 0
        try:
            for stream in await self._backlog.streams(namespace, version):
                count += await self._end_all(stream, failure)
        except UNREACHABLE:
            raise
        except ResponseError as problem:
            self._complaint.make(problem)
        return count

    async def _end_all(self, stream: str, failure: result_pb2.Failure) -> int:
        first, count = "-", 0
        while first:
            page, first = await self._backlog.idle(stream, first)
            for each in page:
                count += await self._end(each, failure)
        return count

    async def _end_overdue(self) -> None:
        """End the calls whose deadline has passed and that nobody holds.

        One that is held runs, or waits at a consumer: should that let go of it, it must
        not begin any more.
        """
        now = asyncio.get_running_loop().time()
        while self._due and self._due[0].at <= now:
            due = heapq.heappop(self._due)
            if not due.detached and not self._awaited(due.call):
                continue
            ended = False
            try:
                page, _ = await self._backlog.idle(due.stream, due.entry, due.entry)
                for each in page:
                    found = await self._lookout.of(due.namespace, due.version)
                    ended = await self._end(each, _too_late(found))
                if due.detached and not ended:
                    [holder] = await self._backlog.holders(due.stream, [due.entry])
                    ended = holder is None
            except UNREACHABLE:
                heapq.heappush(self._due, due)
                raise
            if not ended:
                heapq.heappush(self._due, due._replace(at=now + _AGAIN_S))

    async def _end(self, idle: Idle, failure: result_pb2.Failure) -> bool:
        """End a call, unless somebody took it meanwhile; return whether it was ended."""
        try:
            call = record_pb2.Entry.FromString(idle.body)
        except DecodeError:
            return False  # A consumer removes what cannot be read, and knows whom to tell.
        epoch, _, attempt = idle.then
        result = result_pb2.Result(call=call.call, epoch=epoch, attempt=attempt, decreed=True)
        result.end.failure.CopyFrom(failure)
        body = result.SerializeToString()
        if call.detached:
            ending = Ending(call.call, body, By.NOBODY)
            [finished] = await self._kept.finish(keys.namespace_of(idle.stream), [ending])
            gone = finished is not None
        else:
            gone = await self._backlog.turn_away(idle, call.inbox, body)
        if gone and call.payload.HasField("reference"):
            await self._blobs.delete([call.payload.reference])
        return gone


def _too_late(found: Readiness) -> result_pb2.Failure:
    """Return why a call was not begun in time."""
    placed = found.state == "ready" or found.outlook.placed
    reason = "its workers are busy" if found.state == "ready" else found.reason
    return result_pb2.Failure(
        error="CallTimeoutError" if placed else "UnschedulableError",
        message=f"its deadline passed before a worker took it: {reason}",
    )
