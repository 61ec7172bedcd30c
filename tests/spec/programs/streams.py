"""Streams: both kinds of generators, both kinds of loops, and every way to stop early."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import chalkcompute


@chalkcompute.function
def count(upto: int) -> Iterator[int]:
    """Yield from a plain generator."""
    yield from range(upto)


@chalkcompute.function
async def letters(text: str) -> AsyncIterator[str]:
    """Yield from an async generator."""
    for letter in text:
        await asyncio.sleep(0)
        yield letter


@chalkcompute.function
def endless(mark: str) -> Iterator[int]:
    """Yield without end; leave a mark when closed."""
    number = 0
    try:
        while True:
            yield number
            number += 1
    finally:
        Path(mark).touch()


@chalkcompute.function
async def endless_async(mark: str) -> AsyncIterator[int]:
    """Do the same on an event loop."""
    number = 0
    try:
        while True:
            await asyncio.sleep(0)
            yield number
            number += 1
    finally:
        leave(mark)


def leave(mark: str) -> None:
    """Say that a generator was closed."""
    Path(mark).touch()


folder = Path(sys.argv[1])


def stopped(name: str) -> None:
    """Print that the generator with that mark was closed, once it was."""
    deadline = time.monotonic() + 15
    while not (folder / name).exists():
        assert time.monotonic() < deadline, f"{name} was not closed"
        time.sleep(0.01)
    print(name, "stopped")


async def loops() -> None:
    """Read streams in an event loop."""
    print("async for", [number async for number in count(4)])
    print("async for", [letter async for letter in letters("abc")])
    print("aio", [letter async for letter in await letters.aio("xy")])
    async for number in endless_async(str(folder / "async break")):
        if number == 3:
            break
    async with endless(str(folder / "async with")) as stream:
        assert await anext(aiter(stream)) == 0


print("for", list(count(200))[-1], list(letters("abc")), list(count(0)))
print("local", list(count.local(3)))
asyncio.run(loops())
stopped("async break")
stopped("async with")

for number in endless(str(folder / "break")):
    if number == 100:
        break
stopped("break")

with endless(str(folder / "with")) as stream:
    print("with", next(stream), next(stream))
stopped("with")

stream = endless_async(str(folder / "close"))
print("call id", len(stream.call_id), stream.call_id.count("-"))
assert next(iter(stream)) == 0
stream.close()
stream.close()
print("closed", list(stream))
stopped("close")

first, second = count(3), count(3)
assert first.call_id != second.call_id
print("interleaved", list(zip(first, second, strict=True)))
