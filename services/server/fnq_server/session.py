"""One client's session: what goes out to it, and where its calls are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from fnq.v1 import result_pb2, session_pb2
from fnq_core.blobs import Blobs
from fnq_wire.limits import FULL_FRAME, VALUE_TTL_S

if TYPE_CHECKING:
    from fnq_server.watch import Watch

__all__ = ["NO_ROOM", "Session", "references"]

#: Begins the key of a value that Redis had no room for; what people are told follows.
NO_ROOM = "no room: "

#: Results in one frame; more wait for the next.
_MAX_RESULTS = 2_000


class Session:
    """A client as this server sees it, also while its stream is broken.

    `generation` rises with each server that takes the session up: in Redis it
    fences the one before.
    """

    def __init__(
        self, tag: int, secret: bytes, namespace: str, generation: int, blobs: Blobs
    ) -> None:
        self.tag = tag
        self.secret = secret
        self.namespace = namespace
        self.generation = generation
        #: Held while its client is taken back, or found to be gone.
        self.door = asyncio.Lock()
        self.calls: set[bytes] = set()
        #: What it wants to hear of detached calls, by the ids that it gave these wishes.
        self.watches: dict[bytes, Watch] = {}
        #: Loop time at which the stream broke; None while it is open.
        self.detached_at: float | None = asyncio.get_running_loop().time()
        #: Sends what goes out; another one when the client has opened another stream.
        self.writer: asyncio.Task[None] | None = None
        #: Submissions that wait to be appended.
        self.offered: list[session_pb2.Submission] = []
        self.appending: asyncio.Task[None] | None = None
        #: It has moved to another server: what it offered here was not accepted.
        self.fenced = False
        #: An agent's: see Hello.
        self.agent = False
        #: Its client was away for too long: its calls were cancelled meanwhile.
        self.lapsed = False
        #: Calls that it has resumed on this stream so far; emptied with the last of them.
        self.resumed: set[bytes] = set()
        #: The client reads large values from the spool by itself.
        self.spools = False
        #: Large values that came in parts and belong to no call yet, by the number
        #: that the client gave them. Another dictionary for each stream.
        self.incoming: dict[int, result_pb2.Reference] = {}
        #: Those that Redis had no room for. Another set for each stream.
        self.overflow: dict[int, str] = {}
        self._blobs = blobs
        self._sent_blobs = 0
        self._results: list[bytes | result_pb2.Result] = []
        self._mark = 0
        self._goaway = False
        self._news = asyncio.Event()

    def send(self, result: bytes | result_pb2.Result) -> None:
        """Queue a Result: serialized, or as a message when it refers to large values."""
        self._results.append(result)
        self._news.set()

    def send_mark(self, mark: int) -> None:
        """Queue the news that submissions up to `mark` are safe."""
        self._mark = mark
        self._news.set()

    def send_goaway(self) -> None:
        """Queue the request to go to another server."""
        self._goaway = True
        self._news.set()

    def interrupt(self) -> None:
        """Drop what was queued for a stream that broke: it is sent anew on resumption.

        The server may not have noticed yet that it broke: nothing goes out there.
        """
        if self.writer is not None:
            self.writer.cancel()
            self.writer = None
        self.detached_at = asyncio.get_running_loop().time()
        self.incoming = {}
        self.overflow = {}
        self.resumed.clear()
        self._results.clear()
        self._mark = 0

    def claim(self, reference: result_pb2.Reference) -> None:
        """Say in a reference to parts that came where they lie; leave any other as it is."""
        if not reference.house and reference.key.isdecimal():
            arrived = self.incoming.pop(int(reference.key), None)
            if arrived is not None:
                reference.CopyFrom(arrived)
            elif int(reference.key) in self.overflow:
                reference.key = NO_ROOM + self.overflow[int(reference.key)]

    def keep(self, reference: result_pb2.Reference) -> None:
        """Keep the arguments of a detached call, should its caller end before it is run."""
        self._blobs.keep(reference, VALUE_TTL_S)

    async def frames(self) -> AsyncIterator[session_pb2.ServerFrame]:
        """Yield what goes out, gathered per turn, without end."""
        while True:
            await self._news.wait()
            # Before anything is taken: what comes while a frame is written rings anew.
            self._news.clear()
            if self._results and isinstance(self._results[0], result_pb2.Result):
                async for frame in self._large_frames(self._results[0]):
                    yield frame
                del self._results[:1]
            else:
                yield self._frame()
            if self._results or self._mark or self._goaway:
                self._news.set()

    def _frame(self) -> session_pb2.ServerFrame:
        frame = session_pb2.ServerFrame(mark=self._mark, goaway=self._goaway)
        self._mark, self._goaway = 0, False
        take, size = 0, 0
        for body in self._results[:_MAX_RESULTS]:
            if not isinstance(body, bytes) or size > FULL_FRAME:
                break
            frame.results.append(body)
            take += 1
            size += len(body)
        del self._results[:take]
        return frame

    async def _large_frames(
        self, result: result_pb2.Result
    ) -> AsyncIterator[session_pb2.ServerFrame]:
        """Yield the values that a result refers to in parts, then the result."""
        outgoing = result_pb2.Result()
        outgoing.CopyFrom(result)
        for reference in references(outgoing):
            if self.spools and reference.house == result_pb2.Reference.SPOOL:
                continue
            self._sent_blobs += 1
            async for piece in self._blobs.chunks(reference):
                frame = session_pb2.ServerFrame()
                frame.parts.add(blob=self._sent_blobs, data=piece)
                yield frame
            reference.house = result_pb2.Reference.HOUSE_UNSPECIFIED
            reference.key = str(self._sent_blobs)
        yield session_pb2.ServerFrame(results=[outgoing.SerializeToString()])


def references(result: result_pb2.Result) -> list[result_pb2.Reference]:
    """Return the references to large values in a result."""
    found = [chunk.reference for chunk in result.chunks if chunk.HasField("reference")]
    if result.end.value.HasField("reference"):
        found.append(result.end.value.reference)
    return found
