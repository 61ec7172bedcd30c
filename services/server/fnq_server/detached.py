"""What is kept of a submission that outlives its caller, and what its entry says of that. Pure."""

from __future__ import annotations

from fnq.v1 import record_pb2, session_pb2
from fnq_core import keptrecord, keys
from fnq_core.keptrecord import Naming
from fnq_core.registry import Version
from fnq_wire.inactive import DEFAULT_RESULT_TTL_S
from fnq_wire.kinds import yields
from fnq_wire.limits import ENDLESS_BYTES, ENDLESS_CHUNKS

__all__ = ["admission", "detach"]


def admission(namespace: str, submission: session_pb2.Submission, version: Version | None) -> bytes:
    """Return what the accepting script is told of a submission; empty: it is attached.

    `version` is None for one that is refused.
    """
    if not submission.detached:
        return b""
    call, naming, output = submission.call, None, ""
    head = record_pb2.Kept(
        version=submission.version, parent=submission.parent, tags=submission.tags
    )
    if version is not None:
        if submission.key:
            name = keys.named(namespace, version.spec.name, submission.key)
            naming = Naming(name, submission.digest)
        if yields(version.spec.kind):
            output = keys.output(namespace, call)
            head.streams = True
            head.repeatable, head.divergent = submission.repeatable, submission.divergent
    return keptrecord.admission(
        keys.spawned(namespace, call),
        keys.kept(namespace, call),
        naming,
        _keep_s(version) * 1000,
        output,
        head.SerializeToString(),
    )


def detach(entry: record_pb2.Entry, namespace: str, version: Version) -> None:
    """Say in an entry where its result goes: no inbox; a generator need not wait for readers."""
    entry.inbox = ""
    entry.keep_s = _keep_s(version)
    if yields(version.spec.kind):
        entry.inbox = keys.output(namespace, entry.call)
        entry.window_chunks, entry.window_bytes = ENDLESS_CHUNKS, ENDLESS_BYTES


def _keep_s(version: Version | None) -> int:
    """Return the seconds that an end is kept, at least one."""
    asked = DEFAULT_RESULT_TTL_S if version is None else version.spec.result_ttl_s
    return max(1, round(asked))
