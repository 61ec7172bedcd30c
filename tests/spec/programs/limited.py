"""A function of which only so many calls run at once, and begin so often."""

from __future__ import annotations

import asyncio
import sys
import time

import chalkcompute


@chalkcompute.function(rate_limit_key="spec-cap")
async def limited_nap(seconds: float) -> tuple[float, float]:
    """Sleep; return from when to when."""
    began = time.time()
    await asyncio.sleep(seconds)
    return began, time.time()


@chalkcompute.function(rate_limit_key="spec-rate")
async def limited_tick() -> float:
    """Return when it ran."""
    return time.time()


@chalkcompute.function(rate_limit_key="spec-rate", max_batching_size=11, max_buffer_duration=10)
def limited_batch(numbers: list[int]) -> list[float]:
    """Return for each number when its batch ran."""
    return [time.time() for _ in numbers]


async def main() -> None:
    naps = await asyncio.gather(*(limited_nap.aio(0.2) for _ in range(6)))
    most = max(sum(begin <= at < end for begin, end in naps) for at, _ in naps)
    print("at once", most)
    show("calls", await asyncio.gather(*(limited_tick.aio() for _ in range(11))))
    show("rows", [each async for each in limited_tick.starmap([()] * 11)])
    show("items", await limited_batch.aio(list(range(11))))


def rows() -> None:
    """Map; each row needs a permit of its own."""
    show("rows", list(limited_tick.starmap([()] * 11, order_outputs=False)))


def show(what: str, ticks: list[float]) -> None:
    """Print the seconds between the first and the last of them."""
    print(what, max(ticks) - min(ticks))


async def wait() -> None:
    """Have one call hold the one permit, and another one wait for it."""
    seconds = float(sys.argv[1])
    await asyncio.gather(limited_nap.aio(seconds), limited_nap.aio(seconds))


if sys.argv[1:] == ["rows"]:
    rows()
else:
    asyncio.run(wait() if len(sys.argv) > 1 else main())
