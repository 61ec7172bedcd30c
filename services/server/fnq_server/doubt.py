"""What becomes of calls whose inbox was gone: each goes on, or its caller is told.

A call goes on for as long as its entry lies in Redis. Its end is published before the
entry goes: where the entry is gone, and no end has come a round later, the end was lost.
"""

from __future__ import annotations

from collections import defaultdict

from fnq.v1 import record_pb2
from fnq_core.backlog import Backlog
from fnq_server.orders import Orders
from fnq_server.relay import Relay
from fnq_server.track import Track
from fnq_wire.limits import MOST_SPOOLED, WINDOW_BYTES, WINDOW_CHUNKS

__all__ = ["Doubts"]


class Doubts:
    """Looks after the calls that a relay doubts."""

    def __init__(self, relay: Relay, backlog: Backlog, orders: Orders) -> None:
        self._relay = relay
        self._backlog = backlog
        self._orders = orders
        #: Calls whose entry was not found at the last look.
        self._missed: set[Track] = set()
        #: Calls whose run was told to go on.
        self._nudged: set[Track] = set()

    async def look(self) -> None:
        """Go on with what Redis still has, and end what it has had no more for a round.

        What another server accepted cannot be looked for: it counts as gone.
        """
        holders = await self._find([each for each in self._relay.doubted if each.entry])
        # Of what was heard of meanwhile nothing is lost.
        doubted = {each for each in self._relay.doubted if self._open(each)}
        self._relay.doubted = doubted
        self._missed &= doubted
        self._nudged &= doubted
        for track in doubted:
            holder = holders.get(track)
            if holder is not None:
                self._missed.discard(track)
                self._nudge(track, holder)
            elif track in self._missed:
                self._relay.expire(track)
            else:
                self._missed.add(track)

    def _open(self, track: Track) -> bool:
        known = self._relay.get(track.call) is track
        return known and track.doubted and not track.ended

    async def _find(self, tracks: list[Track]) -> dict[Track, str | None]:
        """Return who holds the entry of each (see `Backlog.holders`)."""
        by_stream: defaultdict[str, list[Track]] = defaultdict(list)
        for track in tracks:
            by_stream[track.stream].append(track)
        found: dict[Track, str | None] = {}
        for stream, some in by_stream.items():
            names = await self._backlog.holders(stream, [track.entry for track in some])
            found.update(zip(some, names, strict=True))
        return found

    def _nudge(self, track: Track, holder: str) -> None:
        """Have a run yield once more: one whose last chunks are lost waits for ever else.

        Its next position tells whether any are. Its start may be lost, too: then only
        Redis knows which consumer reaches it.
        """
        if not holder or track in self._nudged:
            return
        self._nudged.add(track)
        track.consumer = track.consumer or holder
        self._relay.greet(track)
        credit = record_pb2.Credit(call=track.call, chunks=WINDOW_CHUNKS, bytes=WINDOW_BYTES)
        if track.credit is not None:
            credit.CopyFrom(track.credit)
        credit.chunks += 1
        # One chunk may have gone beyond the bytes that it had, by no more than this.
        credit.bytes += MOST_SPOOLED
        self._orders.credit(track.consumer, credit)
