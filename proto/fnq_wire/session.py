"""The client's half of the session protocol.

Held by whoever submits calls over one stream to a server: the SDK in a script,
the agent for nested calls of its runner. It numbers submissions, offers again
what a server may not have accepted, resumes what is in flight after the stream
broke, passes on each position once, and acknowledges. All its I/O is to open large
values that lie in the spool; `clear_away` deletes there what calls have left.

Not thread-safe: the owner holds one lock around it. What goes out is asked for
with `take`; what came in is given to `receive`, which returns what to do.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Collection, Iterable
from typing import NamedTuple

from fnq.v1 import record_pb2, result_pb2, session_pb2
from fnq_wire import callid
from fnq_wire.error import ProtocolError
from fnq_wire.limits import FULL_FRAME
from fnq_wire.parcel import Data, Opener, Outgoing, Parcels, lost_value, mapped
from fnq_wire.pending import Pending
from fnq_wire.protocol import PROTOCOL, version_problem
from fnq_wire.spool import Spool
from fnq_wire.wishes import Wishes

__all__ = ["BYE_S", "LINGER_S", "ClientSession", "Event"]

#: Seconds that acknowledgements wait for other frames to travel with.
LINGER_S = 0.02
#: Seconds that a goodbye may take.
BYE_S = 1.0
#: Submissions in one frame, and resumptions.
_MAX_SUBMISSIONS, _MAX_RESUMPTIONS = 2_000, 10_000
#: Unacknowledged results after which acknowledging is urgent.
_MANY_RESULTS = 1_000


class Event(NamedTuple):
    """News of one call: chunks in order, then the end if there is one.

    `value` is set with an end that carries one, `attempt` counts the executions before
    the one that ended.
    """

    sink: object
    chunks: list[Data]
    end: result_pb2.End | None
    value: Data | None
    attempt: int = 0


class ClientSession:
    """What one client knows of its session with the servers."""

    def __init__(
        self, namespace: str, client: str, *, agent: bool = False, opener: Opener = mapped
    ) -> None:
        self._namespace = namespace
        self._agent = agent
        self._client = client
        self._tag = 0
        self._secret = b""
        self._inbox = ""
        self._offset_ms = 0
        self._seq = 0
        self._sent = 0
        #: What was in flight is to be named to another server, or to the same one again.
        self._resuming = False
        self._resumptions: deque[Pending] = deque()
        self._calls: dict[bytes, Pending] = {}
        self._offers: deque[Pending] = deque()
        self._unaccepted: deque[Pending] = deque()
        self._ended: list[bytes] = []
        self._positions: dict[bytes, int] = {}
        self._credits: dict[bytes, record_pb2.Credit] = {}
        self._cancellations: list[record_pb2.Cancellation] = []
        self._parcels = Parcels(opener)
        #: Arguments in the spool of calls that have ended.
        self.litter: deque[str] = deque()
        self._wishes = Wishes()
        #: Detached calls that are not known to be accepted, and would be lost with this process.
        self.unsafe: set[bytes] = set()

    @property
    def granted(self) -> bool:
        """Whether a server has granted the session, so that calls can be made."""
        return self._tag != 0

    @property
    def grant(self) -> tuple[int, int]:
        """The session's tag, and the milliseconds to add to the local clock."""
        return self._tag, self._offset_ms

    @property
    def spool(self) -> Spool | None:
        """The spool that is shared with the server."""
        return self._parcels.spool

    @property
    def in_flight(self) -> Collection[Pending]:
        """Calls whose end has not come, oldest first."""
        return self._calls.values()

    @property
    def urgent(self) -> bool:
        """Whether there is something to send that should not wait."""
        return bool(
            self._offers
            or self._credits
            or self._cancellations
            or self._resuming
            or self._wishes
            or len(self._ended) + len(self._positions) >= _MANY_RESULTS
        )

    @property
    def idle(self) -> bool:
        """Whether there is nothing to send, not even an acknowledgement."""
        return not (self.urgent or self._ended or self._positions)

    def next_id(self, version: str) -> bytes:
        """Return a fresh call id of the session."""
        self._seq += 1
        now_ms = time.time_ns() // 1_000_000 + self._offset_ms
        return callid.make(now_ms, version, self._tag, self._seq % callid.SEQ_LIMIT)

    def submit(
        self, submission: session_pb2.Submission, sink: object, large: bytes | None = None
    ) -> None:
        """Offer a call; `submission.call` is set, `seq` is given here.

        `large` is a payload that goes ahead in parts; the submission has none then.
        """
        pending = Pending(
            submission.call, sink, submission, 0, submission.repeatable, submission.divergent
        )
        if submission.remaining_ms:
            pending.deadline = time.monotonic() + submission.remaining_ms / 1000
        if large is not None:
            pending.large = Outgoing(large)
        elif submission.payload.reference.house == result_pb2.Reference.SPOOL:
            pending.spooled = submission.payload.reference.key
        self._calls[pending.call] = pending
        self._offers.append(pending)
        if submission.detached:
            self.unsafe.add(pending.call)

    def watch(
        self, identity: bytes, call: bytes, sink: object, after: int = 0, *, end_only: bool = False
    ) -> None:
        """Ask for news of a detached call, from a position on; `identity` is for `cancel`."""
        self._calls[identity] = self._wishes.make(identity, call, sink, after, end_only)

    def credit(self, call: bytes, chunks: int, size: int) -> None:
        """Let a generator emit up to these totals."""
        pending = self._calls.get(call)
        if pending is not None:
            pending.credit = record_pb2.Credit(call=call, chunks=chunks, bytes=size)
            if not pending.waiting:
                self._credits[call] = pending.credit

    def cancel(self, call: bytes, reason: str) -> None:
        """Ask for the end of a call; it comes as any other end."""
        pending = self._calls.get(call)
        if pending is not None and pending.watched:
            self._wishes.withdraw(pending)
        elif pending is not None:
            pending.cancelled = reason
            if not pending.waiting:
                self._cancellations.append(record_pb2.Cancellation(call=call, reason=reason))

    def sinks(self) -> list[object]:
        """Return the sinks of all calls in flight."""
        return [pending.sink for pending in self._calls.values()]

    def hello(self) -> session_pb2.ClientFrame:
        """Return the first frame of a new stream to a server."""
        hello = session_pb2.Hello(
            protocol=PROTOCOL,
            client=self._client,
            namespace=self._namespace,
            session=self._tag,
            secret=self._secret,
            agent=self._agent,
        )
        return session_pb2.ClientFrame(hello=hello)

    def welcome(self, welcome: session_pb2.Welcome, spool: Spool | None) -> None:
        """Take up the session with the server that sent `welcome`.

        What it has not accepted is offered again, what it or another has
        accepted is resumed. `spool` is the one that was found to be shared. Raises
        ProtocolError when the server speaks another version; nothing is taken up then.
        """
        problem = version_problem(self._client, "fnq-server", welcome.protocol)
        if problem is not None:
            raise ProtocolError(problem)
        self._offset_ms = welcome.now_ms - time.time_ns() // 1_000_000
        if welcome.session == self._tag:
            self._accept(welcome.mark)
        for pending in reversed(self._unaccepted):
            pending.waiting = True
            self._offers.appendleft(pending)
        self._unaccepted.clear()
        # What has ended was refused, or cancelled: nobody waits for it any more.
        self._offers = deque(each for each in self._offers if each.call in self._calls)
        if welcome.session != self._tag:
            # Another session: its sequence begins anew.
            self._sent = 0
            for pending in self._offers:
                pending.seq = 0
        self._tag, self._secret = welcome.session, welcome.secret
        self._inbox = welcome.inbox
        self._parcels.clear()
        self._parcels.spool = spool
        for pending in self._offers:
            if pending.large is not None:
                pending.large.again()
        self._ended.clear()
        self._positions.clear()
        self._credits.clear()
        self._cancellations.clear()
        self._say_again()

    def _say_again(self) -> None:
        """Have all said anew that is to be known of the calls in flight."""
        self._resuming = True
        self._resumptions = deque(each for each in self._calls.values() if each.accepted)
        self._wishes.again(self._calls.values())
        for pending in self._calls.values():
            if pending.cancelled:
                self.cancel(pending.call, pending.cancelled)

    def _accept(self, mark: int) -> None:
        unaccepted = self._unaccepted
        while unaccepted and unaccepted[0].seq <= mark:
            pending = unaccepted.popleft()
            pending.accepted = True
            # It lies in Redis: nobody will offer it again.
            if pending.spawned:
                self._calls.pop(pending.call, None)
                self.unsafe.discard(pending.call)
            pending.submission.ClearField("payload")
            pending.large = None

    def take(self) -> session_pb2.ClientFrame | None:
        """Return the next frame to send, or None when there is nothing."""
        for pending in self._wishes.withdrawn(self._calls):
            self._note(pending, result_pb2.End())
        if self.idle:
            return None
        frame = session_pb2.ClientFrame()
        if self._resuming:
            self._take_resumptions(frame)
            if self._resuming:
                # Of a call that it does not know yet a server can hear nothing else.
                return frame
        self._take_offers(frame)
        if not self._offers:
            self._wishes.take(frame, self._calls)
        if self._credits:
            frame.credits.extend(self._credits.values())
            self._credits.clear()
        if self._cancellations:
            # Taken out first: a cancellation may come in the middle (see the SDK's lock).
            cancellations, self._cancellations = self._cancellations, []
            frame.cancellations.extend(cancellations)
        if self._ended:
            frame.ended = b"".join(self._ended)
            self._ended.clear()
        if self._positions:
            for call, position in self._positions.items():
                frame.acknowledgements.add(call=call, position=position)
            self._positions.clear()
        return frame

    def _take_resumptions(self, frame: session_pb2.ClientFrame) -> None:
        """Name calls that are in flight; `resumed` says that these are the last."""
        frame.spools = self._parcels.spool is not None
        for _ in range(min(len(self._resumptions), _MAX_RESUMPTIONS)):
            pending = self._resumptions.popleft()
            # It may have ended since the welcome.
            if pending.call in self._calls:
                frame.resumptions.append(pending.resumption())
        self._resuming = bool(self._resumptions)
        frame.resumed = not self._resuming

    def _take_offers(self, frame: session_pb2.ClientFrame) -> None:
        size = 0
        for _ in range(min(len(self._offers), _MAX_SUBMISSIONS)):
            pending = self._offers[0]
            if not pending.seq:
                self._sent += 1
                pending.seq = self._sent
                pending.submission.seq = self._sent
            if pending.large is not None:
                size += pending.large.add_to(frame, pending.seq)
                if not pending.large.done:
                    return
                reference = pending.large.reference(pending.seq)
                pending.submission.payload.reference.CopyFrom(reference)
            self._offers.popleft()
            pending.inbox = self._inbox
            self._unaccepted.append(pending)
            pending.say_remaining()
            frame.submissions.append(pending.submission)
            pending.waiting = False
            if pending.cancelled or pending.credit is not None:
                self._follow_up(pending)
            size += len(pending.submission.payload.inline)
            if size > FULL_FRAME:
                break

    def _follow_up(self, pending: Pending) -> None:
        """Say what was held back of a call: a server passes over what it does not know yet."""
        if pending.credit is not None:
            self._credits[pending.call] = pending.credit
        if pending.cancelled:
            self.cancel(pending.call, pending.cancelled)

    def receive(self, frame: session_pb2.ServerFrame) -> list[Event]:
        """Return what `frame` brings, each position once and in order."""
        if frame.mark:
            self._accept(frame.mark)
        for part in frame.parts:
            self._parcels.take(part)
        events: list[Event] = []
        for body in frame.results:
            result = result_pb2.Result.FromString(body)
            pending = self._calls.get(result.call)
            if pending is not None and (event := self._advance(pending, result)) is not None:
                events.append(event)
            self._parcels.discard(result)
        return events

    def _advance(self, pending: Pending, result: result_pb2.Result) -> Event | None:
        """Move a call forward by one result, or drop it if it is old."""
        news = pending.advance(result)
        if news is None:
            return None
        fresh, end = news
        chunks, whole = self._open(fresh, pending.sink)
        value = None
        if whole and end is not None and end.WhichOneof("outcome") == "value":
            value = self._parcels.open(end.value, pending.sink)
            whole = value is not None
        if not whole:
            end = lost_value()
        self._note(pending, end)
        return Event(pending.sink, chunks, end, value, pending.attempt)

    def _open(
        self, payloads: Iterable[result_pb2.Payload], sink: object
    ) -> tuple[list[Data], bool]:
        """Return the chunks up to the first that is gone, and whether none is."""
        chunks: list[Data] = []
        for payload in payloads:
            data = self._parcels.open(payload, sink)
            if data is None:
                return chunks, False
            chunks.append(data)
        return chunks, True

    def _note(self, pending: Pending, end: result_pb2.End | None) -> None:
        """Note what is to be acknowledged; chunks that are kept are not."""
        if end is None:
            if not pending.watched:
                self._positions[pending.call] = pending.position
            return
        del self._calls[pending.call]
        self.unsafe.discard(pending.call)
        self._positions.pop(pending.call, None)
        self._credits.pop(pending.call, None)
        self._ended.append(pending.call)
        if pending.spooled:
            self.litter.append(pending.spooled)

    def abandon(self) -> list[object]:
        """Give up all calls in flight; return their sinks."""
        for pending in self._calls.values():
            if pending.spooled and not pending.submission.detached:
                self.litter.append(pending.spooled)
        return self.sinks()

    def clear_away(self) -> None:
        """Delete what lies in `litter`; who reads it now may go on.

        It takes a while, and several threads may do it at once, without the owner's lock.
        """
        spool = self._parcels.spool
        with contextlib.suppress(IndexError):
            while name := self.litter.popleft():
                if spool is not None:
                    with contextlib.suppress(OSError, ValueError):
                        spool.delete(name)
