"""How exactly attempts wait, while a worker has other work.

Prints the seconds that each attempt waited longer than it should have.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

import chalkcompute
from chalkcompute import RetryPolicy

#: Seconds.
WAIT = 0.25


@chalkcompute.function(retries=RetryPolicy.linear(attempts=2, delay=WAIT))
async def stumble(path: str) -> list[float]:
    """Fail twice; return when each attempt began and failed."""
    began = time.time()
    with open(path, "a+") as file:
        file.seek(0)
        times = [float(line) for line in file]
        file.write(f"{began}\n{time.time()}\n")
    if len(times) < 4:
        raise ValueError("again")
    return [*times, began]


@chalkcompute.function
async def busywork(number: int) -> int:
    """Be other work."""
    return number


async def main(folder: str, calls: int, others: int) -> None:
    """Make all of the calls at once, again and again for as long as some of them wait."""
    waiting = asyncio.gather(*[stumble.aio(f"{folder}/{number}") for number in range(calls)])
    while not waiting.done():
        await asyncio.gather(*[busywork.aio(number) for number in range(others)])
    late: list[float] = []
    for _, first_failed, second, second_failed, third in await waiting:
        late += [second - first_failed - WAIT, third - second_failed - WAIT]
    print(json.dumps(late))


if __name__ == "__main__":
    stumble.wait_ready()
    busywork.wait_ready()
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
