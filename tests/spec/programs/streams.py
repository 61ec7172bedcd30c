"""Streams: both kinds of generators, both kinds of loops, and every way to stop early."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

from marks import Marks, leave  # type: ignore[import-not-found]  # it lies beside this script

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
def endless(script: tuple[str, int], mark: str) -> Iterator[int]:
    """Yield without end; leave a mark when closed."""
    number = 0
    try:
        while True:
            yield number
            number += 1
    finally:
        leave(script, mark)


@chalkcompute.function
async def endless_async(script: tuple[str, int], mark: str) -> AsyncIterator[int]:
    """Do the same on an event loop."""
    number = 0
    try:
        while True:
            await asyncio.sleep(0)
            yield number
            number += 1
    finally:
        leave(script, mark)


marks = Marks()


def stopped(name: str) -> None:
    """Print that the generator with that mark was closed, once it was."""
    marks.wait(name)
    print(name, "stopped")


async def loops() -> None:
    """Read streams in an event loop."""
    print("async for", [number async for number in count(4)])
    print("async for", [letter async for letter in letters("abc")])
    print("aio", [letter async for letter in await letters.aio("xy")])
    async for number in endless_async(marks.address, "async break"):
        if number == 3:
            break
    async with endless(marks.address, "async with") as stream:
        assert await anext(aiter(stream)) == 0


print("for", list(count(200))[-1], list(letters("abc")), list(count(0)))
print("local", list(count.local(3)))
asyncio.run(loops())
stopped("async break")
stopped("async with")

for number in endless(marks.address, "break"):
    if number == 100:
        break
stopped("break")

with endless(marks.address, "with") as stream:
    print("with", next(stream), next(stream))
stopped("with")

stream = endless_async(marks.address, "close")
print("call id", len(stream.call_id), stream.call_id.count("-"))
assert next(iter(stream)) == 0
stream.close()
stream.close()
print("closed", list(stream))
stopped("close")

first, second = count(3), count(3)
assert first.call_id != second.call_id
print("interleaved", list(zip(first, second, strict=True)))
