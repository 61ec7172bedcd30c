"""What a server knows of one call: how far its result came, and what is accepted next.

Pure: `advance` decides what an entry of the inbox means; the relay acts on it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from fnq.v1 import record_pb2, result_pb2
from fnq_wire import positions
from fnq_wire.fingerprint import fingerprint

if TYPE_CHECKING:
    from fnq_server.session import Session

__all__ = ["Track", "Verdict", "advance"]


class Verdict(Enum):
    """What to do with an entry of the inbox."""

    #: Send it on as it lies.
    PASS = "pass"
    #: Send on `Result` as it was cut, parts of it were delivered before.
    CUT = "cut"
    #: Heard before, or from a run that was given up: delete it.
    DROP = "drop"
    #: It cannot be continued: the call ends as lost.
    BROKEN = "broken"
    #: A repeated run differs from the one that was heard before.
    DIVERGED = "diverged"


@dataclass(slots=True, eq=False)
class Track:
    """One call in flight.

    `next` is the position expected, `epoch` the highest seen; `unacknowledged`
    holds (position after, entry id) of what was sent on and is kept in the inbox
    until the SDK has it. After an end comes no position that the SDK could
    acknowledge: it goes only when the SDK says that it has the end.
    """

    call: bytes
    session: Session
    inbox: str
    repeatable: bool
    #: A repeated run may differ from what was delivered before.
    divergent: bool = False
    next: int = 0
    epoch: int = 0
    #: Executions before the run of that epoch.
    attempt: int = 0
    consumer: str = ""
    unacknowledged: list[tuple[int, str]] = field(default_factory=list)
    #: Where its arguments lie, if they are large and its client waits for the end.
    arguments: result_pb2.Reference | None = None
    #: Large values that were sent on or withheld, by the position after them.
    blobs: list[tuple[int, result_pb2.Reference]] = field(default_factory=list)
    #: Last entry of the inbox that was taken into account.
    seen: tuple[int, int] = (0, 0)
    ended: bool = False
    cancelled: str = ""
    #: The end that no run wrote, serialized: it lies in no inbox.
    decreed: bytes = b""
    #: Entries that ended the call here: kept, so that another server ends it too.
    withheld: list[str] = field(default_factory=list)
    credit: record_pb2.Credit | None = None
    #: Of the last chunk sent on, where a run may be repeated; 0: none.
    fingerprint: int = 0
    #: Call stream and entry, where this server has appended it.
    stream: str = ""
    entry: str = ""
    #: It is offered, and not known to be accepted yet.
    offered: bool = False
    #: Its inbox was gone, and nothing was heard of its result since.
    doubted: bool = False
    #: Results are being sent again; new ones queue behind them.
    replaying: bool = False

    def decree(self, error: str, message: str) -> None:
        """End it with a failure that no run wrote."""
        result = result_pb2.Result(call=self.call, epoch=self.epoch, position=self.next)
        result.attempt, result.decreed = self.attempt, True
        result.end.failure.error = error
        result.end.failure.message = message
        self.ended = True
        self.decreed = result.SerializeToString()


def advance(track: Track, result: result_pb2.Result) -> Verdict:
    """Return what becomes of `result`, and move `track` accordingly.

    Accepts only epochs not below the highest seen and the very next position;
    the first end wins.
    """
    if track.ended or result.epoch < track.epoch:
        return Verdict.DROP
    if result.epoch > track.epoch:
        if track.next and not track.repeatable and not result.decreed:
            return Verdict.BROKEN
        track.epoch, track.attempt = result.epoch, result.attempt
    if result.HasField("started"):
        track.consumer = result.started.consumer
    if result.decreed:
        track.ended = True
        return Verdict.PASS
    return _advance_chunks(track, result)


def _advance_chunks(track: Track, result: result_pb2.Result) -> Verdict:
    ends = result.HasField("end")
    if not result.chunks and not ends:
        return Verdict.PASS
    after = positions.after(result)
    if result.position > track.next:
        return Verdict.BROKEN
    compared = track.repeatable and not track.divergent
    if compared and not _same_chunk(track, result):
        return Verdict.DIVERGED
    if after < track.next and ends and not (track.divergent or result.end.HasField("failure")):
        return Verdict.DIVERGED
    if after <= track.next and not ends:
        # An end or a chunk that came before; an old `started` beside it has been noted.
        return Verdict.DROP
    cut = positions.cut(result, track.next)
    if after < track.next:
        # A repeated run ends, or fails before it could differ, where chunks of the first
        # were delivered: so does the call.
        result.position, cut = track.next, True
    if compared and result.chunks:
        track.fingerprint = fingerprint(result.chunks[-1])
    track.next, track.ended = max(after, track.next), ends
    return Verdict.CUT if cut else Verdict.PASS


def _same_chunk(track: Track, result: result_pb2.Result) -> bool:
    """Whether the last delivered chunk, where `result` repeats it, is the same."""
    at = track.next - 1 - result.position
    if not 0 <= at < len(result.chunks):
        return True
    return fingerprint(result.chunks[at]) == track.fingerprint
