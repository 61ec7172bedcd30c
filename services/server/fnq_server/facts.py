"""What is told of one call: read from its entry, or from what is kept of it. Pure."""

from __future__ import annotations

from typing import NamedTuple

from google.protobuf.message import DecodeError

from fnq.v1 import calls_pb2, record_pb2
from fnq_core.inventory import Item
from fnq_core.keptrecord import Ended, Pending
from fnq_core.presence import Presence, Running
from fnq_core.registry import Version
from fnq_core.results import order
from fnq_server.standing import state
from fnq_wire import callid

__all__ = ["Place", "ended", "facts_of", "unfound"]


class Place(NamedTuple):
    """A run, and the worker that it is with."""

    run: Running
    worker: Presence


def facts_of(
    item: Item, version: Version, places: dict[bytes, Place]
) -> calls_pb2.CallFacts | None:
    """Return what is known of the call of an entry; None where it cannot be read."""
    try:
        call = record_pb2.Entry.FromString(item.body)
    except DecodeError:
        return None
    place = places.get(call.call) if item.tally is not None else None
    if place is not None and item.tally is not None and place.run.epoch != item.tally.epoch:
        place = None  # Of a run that was given up.
    facts = calls_pb2.CallFacts(
        call=call.call,
        function=version.spec.name,
        version=version.id,
        number=version.number,
        state=state(bool(item.consumer), place is not None, item.wait_s),
        queued_ms=order(item.entry)[0],
        attempt=item.tally.attempt if item.tally else 0,
        deaths=item.tally.deaths if item.tally else 0,
        depth=call.depth,
        rows=call.rows,
        parent=call.parent,
        detached=call.detached,
        tags=call.tags,
        kind=version.spec.kind,
    )
    if place is not None:
        facts.started_ms = place.run.started_ms
        facts.replica, facts.pid = place.worker.replica, place.worker.pid
    return facts


def unfound(call: bytes, pending: Pending, version: Version | None) -> calls_pb2.CallFacts:
    """Return what is known of a detached call whose entry is in nobody's hands for a moment."""
    facts = _of_head(call, pending.head, version)
    facts.state, facts.why = "queued", "it is about to be dispatched, or to end"
    return facts


def ended(call: bytes, fate: Ended, version: Version | None) -> calls_pb2.CallFacts:
    """Return how a detached call ended, as far as that is kept."""
    facts = _of_head(fate.call or call, fate.head, version)
    facts.ended_ms, facts.attempt = fate.ended_ms, fate.result.attempt
    facts.state, facts.why = "succeeded", "it has ended"
    if fate.result.end.HasField("failure"):
        failure = fate.result.end.failure
        cancelled = failure.error == "CallCancelledError"
        facts.state, facts.error = "cancelled" if cancelled else "failed", failure.error
        facts.why = f"it has ended: {failure.exception_type or failure.error}: {failure.message}"
    return facts


def _of_head(call: bytes, head: record_pb2.Kept, version: Version | None) -> calls_pb2.CallFacts:
    facts = calls_pb2.CallFacts(
        call=call,
        version=head.version,
        queued_ms=callid.parse(call).ms,
        parent=head.parent,
        detached=True,
        tags=head.tags,
        rows=1,
    )
    if version is not None:
        facts.function, facts.number = version.spec.name, version.number
        facts.kind = version.spec.kind
    return facts
