"""One client's session: what goes out to it, and where its calls are."""

from __future__ import annotations

import asyncio

from fnq.v1 import session_pb2

__all__ = ["Session"]

#: Results in one frame; more wait for the next.
_MAX_RESULTS = 2_000
_MAX_FRAME = 8 << 20


class Session:
    """A client as this server sees it, also while its stream is broken.

    `generation` rises with each server that takes the session up: in Redis it
    fences the one before.
    """

    def __init__(self, tag: int, secret: bytes, namespace: str, generation: int) -> None:
        self.tag = tag
        self.secret = secret
        self.namespace = namespace
        self.generation = generation
        self.calls: set[bytes] = set()
        #: Loop time at which the stream broke; None while it is open.
        self.detached_at: float | None = None
        #: Submissions that wait to be appended.
        self.offered: list[session_pb2.Submission] = []
        self.appending: asyncio.Task[None] | None = None
        self._results: list[bytes] = []
        self._mark = 0
        self._goaway = False
        self._news = asyncio.Event()

    def send(self, result: bytes) -> None:
        """Queue a serialized Result."""
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

    def forget_queued(self) -> None:
        """Drop what was queued for a stream that broke: it is sent anew on resumption."""
        self._results.clear()
        self._mark = 0

    async def next_frame(self) -> session_pb2.ServerFrame:
        """Wait for news and return all of it as one frame."""
        await self._news.wait()
        frame = session_pb2.ServerFrame(mark=self._mark, goaway=self._goaway)
        self._mark, self._goaway = 0, False
        take, size = 0, 0
        for body in self._results:
            take += 1
            size += len(body)
            if take == _MAX_RESULTS or size > _MAX_FRAME:
                break
        frame.results.extend(self._results[:take])
        del self._results[:take]
        if not self._results:
            self._news.clear()
        return frame
