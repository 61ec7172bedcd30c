"""Streams: order, windows, and leaving early."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

import chalkcompute
from chalkcompute import CallCancelledError, RemoteError, RemoteFunction, Stream
from chalkcompute.errors import FnqError
from chalkcompute.inflight import Outcome
from fnq_wire.limits import WINDOW_BYTES, WINDOW_CHUNKS
from tests.unit.chalkcompute.memory import MemorySession

Counter = RemoteFunction[[int], Stream[int], Any]


@pytest.fixture(params=["sync", "async"])
def counter(request: pytest.FixtureRequest) -> Counter:
    """Return a generator function, plain or async, that counts."""

    def count(n: int) -> Iterator[int]:
        yield from range(n)

    async def count_async(n: int) -> AsyncIterator[int]:
        for each in range(n):
            yield each

    if request.param == "sync":
        return chalkcompute.function(count)
    return chalkcompute.function(count_async)


def read_async(stream: Stream[int], most: int | None = None) -> list[int]:
    """Read a stream with `async for`, leaving the loop after `most` chunks."""

    async def main() -> list[int]:
        found: list[int] = []
        async for each in stream:
            found.append(each)
            if len(found) == most:
                break
        return found

    return asyncio.run(main())


def test_chunks_come_in_order(counter: Counter) -> None:
    """More than several windows of them, read both ways."""
    assert list(counter(500)) == list(range(500))
    assert read_async(counter(500)) == list(range(500))
    assert list(counter(0)) == []


def test_a_stream_ends_for_good(counter: Counter) -> None:
    """After the end it stays empty, as an iterator does."""
    stream = counter(1)
    assert [next(stream), next(stream, None), next(stream, None)] == [0, None, None]
    assert list(stream) == []


def test_an_error_comes_after_the_chunks_before_it() -> None:
    """What was yielded is delivered, then the failure is raised, once."""

    @chalkcompute.function
    async def fragile() -> AsyncIterator[str]:
        yield "ok-1"
        yield "ok-2"
        raise ValueError("something went wrong")

    stream = fragile()
    assert [next(stream), next(stream)] == ["ok-1", "ok-2"]
    with pytest.raises(RuntimeError) as problem:
        next(stream)
    assert str(problem.value) == "ValueError: something went wrong"
    assert isinstance(problem.value, RemoteError)
    assert problem.value.call_id == stream.call_id
    assert list(stream) == []


def test_a_chunk_does_not_wait_for_the_next() -> None:
    """A generator that waits for the receipt of each chunk finishes."""
    receipt = threading.Semaphore(0)

    @chalkcompute.function
    def careful() -> Iterator[int]:
        for each in range(5):
            yield each
            assert receipt.acquire(timeout=10)

    found = []
    for each in careful():
        found.append(each)
        receipt.release()
    assert found == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("how", ["for", "async for", "close", "with", "forget", "held"])
def test_leaving_early_cancels_the_call(how: str, counter: Counter, session: MemorySession) -> None:
    """Whichever way the reader leaves, the run ends."""
    stream: Stream[int] | None = counter(1_000_000)
    assert stream is not None
    if how == "for":
        for _ in stream:
            break
    elif how == "async for":
        assert read_async(stream, most=3) == [0, 1, 2]
    elif how == "close":
        stream.close()
        stream.close()
    elif how == "with":
        with stream as same:
            assert next(same) == 0
    elif how == "forget":
        next(stream)
        stream = None
        gc.collect()
    else:
        with pytest.raises(KeyError):
            _leave(stream)
    session.runs[0].wait(lambda run: run.cancelled)
    session.threads[0].join(10)
    assert not session.threads[0].is_alive()
    if stream is None:
        return
    if how in ("close", "with"):
        assert list(stream) == []
        return
    # What was not read is not there any more: it must not look as if there were no more.
    with pytest.raises(CallCancelledError, match="the stream was left before its end"):
        list(stream)
    with pytest.raises(CallCancelledError, match="keep one iterator"):
        read_async(stream)


def test_taking_one_chunk_by_a_loop_of_its_own_loses_nothing_in_silence(counter: Counter) -> None:
    """An iterator that is forgotten is a loop that was left; one that is kept reads on."""
    stream = counter(5)
    assert next(iter(stream)) == 0
    with pytest.raises(CallCancelledError):
        list(stream)
    stream = counter(5)
    assert list(itertools.islice(stream, 2)) == [0, 1]
    with pytest.raises(CallCancelledError):
        list(stream)
    stream.close()  # Who closes it knows.
    assert list(stream) == []
    stream = counter(5)
    iterator = iter(stream)
    assert next(iterator) == 0
    assert list(iterator) == [1, 2, 3, 4]
    assert list(stream) == []


def test_a_second_reader_is_refused_and_the_first_reads_on(session: MemorySession) -> None:
    """Two cannot wait for one chunk: the second is told so, and the end comes to both."""
    release = threading.Event()

    @chalkcompute.function
    def stay() -> Iterator[int]:
        assert release.wait(10)
        yield 1

    stream = stay()
    found: list[int] = []
    first = threading.Thread(target=lambda: found.extend(stream), daemon=True)
    first.start()
    assert session.parked.wait(10)
    for read in (next, list, read_async):
        with pytest.raises(ValueError, match="is being read already: read it in one thread"):
            read(stream)
    release.set()
    first.join(10)
    assert not first.is_alive()
    assert found == [1]
    assert list(stream) == []


def test_closing_ends_a_reader_that_waits_in_another_thread(session: MemorySession) -> None:
    """It gets what it would get after the end; it does not wait for ever."""
    release = threading.Event()

    @chalkcompute.function
    def stay() -> Iterator[int]:
        release.wait(10)
        yield 1

    stream = stay()
    reader = threading.Thread(target=lambda: list(stream), daemon=True)
    try:
        reader.start()
        assert session.parked.wait(10)
        stream.close()
        reader.join(10)
        assert not reader.is_alive()
    finally:
        release.set()


def test_a_stream_can_be_closed_by_aclosing(counter: Counter, session: MemorySession) -> None:
    """As an async generator can."""

    async def main() -> int:
        async with contextlib.aclosing(counter(1_000_000)) as stream:
            return await anext(stream)

    assert asyncio.run(main()) == 0
    assert session.runs[0].cancelled


def _leave(stream: Stream[int]) -> None:
    for _ in stream:
        raise KeyError


def test_an_async_block_closes_the_stream(counter: Counter, session: MemorySession) -> None:
    """`async with` is the same as `with`."""

    async def main() -> int:
        async with counter(1_000_000) as stream:
            return await anext(stream)

    assert asyncio.run(main()) == 0
    assert session.runs[0].cancelled


def test_reading_to_the_end_cancels_nothing(counter: Counter, session: MemorySession) -> None:
    """Closing a stream that has ended asks nobody."""
    with counter(3) as stream:
        assert list(stream) == [0, 1, 2]
    assert not session.runs[0].cancelled


def test_a_reader_that_stops_stops_the_generator(counter: Counter, session: MemorySession) -> None:
    """The generator is ahead by one window and no more."""
    with counter(1_000_000) as stream:
        assert [next(stream) for _ in range(10)] == list(range(10))
        run = session.runs[0]
        run.wait(lambda run: run.emitted == WINDOW_CHUNKS)
        assert run.credits == [(WINDOW_CHUNKS, WINDOW_BYTES)]


def test_credit_is_granted_by_the_half_window(counter: Counter, session: MemorySession) -> None:
    """Not per chunk, and in totals."""
    with counter(1_000_000) as stream:
        for _ in range(100):
            next(stream)
        assert [chunks for chunks, _ in session.runs[0].credits] == [64, 96, 128, 160]


def test_large_chunks_are_granted_by_their_bytes(session: MemorySession) -> None:
    """A chunk over half a window in size is granted at once."""

    @chalkcompute.function
    def blobs() -> Iterator[bytes]:
        for _ in range(4):
            yield b"x" * (700 << 10)

    assert [len(each) for each in blobs()] == [700 << 10] * 4
    assert len(session.runs[0].credits) >= 3


def test_a_cancelled_reader_cancels_the_call(session: MemorySession) -> None:
    """A task that is cancelled while it waits for a chunk ends the stream."""
    release = threading.Event()

    @chalkcompute.function
    def stay() -> Iterator[int]:
        release.wait(10)
        yield 1

    async def main() -> None:
        stream = stay()
        waiter = asyncio.ensure_future(anext(stream))
        await asyncio.to_thread(session.parked.wait, 10)
        waiter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter
        with pytest.raises(CallCancelledError):
            await anext(stream, None)

    try:
        asyncio.run(main())
        assert session.runs[0].cancelled
    finally:
        release.set()


def test_a_value_in_place_of_chunks_is_an_error(counter: Counter, session: MemorySession) -> None:
    """Nothing is taken for the end of a stream but that."""
    stream = counter(1_000_000)
    next(stream)
    inflight = session.runs[0].inflight
    inflight.finish(Outcome(value=b""))
    with pytest.raises(FnqError, match="expected chunks, and a value came"):
        for _ in stream:
            pass


def test_a_stream_says_what_it_is(counter: Counter, session: MemorySession) -> None:
    """Its id is that of the call, as errors and logs name it."""
    with counter(1) as stream:
        assert len(stream.call_id) == 36
        assert stream.call_id in repr(stream)
