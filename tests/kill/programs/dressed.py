"""Functions whose workers come and go, one of them in an image and with a secret, in waves.

Goes on until the file exists that the command line names; prints what was wrong, and how
many calls there were.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path

import chalkcompute
from chalkcompute import Image, Secret

#: Calls of one wave; each takes so long, and the next wave comes after a cooldown.
WAVE, RUN_S, PAUSE_S = 12, 0.1, 2.5
#: Chunks of a stream that lasts for some of those.
CHUNKS = 30
DRESS = Image.base("python:3-slim").env({"COLOUR": "blue"})


@chalkcompute.function(max_replicas=3, suspend_cooldown_period=0.5, retries=2)
def swell(number: int) -> int:
    """Take a while."""
    time.sleep(RUN_S)
    return number * 3


@chalkcompute.function(
    image=DRESS, secrets=[Secret("KILL_KEY")], max_replicas=3, suspend_cooldown_period=0.5
)
def dressed(number: int) -> tuple[int, str | None, str | None]:
    """Return what surrounds it."""
    time.sleep(RUN_S)
    return number * 5, os.environ.get("COLOUR"), os.environ.get("KILL_KEY")


@chalkcompute.function(image=DRESS, suspend_cooldown_period=0.5, retries=9)
def pour(upto: int):
    """Yield numbers, and one that another function makes."""
    for number in range(upto):
        time.sleep(RUN_S)
        yield swell(number) if number % 10 == 0 else number * 3


async def wave(first: int, wrong: list[str]) -> None:
    """Call both functions, and spawn calls of both."""
    numbers = range(first, first + WAVE)
    spawned = [(number, swell.spawn(number), dressed.spawn(number)) for number in numbers]
    plain = await asyncio.gather(*[swell.aio(number) for number in numbers])
    if plain != [number * 3 for number in numbers]:
        wrong.append(f"calls from {first} on returned {plain}")
    for number, one, other in spawned:
        found = await one, await other
        if found != (number * 3, (number * 5, "blue", "the key")):
            wrong.append(f"spawned calls {number} returned {found}")


async def follow(until: Path, wrong: list[str]) -> int:
    """Read one stream after the other."""
    count = 0
    while not until.exists():
        came = [number async for number in pour(CHUNKS)]
        count += 1
        if came != [number * 3 for number in range(CHUNKS)]:
            wrong.append(f"a stream yielded {came}")
    return count


async def main(until: Path) -> None:
    """Make waves and read streams until a file exists."""
    wrong: list[str] = []
    streams = asyncio.create_task(follow(until, wrong))
    first = 0
    while not until.exists():
        await wave(first, wrong)
        first += WAVE
        await asyncio.sleep(PAUSE_S)
    print(json.dumps({"wrong": wrong, "calls": first * 3, "streams": await streams}))


if __name__ == "__main__":
    for each in (swell, dressed, pour):
        each.wait_ready()
    print("begun", flush=True)
    asyncio.run(main(Path(sys.argv[1])))
