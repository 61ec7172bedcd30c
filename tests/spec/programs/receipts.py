"""Generators that wait after each chunk until the caller confirms that it has it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

from marks import Marks, left  # type: ignore[import-not-found]  # it lies beside this script

import chalkcompute


@chalkcompute.function
def confirmed(script: tuple[str, int], upto: int) -> Iterator[int]:
    """Yield, then wait for the receipt."""
    for number in range(upto):
        yield number
        deadline = time.monotonic() + 10
        while not left(script, str(number)):
            assert time.monotonic() < deadline, f"no receipt of {number}"
            time.sleep(0.002)


@chalkcompute.function
async def confirmed_async(script: tuple[str, int], upto: int) -> AsyncIterator[int]:
    """Do the same on an event loop."""
    for number in range(100, 100 + upto):
        yield number
        deadline = time.monotonic() + 10
        while not left(script, str(number)):
            assert time.monotonic() < deadline, f"no receipt of {number}"
            await asyncio.sleep(0.002)


marks = Marks()
for generator in (confirmed, confirmed_async):
    received = []
    for number in generator(marks.address, 20):
        received.append(number)
        marks.marks.add(str(number))
    print(generator.name, received[0], received[-1], len(received))
