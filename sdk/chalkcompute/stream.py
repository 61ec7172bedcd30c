"""What a generator function yields, as its caller reads it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from chalkcompute.errors import CallCancelledError
from chalkcompute.inflight import Outcome
from chalkcompute.reading import Reading
from fnq_wire.limits import WINDOW_BYTES, WINDOW_CHUNKS

if TYPE_CHECKING:
    from chalkcompute.reply import Reply

__all__ = ["Stream"]

T_co = TypeVar("T_co", covariant=True)


class Stream(Reading[T_co]):
    """The chunks of one call, in order, each as soon as it is there.

    Read it with `for` or `async for`, in one place at a time: a second reader that
    comes while one waits gets a ValueError. Leaving the loop early cancels the call,
    as do `close()`, the end of a `with` block and forgetting the stream. Who reads on
    after leaving a loop gets CallCancelledError, after `close()` nothing. The generator
    runs ahead by a window at most: a reader that stops reading stops it. An exception
    of the generator is raised after the chunks that came before it.
    """

    #: What who reads on after leaving is told first.
    _left_text = (
        "the stream was left before its end, by a loop or a wait that ended early, and "
        "that cancelled the call"
    )

    def __init__(self, reply: Reply) -> None:
        super().__init__()
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

    def __repr__(self) -> str:
        return f"<Stream of {self._reply.function}, call {self.call_id}>"

    def _goes_on(self) -> bool:
        """Whether a chunk is there or may come; raise what ended the call before its end."""
        if self._left:
            raise CallCancelledError(
                f"{self._left_text}: to read it in parts, keep one iterator, "
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

    def _let_go(self) -> None:
        """Cancel the call unless it has ended, and drop what was not read."""
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
