"""Where the arguments of a call travel: inside its submission, in the spool, or in parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalkcompute.errors import PayloadTooLargeError
from fnq.v1 import session_pb2
from fnq_wire.limits import INLINE, MOST_CHUNKED, MOST_SPOOLED
from fnq_wire.pieces import whole

if TYPE_CHECKING:
    from chalkcompute.inflight import Target, Terms
    from fnq_wire.pieces import Payload
    from fnq_wire.spool import Spool

__all__ = ["pack", "submission_of"]


def submission_of(
    target: Target, terms: Terms | None, *, rows: int = 1, packed: bool = False
) -> session_pb2.Submission:
    """Return the submission of a call, but for its payload."""
    submission = session_pb2.Submission(
        version=target.version,
        rows=rows,
        repeatable=target.repeatable or packed,
        divergent=target.divergent or packed,
        set=target.set,
        packed=packed,
    )
    if terms is not None:
        submission.timeout_ms, submission.remaining_ms = terms.timeout_ms, terms.deadline_ms
        submission.tags.update(terms.tags)
    return submission


def pack(
    spool: Spool | None, function: str, submission: session_pb2.Submission, payload: Payload
) -> bytes | None:
    """Put a payload into its submission, or into the spool; return it where neither can be.

    Raises PayloadTooLargeError.
    """
    if len(payload) <= INLINE:
        submission.payload.inline = whole(payload)
        return None
    most = MOST_CHUNKED if spool is None else MOST_SPOOLED
    if len(payload) > most:
        raise PayloadTooLargeError(
            f"the arguments of {function} have {len(payload)} bytes, the most is {most}",
            function=function,
        )
    if spool is None:
        return whole(payload)
    try:
        key = spool.write(payload)
    except OSError as problem:
        if len(payload) <= MOST_CHUNKED:
            return whole(payload)
        raise PayloadTooLargeError(
            f"the arguments of {function} have {len(payload)} bytes, the most is "
            f"{MOST_CHUNKED} without room in {spool.directory} ({problem}): free some",
            function=function,
        ) from problem
    reference = submission.payload.reference
    reference.house, reference.size, reference.key = reference.SPOOL, len(payload), key
    return None
