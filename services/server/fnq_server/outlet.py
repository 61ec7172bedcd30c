"""What a detached generator yields, read for one watch at the pace of its reader."""

from __future__ import annotations

from google.protobuf.message import DecodeError

from fnq.v1 import result_pb2
from fnq_core import keys
from fnq_core.connection import insist
from fnq_core.keptrecord import Ended, Pending
from fnq_core.results import Mailboxes
from fnq_server.fates import Fates
from fnq_server.track import Track, Verdict, advance
from fnq_server.watch import Watch

__all__ = ["Outlet"]

#: Entries read by one command; each may hold what travels inline, many times.
_PORTION = 16
#: Milliseconds that an empty read waits.
_BLOCK_MS = 1_000


class Outlet:
    """Reads the streams of detached generators; many may read one, from any position."""

    def __init__(self, mailboxes: Mailboxes, fates: Fates) -> None:
        self._mailboxes = mailboxes
        self._fates = fates

    async def read(self, watch: Watch, fate: Pending | Ended) -> result_pb2.Failure | None:
        """Send chunks from `watch.after` on, and the end; return the failure in place of one."""
        namespace, call = watch.session.namespace, fate.call or watch.call
        stream = keys.output(namespace, call)
        # From the first position on, also where not all is wanted: what is repeated must be known.
        head = fate.head
        track = Track(watch.id, watch.session, stream, head.repeatable, head.divergent)
        last = "0-0"
        while True:
            position = {stream: last}
            entries = await insist(
                "reading chunks", lambda: self._mailboxes.read(position, _PORTION, _BLOCK_MS)
            )
            for _, entry, body in entries:
                last = entry
                failure = await self._pass_on(watch, track, body)
                if failure is not None or track.ended:
                    return failure
            if not entries:
                [found] = await self._fates.of(namespace, [call])
                if isinstance(found, result_pb2.Failure):
                    return found
                if isinstance(found, Ended) and await self._is_empty(stream, last):
                    watch.tell(found.result)
                    return None

    async def _is_empty(self, stream: str, last: str) -> bool:
        """Whether nothing more lies in the stream of a call that has ended."""
        position = {stream: last}
        return not await insist("reading chunks", lambda: self._mailboxes.read(position, 1, 1))

    async def _pass_on(self, watch: Watch, track: Track, body: bytes) -> result_pb2.Failure | None:
        """Send what is new of a result, when there is room; return why it cannot go on."""
        try:
            result = result_pb2.Result.FromString(body)
        except DecodeError:
            text = "a chunk that is kept is damaged: call again"
            return result_pb2.Failure(error="ProtocolError", message=text)
        verdict = advance(track, result)
        if verdict is Verdict.PASS or verdict is Verdict.CUT:
            unwanted = max(0, min(len(result.chunks), watch.after - result.position))
            del result.chunks[:unwanted]
            result.position += unwanted
            if result.chunks:
                await watch.room(result.position)
            if result.chunks or result.HasField("end"):
                watch.tell(result)
        elif verdict is Verdict.BROKEN:
            return result_pb2.Failure(
                error="WorkerLostError",
                message="its worker was lost after chunks had been kept; "
                "set retries= to let a generator run again",
            )
        elif verdict is Verdict.DIVERGED:
            return result_pb2.Failure(
                error="StreamDivergedError",
                message="the repeated run differs from the chunks kept before",
            )
        return None
