"""What Redis holds of a detached call: how its records are written and read. Pure.

Fields are separated by line ends, since a script reads and extends them; what may hold
any byte comes last, behind its length.
"""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.message import DecodeError

from fnq.v1 import record_pb2, result_pb2

__all__ = ["Ended", "Naming", "Pending", "UnsoundError", "admission", "read_ended", "read_pending"]

#: What an end begins with that only names another call: the one with the same key.
_ALIAS = b"="


class UnsoundError(ValueError):
    """A record of a detached call is none."""


@dataclass(frozen=True, slots=True)
class Pending:
    """A detached call that has not ended: where its entry lies.

    `call` is its id where it was asked for by another one that stands for it.
    """

    entry: str
    stream: str
    keep_ms: int
    head: record_pb2.Kept
    call: bytes = b""


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of a detached call, kept for `keep_ms` from `ended_ms` on; `call` as above."""

    ended_ms: int
    keep_ms: int
    head: record_pb2.Kept
    result: result_pb2.Result
    call: bytes = b""

    def is_over(self, now_ms: int) -> bool:
        """Return whether it has had its time; its record may lie there for a while longer."""
        return now_ms >= self.ended_ms + self.keep_ms


@dataclass(frozen=True, slots=True)
class Naming:
    """An idempotency key: what its key in Redis is called, and sha256 of the payload."""

    name: str
    digest: bytes


def admission(
    spawned: str, kept: str, naming: Naming | None, keep_ms: int, output: str, head: bytes
) -> bytes:
    """Return what the accepting script is told of a detached call.

    `spawned` and `kept` are the keys of its records, `output` that of its chunks or "".
    """
    name, digest = ("", b"") if naming is None else (naming.name, naming.digest)
    fields = (spawned, kept, name, digest.hex(), str(keep_ms), output, str(len(head)))
    return "\n".join(fields).encode() + b"\n" + head


def read_pending(record: bytes) -> Pending:
    """Return what the record of a call in flight holds. Raises UnsoundError."""
    try:
        entry, stream, _, keep_ms, _, size, rest = record.split(b"\n", 6)
        head = record_pb2.Kept.FromString(rest[: int(size)])
        return Pending(entry.decode(), stream.decode(), int(keep_ms), head)
    except (ValueError, DecodeError) as problem:
        raise UnsoundError(f"a record of {len(record)} bytes: {problem}") from problem


def read_ended(record: bytes) -> Ended | bytes:
    """Return what the record of an end holds, or the call that it is another id of.

    Raises UnsoundError.
    """
    if record.startswith(_ALIAS):
        return record[len(_ALIAS) :]
    try:
        ended_ms, keep_ms, size, rest = record.split(b"\n", 3)
        head = record_pb2.Kept.FromString(rest[: int(size)])
        result = result_pb2.Result.FromString(rest[int(size) :])
        return Ended(int(ended_ms), int(keep_ms), head, result)
    except (ValueError, DecodeError) as problem:
        raise UnsoundError(f"a record of {len(record)} bytes: {problem}") from problem
