"""Generators that wait after each chunk until the caller confirms that it has it."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import chalkcompute


@chalkcompute.function
def confirmed(folder: str, upto: int) -> Iterator[int]:
    """Yield, then wait for the receipt."""
    for number in range(upto):
        yield number
        deadline = time.monotonic() + 10
        while not (Path(folder) / str(number)).exists():
            assert time.monotonic() < deadline, f"no receipt of {number}"
            time.sleep(0.002)


@chalkcompute.function
async def confirmed_async(folder: str, upto: int) -> AsyncIterator[int]:
    """Do the same on an event loop."""
    for number in range(100, 100 + upto):
        yield number
        deadline = time.monotonic() + 10
        while not (Path(folder) / str(number)).exists():
            assert time.monotonic() < deadline, f"no receipt of {number}"
            await asyncio.sleep(0.002)


folder = sys.argv[1]
for generator in (confirmed, confirmed_async):
    received = []
    for number in generator(folder, 20):
        received.append(number)
        (Path(folder) / str(number)).touch()
    print(generator.name, received[0], received[-1], len(received))
