"""What a server is asked of one call, and its answer as plain values."""

from __future__ import annotations

from typing import TypedDict

from fnq.v1 import calls_pb2, control_pb2

__all__ = ["Facts", "cancel_request", "facts", "logs_request", "show_request"]

#: Lines of a call's log.
_MOST_LINES = 10_000
_CANCELLED = "it was cancelled by whoever holds its id"


class Facts(TypedDict):
    """What a server knows of a call: times in milliseconds since 1970, 0 where there is none."""

    call: str
    function: str
    kind: str
    state: str
    why: str
    error: str
    queued_ms: int
    started_ms: int
    ended_ms: int
    attempt: int
    worker: int | None
    tags: dict[str, str]


def show_request(namespace: str, call: bytes) -> calls_pb2.ShowCallRequest:
    """Return the question how a call stands."""
    return calls_pb2.ShowCallRequest(namespace=namespace, call=call)


def cancel_request(namespace: str, call: bytes) -> calls_pb2.CancelCallRequest:
    """Return the request to end a call."""
    return calls_pb2.CancelCallRequest(namespace=namespace, call=call, reason=_CANCELLED)


def logs_request(namespace: str, call: bytes) -> control_pb2.LogsRequest:
    """Return the question what a call printed."""
    return control_pb2.LogsRequest(namespace=namespace, call=call.hex(), tail=_MOST_LINES)


def facts(found: calls_pb2.CallFacts) -> Facts:
    """Return what a server said of a call (CallFacts), fit for any transport."""
    return {
        "call": found.call.hex(),
        "function": found.function,
        "kind": found.kind,
        "state": found.state,
        "why": found.why,
        "error": found.error,
        "queued_ms": found.queued_ms,
        "started_ms": found.started_ms,
        "ended_ms": found.ended_ms,
        "attempt": found.attempt,
        "worker": found.replica if found.pid else None,
        "tags": dict(found.tags),
    }
