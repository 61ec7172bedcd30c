"""Functions that take their calls in batches."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

import chalkcompute
from chalkcompute import RemoteFunction

if TYPE_CHECKING:
    import pyarrow

#: Milliseconds that an item waits for others.
BUFFER_MS = 100


@chalkcompute.function(max_buffer_duration=BUFFER_MS, max_batching_size=4)
def batch_lengths(texts: list[str]) -> list[tuple[int, int]]:
    """Return the length of each text, and how many came together."""
    return [(len(text), len(texts)) for text in texts]


@chalkcompute.function(max_buffer_duration=20, max_batching_size=8)
def batch_sums(vectors: list[list[float]], scales: list[float] = 1.0) -> list[float]:
    """Return the scaled sum of each vector: an item is a list itself."""
    return [sum(vector) * scale for vector, scale in zip(vectors, scales, strict=True)]


@chalkcompute.function(max_buffer_duration=20, max_batching_size=8)
def batch_table(rows: pyarrow.Table) -> list[str]:
    """Return each row as text."""
    return [str(row) for row in rows.to_pylist()]


@chalkcompute.function(max_buffer_duration=20, max_batching_size=8)
async def batch_picky(numbers: list[int]) -> list[float]:
    """Return the inverse of each number; 13 fails as a value, 0 with its whole batch."""
    await asyncio.sleep(0)
    inverse = [1 / number for number in numbers]
    return [ValueError("unlucky") if one == 1 / 13 else one for one in inverse]


@chalkcompute.function(max_buffer_duration=20, max_batching_size=4)
def batch_forgetful(numbers: list[int]) -> list[int]:
    """Return less than was asked for."""
    return numbers[1:]


@chalkcompute.function(max_buffer_duration=20, max_batching_size=3)
def batch_slow(naps: list[float]) -> list[int]:
    """Sleep for as long as the longest item says; return how many came together."""
    time.sleep(max(naps))
    return [len(naps)] * len(naps)


@chalkcompute.function(
    max_buffer_duration=20,
    max_batching_size=8,
    retries=chalkcompute.RetryPolicy.linear(attempts=2, delay=0.05),
)
def batch_flaky(numbers: list[int]) -> list[tuple[int, int]]:
    """Fail each odd number at its first attempt; return what each batch was."""
    attempt = chalkcompute.get_call_context().attempt
    flaky = [number for number in numbers if number % 2 and not attempt]
    return [ValueError("odd") if one in flaky else (one, len(numbers)) for one in numbers]


async def each(handle: RemoteFunction, *items: object) -> list[object]:
    """Return what concurrent calls of one item each come to."""
    return await asyncio.gather(*(handle.aio(item) for item in items), return_exceptions=True)


def forms() -> None:
    """One item, lists of items, and what is neither."""
    print(batch_lengths("abc"), batch_lengths(["a", "bc"]), batch_lengths([]))
    print(sorted({together for _, together in batch_lengths(["x"] * 10)}))
    print(batch_sums([1.0, 2.0]), batch_sums([[1.0], [2.0, 3.0]]), batch_sums([1.0], 3.0))
    try:
        batch_sums([[1.0], [2.0]], [1.0])
    except ValueError as error:
        print(error)


def names() -> None:
    """The same by name, where no annotation is to be seen."""
    import pyarrow

    for handle in (batch_lengths, batch_sums, batch_table):
        handle.wait_ready()
    lengths, sums, rows = map(
        RemoteFunction.from_name, ("batch_lengths", "batch_sums", "batch_table")
    )
    print(lengths("abc"), lengths(["a", "bc"]))
    print(sums([1.0, 2.0]), sums([[1.0], [2.0, 3.0]]))
    print(rows(x=1), rows(pyarrow.table({"x": [1, 2]})))


def mixed() -> None:
    """Items and lists of several callers at once; a batch is never larger than it may be."""

    async def gather() -> list[object]:
        return await each(batch_lengths, *["abc"] * 5, ["d", "ef"], ["g"] * 7)

    found = asyncio.run(gather())
    singles, lists = found[:5], found[5:]
    print([length for length, _ in singles], [[length for length, _ in each] for each in lists])
    print(max(together for _, together in [*singles, *lists[0], *lists[1]]) <= 4)


def times() -> None:
    """A full batch leaves at once; a lone item waits for as long as it was told."""
    batch_lengths("warm")
    # On a machine that does other things some may be late, and none may be early.
    print("full at once", min(took(["x"] * 4) for _ in range(5)) < BUFFER_MS)
    print("early", min(took("x") for _ in range(5)) < BUFFER_MS - 1)


def lone() -> None:
    """Print by how many milliseconds each of a hundred lone items is late, there and back."""
    batch_lengths("warm")
    for _ in range(100):
        print(took("x") - BUFFER_MS)


def took(items: str | list[str]) -> float:
    """Return the milliseconds that one item, or a list of them, takes."""
    began = time.monotonic()
    batch_lengths(items)
    return (time.monotonic() - began) * 1000


def tables() -> None:
    """Rows by name, one at a time or as a table."""
    import pyarrow

    print(batch_table(x=1, y="a"))
    print(batch_table(pyarrow.table({"x": pyarrow.array([1, 2], pyarrow.int8())})))


def failures() -> None:
    """One bad item never fails its neighbours."""
    print(*asyncio.run(each(batch_picky, 1, 2, 0, 4, 13)), sep=" | ")
    try:
        batch_picky([1, 0])
    except RuntimeError as error:
        print("list:", error)
    print(*asyncio.run(each(batch_forgetful, 1, 2)), sep=" | ")


def deaths() -> None:
    """An item that kills its worker each time, before and behind others."""
    for numbers in ([0, 1, 2, 3], [4, 5, 0], [0, 0, 6]):
        found = asyncio.run(each(batch_deadly, *numbers))
        print(*(one if isinstance(one, int) else type(one).__name__ for one in found))


@chalkcompute.function(max_buffer_duration=20, max_batching_size=4)
def batch_deadly(numbers: list[int]) -> list[int]:
    """Return the numbers; 0 kills the process."""
    if 0 in numbers:
        os.kill(os.getpid(), signal.SIGKILL)
    return numbers


def retries() -> None:
    """Only what failed is tried again, and it comes together again."""
    print(batch_flaky([1, 2, 3, 4]), asyncio.run(each(batch_flaky, 5, 6)))


def maps() -> None:
    """A map fills batches; what is tried again goes item by item."""
    asyncio.run(each(batch_busy, 0))
    print(list(batch_busy.map(range(112))) == [32] * 96 + [16] * 16)
    found = list(RemoteFunction.from_name("batch_busy").map(range(64), order_outputs=False))
    print(found == [32] * 64)
    print([number for number, _ in batch_flaky.map([1, 2, 3, 4])])
    print(batch_above(64), sum(batch_limited.map(range(8))))


@chalkcompute.function
def batch_above(rows: int) -> list[int]:
    """Map in a worker; return how large the batches were."""
    return sorted(set(batch_busy.map(range(rows))))


@chalkcompute.function(max_buffer_duration=200, max_batching_size=4, rate_limit_key="batch-nobodys")
def batch_limited(numbers: list[int]) -> list[int]:
    """Return how many came together."""
    return [len(numbers)] * len(numbers)


def large() -> None:
    """Items and results that are too large to travel inline."""
    text = "x" * 600_000
    print(batch_echo(text) == text, batch_echo([text, "y", text]) == [text, "y", text])
    print(asyncio.run(each(batch_echo, text, "z", text)) == [text, "z", text])


@chalkcompute.function(max_buffer_duration=20, max_batching_size=4)
def batch_echo(texts: list[str]) -> list[str]:
    """Return what came."""
    return texts


def cancel() -> None:
    """A caller that leaves a batch does not take the others along."""

    async def leave() -> list[object]:
        calls = [asyncio.ensure_future(batch_slow.aio(0.4)) for _ in range(3)]
        await asyncio.sleep(0.2)
        calls[1].cancel()
        return await asyncio.gather(*calls, return_exceptions=True)

    batch_slow(0.0)
    print([each if isinstance(each, int) else type(each).__name__ for each in asyncio.run(leave())])


def load() -> None:
    """Many callers, and a function that is the bottleneck: batches are nearly full."""

    async def caller(sizes: list[int]) -> None:
        sizes.extend([await batch_busy.aio(0) for _ in range(6)])

    async def callers() -> list[int]:
        sizes: list[int] = []
        await asyncio.gather(*(caller(sizes) for _ in range(64)))
        return sizes

    asyncio.run(each(batch_busy, 0))
    sizes = asyncio.run(callers())
    # Of n items that came together each says n.
    batches = sum(1 / size for size in sizes)
    print("mean above 24", len(sizes) / batches > 24)


@chalkcompute.function(max_buffer_duration=10, max_batching_size=32)
def batch_busy(items: list[int]) -> list[int]:
    """Work for a while, however many there are."""
    time.sleep(0.03)
    return [len(items)] * len(items)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        globals()[name]()
