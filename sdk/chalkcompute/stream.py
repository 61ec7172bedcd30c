"""What a generator function yields, as its caller reads it."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from chalkcompute.errors import CallCancelledError
from chalkcompute.inflight import Outcome
from fnq_wire.limits import WINDOW_BYTES, WINDOW_CHUNKS

if TYPE_CHECKING:
    from types import TracebackType

    from chalkcompute.reply import Reply

__all__ = ["Stream"]

T_co = TypeVar("T_co", covariant=True)


class Stream(Generic[T_co]):
    """The chunks of one call, in order, each as soon as it is there.

    Read it with `for` or `async for`, in one place at a time: a second reader that
    comes while one waits gets a ValueError. Leaving the loop early cancels the call,
    as do `close()`, the end of a `with` block and forgetting the stream. Who reads on
    after leaving a loop gets CallCancelledError, after `close()` nothing. The generator
    runs ahead by a window at most: a reader that stops reading stops it. An exception
    of the generator is raised after the chunks that came before it.
    """

    def __init__(self, reply: Reply) -> None:
        self._closed = False
        #: Whether a reader left before the end, so that reading on would miss chunks.
        self._left = False
        self._turn = threading.Lock()
        self._reply = reply
        self._inflight = reply.inflight
        self._chunks = 0
        self._bytes = 0
        self._granted_chunks = WINDOW_CHUNKS
        self._granted_bytes = WINDOW_BYTES

    @property
    def call_id(self) -> str:
        """Return the id of the call, as logs and errors name it."""
        return self._reply.call_id

    def close(self) -> None:
        """Cancel the call unless it has ended, and drop what was not read; may be repeated."""
        # Who closes knows that there is no more.
        self._left = False
        self._stop()

    async def aclose(self) -> None:
        """Do as `close`, for `contextlib.aclosing`."""
        self.close()

    def __iter__(self) -> Iterator[T_co]:
        # A generator of its own: a loop that is left forgets it, and its end closes the call.
        while True:
            try:
                chunk = next(self)
            except StopIteration:
                return
            try:
                yield chunk
            except GeneratorExit:
                self._leave()
                raise

    def __next__(self) -> T_co:
        self._take_turn()
        try:
            while self._goes_on():
                if self._inflight.chunks:
                    return self._take()
                try:
                    self._reply.park()
                except BaseException:
                    self._leave()
                    raise
        finally:
            self._turn.release()
        raise StopIteration

    def __aiter__(self) -> AsyncIterator[T_co]:
        return _Cursor(self)

    async def __anext__(self) -> T_co:
        self._take_turn()
        try:
            while self._goes_on():
                if self._inflight.chunks:
                    return self._take()
                try:
                    await self._reply.park_async()
                except BaseException:
                    self._leave()
                    raise
        finally:
            self._turn.release()
        raise StopAsyncIteration

    def __enter__(self) -> Stream[T_co]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Stream[T_co]:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if not getattr(self, "_closed", True):
            self.close()

    def __repr__(self) -> str:
        return f"<Stream of {self._reply.function}, call {self.call_id}>"

    def _take_turn(self) -> None:
        """Become the one reader; ValueError while another one waits for a chunk."""
        if not self._turn.acquire(blocking=False):
            raise ValueError(
                f"{self!r} is being read already: read it in one thread or task, and hand the "
                "chunks on by a queue"
            )

    def _goes_on(self) -> bool:
        """Whether a chunk is there or may come; raise what ended the call before its end."""
        if self._left:
            raise CallCancelledError(
                "the stream was left before its end, by a loop or a wait that ended early, and "
                "that cancelled the call: to read it in parts, keep one iterator, "
                "it = iter(stream), or call next(stream)",
                call_id=self.call_id,
                function=self._reply.function,
            )
        if self._closed:
            return False
        # Read before the chunks: no chunk comes after an outcome.
        outcome = self._inflight.outcome
        if outcome is None or self._inflight.chunks:
            return True
        self._end(outcome)
        return False

    def _leave(self) -> None:
        """Close, and remember that chunks were missed."""
        if not self._closed:
            self._left = True
            self._stop()

    def _stop(self) -> None:
        """Cancel the call unless it has ended, and drop what was not read."""
        if self._closed:
            return
        self._closed = True
        if self._inflight.outcome is None:
            self._reply.session.cancel(self._inflight)
            # Nothing comes any more, and a reader in another thread may wait for it.
            self._inflight.finish(Outcome(exhausted=True))
        self._inflight.chunks.clear()

    def _take(self) -> T_co:
        """Return the next chunk that is there, and grant more when half the window is read."""
        payload = self._inflight.chunks.popleft()
        self._chunks += 1
        self._bytes += len(payload)
        chunks, size = self._chunks + WINDOW_CHUNKS, self._bytes + WINDOW_BYTES
        half_read = (
            chunks - self._granted_chunks >= WINDOW_CHUNKS // 2
            or size - self._granted_bytes >= WINDOW_BYTES // 2
        )
        if half_read and self._inflight.outcome is None:
            self._granted_chunks, self._granted_bytes = chunks, size
            self._reply.session.credit(self._inflight, chunks, size)
        try:
            value: Any = self._reply.codec.decode_result(payload)
        except BaseException:
            self.close()
            raise
        return value  # type: ignore[no-any-return]  # the codec decodes to what was annotated

    def _end(self, outcome: Outcome) -> None:
        """Close; raise the failure if that is how the call ended."""
        self.close()
        if not outcome.exhausted:
            raise self._reply.problem(outcome)


class _Cursor(Generic[T_co]):
    """One `async for` over a stream: forgetting it after a chunk is leaving the loop."""

    __slots__ = ("_at_chunk", "_stream")

    def __init__(self, stream: Stream[T_co]) -> None:
        self._stream = stream
        self._at_chunk = False

    def __aiter__(self) -> _Cursor[T_co]:
        return self

    async def __anext__(self) -> T_co:
        self._at_chunk = False
        chunk = await self._stream.__anext__()
        self._at_chunk = True
        return chunk

    def __del__(self) -> None:
        if self._at_chunk:
            self._stream._leave()  # noqa: SLF001 - the cursor is a part of the stream
