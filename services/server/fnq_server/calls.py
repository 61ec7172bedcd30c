"""The Calls RPC: what people ask about calls in flight."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from typing import NoReturn

import grpc
import grpc.aio

from fnq.v1 import calls_pb2, calls_pb2_grpc, result_pb2
from fnq_core.connection import insist
from fnq_core.inventory import Item
from fnq_core.keptrecord import Ended, Pending
from fnq_core.registry import Version
from fnq_server.doors import Doors
from fnq_server.facts import Place, ended, facts_of, unfound
from fnq_server.fates import SKEW_MS, Fate
from fnq_server.limits import summary
from fnq_server.refusals import Context
from fnq_server.standing import Facts, no_worker, why
from fnq_server.supply import Supply
from fnq_server.traffic import Traffic
from fnq_wire import callid

__all__ = ["Calls"]

#: Calls in one answer, unless more or less are asked for, and the most.
_LIMIT, _MOST = 100, 1_000
#: What a purge tells the callers.
_PURGED = "its queue was purged"
#: What a caller is told of a call that somebody cancelled without a word.
_CANCELLED = "it was cancelled"


class Calls(calls_pb2_grpc.CallsServicer):
    """What people ask about calls; only `Purge` and `Cancel` change anything."""

    def __init__(
        self,
        doors: Doors,
        supply: Supply,
        traffic: Traffic,
    ) -> None:
        self._registry = doors.registry
        self._inventory = doors.inventory
        self._backlog = doors.backlog
        self._board = doors.board
        self._book = doors.limits
        self._demand = supply.demand
        self._lookout = supply.lookout
        self._stranded = traffic.stranded
        self._fates = traffic.fates
        self._canceller = traffic.canceller

    async def List(  # noqa: N802 - the name in the contract of the wire
        self, request: calls_pb2.ListCallsRequest, context: Context
    ) -> calls_pb2.ListCallsReply:
        """Return calls in flight, by function and then oldest first."""
        namespace = request.namespace or "default"
        limit = min(request.limit or _LIMIT, _MOST)
        reply = calls_pb2.ListCallsReply()
        versions = await self._versions(namespace, request.function, context)
        for version in versions:
            places = await self._places(namespace, version.id)
            async for item in self._items(namespace, version.id):
                facts = facts_of(item, version, places)
                if facts is None or request.state not in ("", facts.state):
                    continue
                if len(reply.calls) == limit:
                    reply.more = True
                    return reply
                reply.calls.append(facts)
        return reply

    async def Show(  # noqa: N802
        self, request: calls_pb2.ShowCallRequest, context: Context
    ) -> calls_pb2.CallFacts:
        """Return one call, with what holds it now, or how it ended where that is kept."""
        namespace = request.namespace or "default"
        await _check(request.call, context)
        [fate] = await self._fates.of(namespace, [request.call])
        if isinstance(fate, Ended):
            version = await self._version(namespace, fate.head.version)
            return ended(request.call, fate, version)
        if isinstance(fate, Pending):
            return await self._waiting(namespace, request.call, fate)
        found = await self._in_flight(namespace, request.call, context)
        if found is None:
            await _abort(fate, request.call, namespace, context)
        assert found is not None  # else it was refused
        return await self._explained(namespace, *found)

    async def _waiting(self, namespace: str, call: bytes, fate: Pending) -> calls_pb2.CallFacts:
        """Return what is known of a detached call that has not ended."""
        version = await self._version(namespace, fate.head.version)
        items, _ = await self._inventory.page(fate.stream, fate.entry, fate.entry, 1)
        if items and version is not None:
            return await self._explained(namespace, version, items[0])
        return unfound(fate.call or call, fate, version)

    async def Cancel(  # noqa: N802
        self, request: calls_pb2.CancelCallRequest, context: Context
    ) -> calls_pb2.CancelCallReply:
        """End a call for whoever waits for it, and have its run stopped."""
        namespace, reason = request.namespace or "default", request.reason or _CANCELLED
        await _check(request.call, context)
        [fate] = await self._fates.of(namespace, [request.call])
        if isinstance(fate, result_pb2.Failure):
            found = await self._in_flight(namespace, request.call, context)
            if found is None:
                await _abort(fate, request.call, namespace, context)
            assert found is not None  # else it was refused
            done = await self._canceller.attached(found[1], reason)
        else:
            call = fate.call or request.call
            done = await self._canceller.detached(namespace, call, reason)
        return calls_pb2.CancelCallReply(cancelled=done)

    async def _version(self, namespace: str, identity: str) -> Version | None:
        wanted = [(namespace, identity)]
        [found] = await insist("looking up a version", lambda: self._registry.versions(wanted))
        return found

    async def _in_flight(
        self, namespace: str, call: bytes, context: Context
    ) -> tuple[Version, Item] | None:
        """Return the entry of a call that lies in a call stream."""
        asked = callid.parse(call)
        for version in await self._versions(namespace, "", context):
            if callid.function_tag(version.id) == asked.function:
                item = await self._find(namespace, version.id, call, asked.ms)
                if item is not None:
                    return version, item
        return None

    async def _find(self, namespace: str, version: str, call: bytes, ms: int) -> Item | None:
        for stream in await self._backlog.streams(namespace, version):
            item = await insist(
                "finding a call", lambda: self._inventory.find(stream, call, ms - SKEW_MS)
            )
            if item is not None:
                return item
        return None

    async def Queues(  # noqa: N802
        self, request: calls_pb2.QueuesRequest, context: Context
    ) -> calls_pb2.QueuesReply:
        """Return what waits and runs, by version; versions without calls only where current."""
        namespace = request.namespace or "default"
        versions = await self._versions(namespace, request.function, context)
        current = {each.current for each in await self._registry.functions([namespace])}
        counts = await self._backlog.count([(namespace, each.id) for each in versions])
        now_ms = await self._inventory.now_ms()
        reply = calls_pb2.QueuesReply()
        for version, count in zip(versions, counts, strict=True):
            if not (count.waiting or count.held) and version.id not in current:
                continue
            workers = await self._board.of(namespace, version.id)
            reply.queues.add(
                function=version.spec.name,
                version=version.id,
                number=version.number,
                waiting=count.waiting,
                held=count.held,
                oldest_s=await self._oldest_s(namespace, version.id, now_ms),
                cap=version.spec.max_queue,
                workers=sum(each.state == "ready" for each in workers),
            )
        return reply

    async def Purge(  # noqa: N802
        self, request: calls_pb2.PurgeRequest, context: Context
    ) -> calls_pb2.PurgeReply:
        """End all calls of a function, of any version, that no consumer has read."""
        namespace = request.namespace or "default"
        failure = result_pb2.Failure(error="CallCancelledError", message=_PURGED)
        reply = calls_pb2.PurgeReply()
        for version in await self._versions(namespace, request.function, context):
            reply.purged += await self._stranded.end_version(namespace, version.id, failure)
        return reply

    async def _versions(self, namespace: str, function: str, context: Context) -> list[Version]:
        """Return all versions of a function, or of all; an unknown one is refused."""
        functions = await insist(
            "looking up functions", lambda: self._registry.functions([namespace])
        )
        named = [each for each in functions if function in ("", each.name)]
        if function and not named:
            await _refuse_unknown(context, namespace, function, [each.name for each in functions])
        wanted = [(namespace, identity) for each in named for identity in each.versions]
        found = await insist("looking up versions", lambda: self._registry.versions(wanted))
        return [each for each in found if each is not None]

    async def _places(self, namespace: str, version: str) -> dict[bytes, Place]:
        """Return where each run is that workers name; they say so every few seconds."""
        workers = await insist("looking at workers", lambda: self._board.of(namespace, version))
        return {run.call: Place(run, each) for each in workers for run in each.running()}

    async def _items(self, namespace: str, version: str) -> AsyncIterator[Item]:
        for stream in await self._backlog.streams(namespace, version):
            first = "-"
            while first:
                page, first = await self._inventory.page(stream, first)
                for item in page:
                    yield item

    async def _oldest_s(self, namespace: str, version: str, now_ms: int) -> float:
        streams = await self._backlog.streams(namespace, version)
        times = [await self._inventory.oldest_ms(stream) for stream in streams]
        oldest = min((each for each in times if each), default=0)
        return max(0.001, (now_ms - oldest) / 1000) if oldest else 0.0

    async def _explained(self, namespace: str, version: Version, item: Item) -> calls_pb2.CallFacts:
        places = await self._places(namespace, version.id)
        facts = facts_of(item, version, places)
        assert facts is not None  # its id was found in it
        workers = await self._board.of(namespace, version.id)
        began_ms = facts.started_ms
        readiness = await self._lookout.of(namespace, version.id)
        known = Facts(
            held=bool(item.consumer),
            readiness=readiness,
            attempt=facts.attempt,
            running_s=max(0.0, time.time() - began_ms / 1000) if began_ms else None,
            replica=facts.replica,
            due_s=item.wait_s,
            ahead=0 if item.consumer else await self._inventory.ahead(item.stream, item.entry),
            workers=sum(each.state == "ready" for each in workers),
            busy=sum(each.busy for each in workers),
            slots=version.spec.concurrency,
            most=self._demand.bounds(namespace, version.id, version.spec)[1],
            buffer_s=version.spec.batching.max_buffer_ms / 1000,
            waited_s=await self._waited_s(item, facts.queued_ms),
            limit=await self._limit(
                namespace, version, facts.call, not item.consumer and readiness.state == "ready"
            ),
            deaths=facts.deaths,
            crash=await self._lookout.crash(namespace, version.id) if facts.deaths else "",
        )
        facts.why, facts.no_worker = why(known), no_worker(known)
        return facts

    async def _waited_s(self, item: Item, queued_ms: int) -> float:
        """Return the seconds that an item has waited; 0 where it was given anew, and waits anew."""
        if item.tally is None or item.tally.epoch > 1:
            return 0.0
        return (await self._inventory.now_ms() - queued_ms) / 1000

    async def _limit(self, namespace: str, version: Version, call: bytes, queued: bool) -> str:
        """Return which limit a call waits for, with what it allows; empty where for none.

        One that is `queued` before workers waits for it too, while others of its limit do.
        """
        key = version.spec.rate_limit_key
        if not key:
            return ""
        found = await insist("looking at a limit", lambda: self._book.look(namespace, key))
        waits = call in found.waiting or (queued and bool(found.waiting))
        return summary(found) if waits else ""


async def _check(call: bytes, context: Context) -> None:
    """Refuse what is no id of a call."""
    try:
        callid.parse(call)
    except ValueError as problem:
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(problem))


async def _abort(fate: Fate, call: bytes, namespace: str, context: Context) -> NoReturn:
    """Refuse a call of which there is nothing: in flight, or kept."""
    assert isinstance(fate, result_pb2.Failure)
    if fate.error == "ResultExpiredError":
        await context.abort(grpc.StatusCode.OUT_OF_RANGE, fate.message)
    words = f"no call {callid.text(call)} is in flight or kept in namespace {namespace!r}"
    await context.abort(grpc.StatusCode.NOT_FOUND, f"{words}: it has ended, or never was")


async def _refuse_unknown(
    context: Context, namespace: str, function: str, known: Sequence[str]
) -> NoReturn:
    await context.abort(
        grpc.StatusCode.NOT_FOUND,
        f"no function {function!r} in namespace {namespace!r}; "
        f"deployed there: {', '.join(known) or 'none'}",
    )
