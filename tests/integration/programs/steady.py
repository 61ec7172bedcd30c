"""A stream and calls beside it, all the while; says what came, and writes down what ran."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

import chalkcompute

FOLDER, TICKS = Path(sys.argv[1]), int(sys.argv[2])
PAUSE_S = 0.1


@chalkcompute.function
def ticks(upto: int, folder: str):
    with open(f"{folder}/streams", "a") as file:
        file.write("begun\n")
    for number in range(upto):
        yield number
        time.sleep(0.1)


@chalkcompute.function
def double(x: int, folder: str) -> int:
    with open(f"{folder}/calls", "a") as file:
        file.write(f"{x}\n")
    return 2 * x


async def read() -> list[int]:
    found = []
    async for number in ticks(TICKS, str(FOLDER)):
        found.append(number)
        (FOLDER / "seen").write_text(str(number))
    return found


async def call(reading: asyncio.Task) -> list[int]:
    found = []
    while not reading.done():
        found.append(await double.aio(len(found), str(FOLDER)))
        await asyncio.sleep(PAUSE_S)
    return found


async def main() -> None:
    reading = asyncio.create_task(read())
    doubles = await call(reading)
    print(json.dumps({"ticks": await reading, "doubles": doubles}))


if TICKS:
    asyncio.run(main())
