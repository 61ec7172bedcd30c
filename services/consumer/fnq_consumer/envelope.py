"""Whether an entry can be read, and whom to answer when it cannot. Pure."""

from __future__ import annotations

from typing import NamedTuple

import structlog
from google.protobuf.message import DecodeError

from fnq.v1 import record_pb2, result_pb2
from fnq_core import keys
from fnq_core.damaged import leading_fields
from fnq_wire import callid
from fnq_wire.protocol import PROTOCOL, version_problem

__all__ = ["Unreadable", "log_unreadable", "protocol_error", "read"]

#: What the key of every inbox begins with.
_INBOX = keys.inbox("").encode()


_log = structlog.get_logger()


class Unreadable(NamedTuple):
    """Why an entry cannot be read, and its call and inbox: empty where they are not known.

    A detached call has no inbox.
    """

    call: bytes
    inbox: str
    reason: str


def read(body: bytes, entry: str) -> record_pb2.Entry | Unreadable:
    """Return what the bytes of an entry hold; `entry` is its id, for the reason."""
    try:
        found = record_pb2.Entry.FromString(body)
    except DecodeError:
        return _glimpse(body, entry)
    readable = found.protocol == PROTOCOL and len(found.call) == callid.SIZE
    return found if readable else _glimpse(body, entry)


def _glimpse(body: bytes, entry: str) -> Unreadable:
    """Return what can be told of an entry: the fields of `Entry` that no version changes."""
    fields = leading_fields(body)
    nothing = Unreadable(b"", "", f"entry {entry} holds no call that can be read")
    protocol, call, inbox = fields.get(1, 0), fields.get(2, b""), fields.get(4, b"")
    if not isinstance(protocol, int) or not isinstance(call, bytes) or not isinstance(inbox, bytes):
        return nothing
    if not _is_id(call):
        return nothing
    if not inbox.startswith(_INBOX):
        # Of a detached call, or damaged: what is kept of the call tells.
        inbox = b""
    writer = "the fnq-server that accepted the call"
    problem = version_problem("fnq-consumer", writer, protocol)
    if problem is None:
        problem = f"entry {entry}, which held the call, is damaged and was removed"
    return Unreadable(call, inbox.decode(errors="replace"), f"{problem}: call again")


def _is_id(call: bytes) -> bool:
    try:
        callid.parse(call)
    except ValueError:
        return False
    return True


def protocol_error(found: Unreadable) -> result_pb2.Failure:
    """Return what the caller is told."""
    return result_pb2.Failure(error="ProtocolError", message=found.reason)


def log_unreadable(stream: str, entry: str, body: bytes, found: Unreadable) -> None:
    """Log what was removed, but for its payload."""
    _log.error(
        "an entry cannot be read and is removed",
        stream=stream,
        entry=entry,
        size=len(body),
        call=found.call.hex(),
        reason=found.reason,
    )
