"""What became of a detached call: it goes on, has ended, is kept no more, or never was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from fnq.v1 import result_pb2
from fnq_core.connection import insist
from fnq_core.kept import KeptCalls, Missing
from fnq_core.keptrecord import Ended, Pending, UnsoundError
from fnq_core.registry import Registry
from fnq_core.sessions import SessionRecords
from fnq_wire import callid

__all__ = ["SKEW_MS", "Fate", "Fates", "Traces", "missing"]

#: Milliseconds that a client's idea of the time may be ahead of Redis'.
SKEW_MS = 5_000
_log = structlog.get_logger()

#: What is there of a call, or the failure that says why there is nothing.
Fate = Pending | Ended | result_pb2.Failure


@dataclass(frozen=True, slots=True)
class Traces:
    """What tells whether a call was ever made, where nothing is kept of it.

    `granted` counts the sessions that there were, `ttls_ms` are the times that the
    functions of its tag keep results, `begun_ms` is since when ends of its minute are
    kept, 0 where none is.
    """

    now_ms: int
    granted: int
    ttls_ms: Sequence[int]
    begun_ms: int


def missing(call: bytes, traces: Traces) -> result_pb2.Failure:
    """Return why nothing is kept of a call: its result has had its time, or it never was. Pure.

    An id that nobody can have made never was. One so young that its result would still be
    kept never was either, nor one whose neighbours have been kept ever since.
    """
    made = callid.parse(call)
    possible = made.ms <= traces.now_ms + SKEW_MS and made.session > 0 and traces.ttls_ms
    if traces.granted < callid.SESSION_LIMIT and made.session > traces.granted:
        possible = False
    oldest = made.ms + min(traces.ttls_ms, default=0)
    if possible and oldest < traces.now_ms and not 0 < traces.begun_ms <= oldest:
        return expired(call)
    return result_pb2.Failure(
        error="NotFoundError",
        message=f"there is no detached call {callid.text(call)}: expected an id that "
        "f.spawn(...).id gave, in the same namespace",
    )


def expired(call: bytes) -> result_pb2.Failure:
    """Return what is told of a call whose result has had its time."""
    return result_pb2.Failure(
        error="ResultExpiredError",
        message=f"the result of call {callid.text(call)} was kept for its time and is gone: "
        "raise result_ttl= to keep results longer",
    )


class Fates:
    """Looks calls up, by their ids alone."""

    def __init__(self, kept: KeptCalls, registry: Registry, sessions: SessionRecords) -> None:
        self._kept = kept
        self._registry = registry
        self._sessions = sessions

    async def of(self, namespace: str, calls: Sequence[bytes], inbox: str = "") -> list[Fate]:
        """Return the fate of each call; `inbox` hears of the end of those that go on."""
        try:
            now_ms, found = await insist(
                "looking for calls", lambda: self._kept.look(namespace, calls, inbox)
            )
        except UnsoundError as problem:
            _log.error("what is kept of calls cannot be read", problem=str(problem))
            text = f"what is kept of the call is damaged: {problem}"
            failure = result_pb2.Failure(error="ProtocolError", message=text)
            if len(calls) == 1:
                return [failure]
            return [(await self.of(namespace, [call], inbox))[0] for call in calls]
        fates: list[Fate] = []
        for call, each in zip(calls, found, strict=True):
            if isinstance(each, Missing):
                fates.append(missing(call, await self._traces(namespace, call, now_ms, each)))
            elif isinstance(each, Ended) and each.is_over(now_ms):
                fates.append(expired(call))
            else:
                fates.append(each)
        return fates

    async def _traces(self, namespace: str, call: bytes, now_ms: int, found: Missing) -> Traces:
        tag = callid.parse(call).function
        functions = await self._registry.functions([namespace])
        wanted = [
            (namespace, identity)
            for each in functions
            for identity in each.versions
            if callid.function_tag(identity) == tag
        ]
        versions = await insist("looking up versions", lambda: self._registry.versions(wanted))
        ttls = [round(each.spec.result_ttl_s * 1000) for each in versions if each is not None]
        granted = await insist("counting sessions", self._sessions.granted)
        return Traces(now_ms, granted, ttls, found.begun_ms)
