"""From the inboxes to the sessions: every position once, in order, none lost.

The relay reads its server's inbox, and for resumed calls the inbox of the
server that accepted them. What it sends on stays in the inbox until the SDK
has acknowledged it, so a server may die at any moment.
"""

from __future__ import annotations

import asyncio

import structlog
from google.protobuf.message import DecodeError

from fnq.v1 import record_pb2, result_pb2
from fnq_core.connection import UNREACHABLE, insist
from fnq_core.damaged import leading_fields
from fnq_core.results import Mailboxes, order
from fnq_server.deleter import Deleter
from fnq_server.orders import Orders
from fnq_server.portion import next_portion
from fnq_server.session import Session, references
from fnq_server.track import Track, Verdict, advance

__all__ = ["Relay"]

#: Milliseconds that an empty read waits.
_BLOCK_MS = 1_000
#: Cancelled calls that are remembered until their run shows itself.
_MAX_REVOKED = 10_000
#: What callers are told whose results were lost.
_EXPIRED = "its result is gone: Redis could not be reached for too long"
_log = structlog.get_logger()


class Relay:
    """The calls in flight at one server."""

    def __init__(self, inbox: str, mailboxes: Mailboxes, orders: Orders, deleter: Deleter) -> None:
        self.inbox = inbox
        self._deleter = deleter
        self._mailboxes = mailboxes
        self._orders = orders
        self._tracks: dict[bytes, Track] = {}
        self._positions: dict[str, str] = {inbox: "0-0"}
        self._adopted: dict[str, int] = {}
        self._portion = next_portion([])
        #: The last read failed.
        self._deaf = False
        #: Cancelled before anyone knew who runs them: told on their first sign of life.
        self._revoked: dict[bytes, str] = {}
        #: Calls that moved to another server: their entries are not ours to delete.
        self._moved: set[bytes] = set()
        #: Calls whose inbox was gone.
        self.doubted: set[Track] = set()
        #: Told of the ends of detached calls, with their inbox and entry.
        self.hear_kept = self._take_stray
        #: Loop time of the last answer from Redis: health.
        self.answered_at = asyncio.get_running_loop().time()

    @property
    def in_flight(self) -> int:
        """Calls whose end the SDK does not have."""
        return len(self._tracks)

    @property
    def awaited(self) -> bool:
        """Whether results may come into the inbox that somebody waits for, here or elsewhere."""
        return bool(self._tracks or self._moved)

    @property
    def inboxes(self) -> list[str]:
        """The inboxes of others that this server reads."""
        return list(self._adopted)

    def get(self, call: bytes) -> Track | None:
        """Return the track of a call in flight."""
        return self._tracks.get(call)

    def awaits(self, call: bytes) -> bool:
        """Whether a call that was accepted here has not ended: here, or where it moved to."""
        track = self._tracks.get(call)
        return call in self._moved if track is None else not track.ended

    def add(self, track: Track) -> None:
        """Take up a call; results for it may come from now on."""
        self._tracks[track.call] = track
        track.session.calls.add(track.call)
        if track.inbox != self.inbox:
            self._adopted[track.inbox] = self._adopted.get(track.inbox, 0) + 1

    def take_up(self, track: Track) -> None:
        """Go on with a call that another server has relayed, or this one before."""
        self._moved.discard(track.call)
        self.add(track)
        # Read from the start: its entries may have been passed over before.
        self._positions[track.inbox] = "0-0"

    async def look_again(self) -> None:
        """Have the read that waits see which inboxes are to be read now."""
        await insist("waking the reader", lambda: self._mailboxes.publish([(self.inbox, b"")]))

    async def keep(self) -> None:
        """Renew the inbox of this server; one that was gone is made anew, and without results."""
        if await self._mailboxes.open(self.inbox):
            self._positions[self.inbox] = "0-0"
            for track in self._tracks.values():
                if track.inbox == self.inbox:
                    track.seen = (0, 0)
            self.doubt(self.inbox)

    def doubt(self, inbox: str) -> None:
        """Note that an inbox was gone, and what lay in it: who waits may wait in vain."""
        for track in self._tracks.values():
            if track.inbox == inbox and not track.ended and not track.offered:
                track.doubted = True
                self.doubted.add(track)

    def expire(self, track: Track) -> None:
        """End a call whose result is lost, and have its run stopped."""
        if track.consumer:
            self._orders.cancel(track.consumer, track.call, _EXPIRED)
        self.decree(track, "ResultExpiredError", _EXPIRED)

    def accept(self, call: bytes) -> None:
        """Note that a call that was offered lies in Redis from now on, or was refused there."""
        track = self._tracks.get(call)
        if track is not None:
            track.offered = False

    def place(self, call: bytes, stream: str, entry: str) -> None:
        """Note where a call waits; if nobody waits for it any more it is taken out."""
        track = self._tracks.get(call)
        if track is not None:
            track.stream, track.entry = stream, entry
        if track is None or track.cancelled:
            self._orders.withdraw(stream, entry)

    def note_arguments(self, track: Track, reference: result_pb2.Reference) -> None:
        """Note where the large arguments of a call lie: they are deleted with its track.

        Where it is offered again, nobody refers to those of the first time.
        """
        if track.arguments is not None and track.arguments.key != reference.key:
            self._deleter.discard([track.arguments])
        track.arguments = reference

    def drop(self, track: Track) -> None:
        """Let a call go; what is kept of it, in the inbox and elsewhere, is deleted."""
        if self._tracks.pop(track.call, None) is None:
            return
        track.session.calls.discard(track.call)
        sent = [entry for _, entry in track.unacknowledged]
        self._deleter.delete(track.inbox, sent + track.withheld)
        self._deleter.discard(reference for _, reference in track.blobs)
        if track.arguments is not None:
            self._deleter.discard([track.arguments])
        self._release(track)

    def _release(self, track: Track) -> None:
        """Read the inbox of another server no longer than calls of it are in flight."""
        if track.inbox in self._adopted:
            self._adopted[track.inbox] -= 1
            if not self._adopted[track.inbox]:
                del self._adopted[track.inbox], self._positions[track.inbox]

    def let_go(self, session: Session) -> None:
        """Forget a session that moved to another server, with nothing of its calls deleted."""
        for call in list(session.calls):
            track = self._tracks[call]
            self.forget(track)
            if track.inbox == self.inbox:
                self._moved.add(call)
        self._deleter.discard(session.incoming.values())

    def forget(self, track: Track) -> None:
        """Forget a call that its client offers or resumes again, with nothing deleted."""
        del self._tracks[track.call]
        track.session.calls.discard(track.call)
        self._release(track)

    async def read_forever(self) -> None:
        """Read the inboxes and pass on what comes, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            asked = dict(self._positions)
            entries = await insist("reading results", lambda: self._read(asked))
            self.answered_at = loop.time()
            self._portion = next_portion([len(body) for _, _, body in entries])
            last: dict[str, str] = {}
            for inbox, entry, body in entries:
                # Unless `take_up` asked meanwhile for all of it: a call that was taken up
                # needs its entries from the first on.
                if self._positions.get(inbox) == asked[inbox]:
                    self._take(inbox, entry, body)
                    last[inbox] = entry
            self._positions |= {key: last[key] for key in last.keys() & self._positions.keys()}

    async def _read(self, positions: dict[str, str]) -> list[tuple[str, str, bytes]]:
        """Read on. After an outage the inbox may have expired: it is made anew before that."""
        try:
            if self._deaf:
                await self.keep()
            found = await self._mailboxes.read(positions, self._portion, _BLOCK_MS)
        except UNREACHABLE:
            self._deaf = True
            raise
        self._deaf = False
        return found

    def _take(self, inbox: str, entry: str, body: bytes) -> None:
        try:
            result = result_pb2.Result.FromString(body)
        except DecodeError:
            self._turn_away(inbox, entry, body)
            return
        track = self._tracks.get(result.call)
        if track is None or track.inbox != inbox:
            (self.hear_kept if result.kept else self._take_stray)(inbox, entry, result)
            return
        at = order(entry)
        if at <= track.seen:
            return
        track.seen = at
        large = references(result)
        verdict = advance(track, result)
        if result.HasField("started") and result.epoch == track.epoch:
            self.greet(track)
        if verdict is Verdict.PASS or verdict is Verdict.CUT:
            self._pass_on(track, entry, body if verdict is Verdict.PASS else None, result)
        elif verdict is Verdict.DROP:
            if track.ended:
                self._stop(result, track.cancelled)
            self._deleter.delete(inbox, (entry,))
        else:
            self._withhold(track, entry, verdict, result)
        if large:
            kept = {each.key for _, each in track.blobs}
            self._deleter.discard(each for each in large if each.key not in kept)

    def _withhold(
        self, track: Track, entry: str, verdict: Verdict, result: result_pb2.Result
    ) -> None:
        """End a call whose run may not go on; what it said stays, for another server to see."""
        track.withheld.append(entry)
        track.blobs += [(track.next + 1, reference) for reference in references(result)]
        if verdict is Verdict.BROKEN and track.doubted:
            reason = _EXPIRED
            self.decree(track, "ResultExpiredError", reason)
        elif verdict is Verdict.BROKEN:
            reason = "its worker was lost after chunks had been delivered"
            remedy = "set retries= to let a generator run again"
            self.decree(track, "WorkerLostError", f"{reason}; {remedy}")
        else:
            reason = "the repeated run differs from the chunks delivered before"
            self.decree(track, "StreamDivergedError", reason)
        # Without credit it would wait in its yield for ever.
        self._orders.cancel(result.started.consumer or track.consumer, track.call, reason)

    def _turn_away(self, inbox: str, entry: str, body: bytes) -> None:
        """Deal with what is no result: its call, if anything tells which, ends here."""
        call = leading_fields(body).get(1, b"")
        track = self._tracks.get(call) if isinstance(call, bytes) else None
        _log.error("a result cannot be read", inbox=inbox, entry=entry, size=len(body))
        if track is None or track.inbox != inbox:
            if inbox == self.inbox:
                self._deleter.delete(inbox, (entry,))
            return
        track.withheld.append(entry)
        if not track.ended:
            reason = f"entry {entry} of its result is damaged: call again"
            self.decree(track, "ProtocolError", reason)
            if track.consumer:
                self._orders.cancel(track.consumer, track.call, reason)

    def _pass_on(
        self, track: Track, entry: str, body: bytes | None, result: result_pb2.Result
    ) -> None:
        """Send a result on; `body` is its serialized form where it was not cut."""
        after = track.next + 1 if track.ended else track.next
        track.unacknowledged.append((after, entry))
        large = references(result)
        track.blobs += [(after, reference) for reference in large]
        if result.chunks:
            # None is missing before it.
            track.doubted = False
        if track.replaying:
            return
        if large:
            track.session.send(result)
        else:
            track.session.send(result.SerializeToString() if body is None else body)

    def _take_stray(self, inbox: str, entry: str, result: result_pb2.Result) -> None:
        """Deal with an entry of a call that is not in flight here."""
        if inbox != self.inbox:
            return
        if result.call in self._moved:
            if result.HasField("end"):
                self._moved.discard(result.call)
            return
        if result.HasField("end"):
            self._revoked.pop(result.call, None)
        else:
            self._stop(result, self._revoked.get(result.call, ""))
        self._deleter.delete(inbox, (entry,))
        self._deleter.discard(references(result))

    def _stop(self, result: result_pb2.Result, reason: str) -> None:
        """Have a run stopped that shows itself after its call has ended."""
        if result.HasField("started") and not result.HasField("end"):
            reason = reason or "nobody waits for it any more"
            self._orders.cancel(result.started.consumer, result.call, reason)

    def greet(self, track: Track) -> None:
        """Tell the consumer that runs a call what it must know of it."""
        if track.cancelled:
            self._orders.cancel(track.consumer, track.call, track.cancelled)
        elif track.credit is not None and not track.ended:
            self._orders.credit(track.consumer, track.credit)

    def credit(self, credit: record_pb2.Credit) -> None:
        """Pass on how far a generator may run ahead."""
        track = self._tracks.get(credit.call)
        if track is None or track.ended:
            return
        track.credit = credit
        if track.consumer:
            self._orders.credit(track.consumer, credit)

    def cancel(self, track: Track, reason: str) -> None:
        """End a call for its caller at once, and have its run stopped."""
        if track.ended:
            return
        track.cancelled = reason
        if track.consumer:
            self._orders.cancel(track.consumer, track.call, reason)
        else:
            self._revoked[track.call] = reason
            if len(self._revoked) > _MAX_REVOKED:
                del self._revoked[next(iter(self._revoked))]
        if track.entry and (track.repeatable or not track.consumer):
            # No run of it begins any more, also where it waits for another attempt.
            self._orders.withdraw(track.stream, track.entry)
        self.decree(track, "CallCancelledError", reason)

    def decree(self, track: Track, error: str, message: str) -> None:
        """End a call with a failure that no run wrote."""
        track.decree(error, message)
        if not track.replaying:
            track.session.send(track.decreed)

    def acknowledge(self, call: bytes, position: int) -> None:
        """Delete what has reached the SDK: all positions below `position`."""
        track = self._tracks.get(call)
        if track is None:
            return
        done = [entry for after, entry in track.unacknowledged if after <= position]
        track.unacknowledged = [item for item in track.unacknowledged if item[0] > position]
        if track.blobs:
            self._deleter.discard(each for after, each in track.blobs if after <= position)
            track.blobs = [item for item in track.blobs if item[0] > position]
        self._deleter.delete(track.inbox, done)

    def end(self, call: bytes) -> None:
        """Forget a call whose end has reached the SDK."""
        track = self._tracks.get(call)
        if track is None:
            return
        if not track.ended:
            # The SDK ended it by itself: its run must not wait for credit for ever.
            self.cancel(track, "its caller has ended it")
        self.drop(track)

    async def replay(self, track: Track, position: int) -> None:
        """Send again what the SDK did not get, before anything newer."""
        self.acknowledge(track.call, position)
        track.replaying = True
        sent = 0
        while sent < len(track.unacknowledged):
            entries = [entry for _, entry in track.unacknowledged[sent:]]
            sent = len(track.unacknowledged)
            found = await insist("replaying", lambda: self._mailboxes.fetch(track.inbox, entries))
            kept = {entry for _, entry in track.unacknowledged}
            if kept.intersection(entries).difference(entry for entry, _ in found):
                # Its inbox was gone meanwhile: what came later would leave a gap.
                if not track.decreed:
                    self.expire(track)
                break
            for _, body in found:
                result = result_pb2.Result.FromString(body)
                track.session.send(result if references(result) else body)
        track.replaying = False
        if track.decreed:
            track.session.send(track.decreed)
