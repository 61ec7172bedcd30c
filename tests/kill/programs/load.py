"""The load under which processes are killed, checked exactly: calls, batches, a stream, maps.

Beside them go spawned calls, and calls whose first attempt fails.

Begins when its last argument is a file. Prints one JSON object: what was wrong (nothing),
and the moments at which results came, in seconds of the wall clock.
"""

import asyncio
import json
import os
import sys
import time

import chalkcompute
from chalkcompute import Call

#: Calls that are spawned while processes are killed.
SPAWNED = 500

#: Calls whose first attempt fails, or whose first two do.
REPEATED = 50


@chalkcompute.function
def work(number: int) -> int:
    import time

    time.sleep(0.0005)
    return number * 3


@chalkcompute.function(retries=2)
def count(upto: int):
    yield from range(upto)


@chalkcompute.function(retries=chalkcompute.RetryPolicy.linear(attempts=3, delay=0.5))
async def stumble(number: int) -> tuple[int, int]:
    attempt = chalkcompute.get_call_context().attempt
    if attempt < 1 + number % 2:
        raise ValueError(f"attempt {attempt}")
    return number * 7, attempt


async def repeat(number: int, wrong: list[str]) -> None:
    found = await stumble.aio(number)
    if found != (number * 7, 1 + number % 2):
        wrong.append(f"call {number}, which was repeated, returned {found}")


@chalkcompute.function
def triple(number: int) -> int:
    import time

    time.sleep(0.0005)
    return number * 3


@chalkcompute.function(max_batching_size=16, max_buffer_duration=5)
def double(numbers: list[int]) -> list[int]:
    import time

    time.sleep(0.002)
    return [number * 2 for number in numbers]


async def call(number: int, moments: list[float], wrong: list[str]) -> None:
    value = await work.aio(number)
    moments.append(time.time())
    if value != number * 3:
        wrong.append(f"call {number} returned {value}")


async def follow(upto: int, moments: list[float], wrong: list[str]) -> None:
    expected = 0
    async for number in count(upto):
        moments.append(time.time())
        # The reader sets the pace: what a repeated run costs is not the death's doing.
        await asyncio.sleep(0.003)
        if number != expected:
            wrong.append(f"position {expected} holds {number}")
        expected += 1
    if expected != upto:
        wrong.append(f"the stream ended after {expected} chunks")


async def follow_map(rows: int, moments: list[float], wrong: list[str]) -> None:
    expected = 0
    async for value in triple.map(range(rows)):
        moments.append(time.time())
        if value != expected * 3:
            wrong.append(f"row {expected} has {value}")
        expected += 1
    if expected != rows:
        wrong.append(f"the map ended after {expected} rows")


async def follow_batches(rows: int, wrong: list[str]) -> None:
    """Map over what takes batches: each entry is a full one."""
    values = [value async for value in double.map(range(rows))]
    if values != [number * 2 for number in range(rows)]:
        wrong.append(f"the map in batches gave {len(values)} values, or others than expected")


async def spawn(count: int, ids: list[str]) -> None:
    for number in range(count):
        ids.append(work.spawn(number).id)
        await asyncio.sleep(0.002)


def fetch(ids: list[str], wrong: list[str]) -> None:
    """Get by their ids alone what the calls that were spawned returned."""
    for number, call in enumerate(ids):
        value = Call.from_id(call).get(timeout=60)
        if value != number * 3:
            wrong.append(f"spawned call {number} returned {value}")


async def batch(first: int, moments: list[float], wrong: list[str], over: asyncio.Event) -> None:
    """Call with one item, and with a list of them, until the rest of the load is over."""
    while not over.is_set():
        items = list(range(first, first + 5))
        values = [await double.aio(first), *await double.aio(items)]
        moments.append(time.time())
        if values != [first * 2, *(item * 2 for item in items)]:
            wrong.append(f"items {items} gave {values}")


async def main(calls: int, chunks: int, rows: int) -> None:
    answered: list[float] = []
    ids: list[str] = []
    streamed: list[float] = []
    mapped: list[float] = []
    batched: list[float] = []
    wrong: list[str] = []
    over = asyncio.Event()
    batches = [asyncio.create_task(batch(each, batched, wrong, over)) for each in range(8)]
    stream = asyncio.create_task(follow(chunks, streamed, wrong))
    repeated = [asyncio.create_task(repeat(number, wrong)) for number in range(REPEATED)]
    rest = asyncio.create_task(follow_map(rows, mapped, wrong))
    filled = asyncio.create_task(follow_batches(rows, wrong))
    spawned = asyncio.create_task(spawn(SPAWNED, ids))
    await asyncio.gather(*[call(number, answered, wrong) for number in range(calls)])
    await asyncio.gather(*repeated)
    await stream
    await rest
    await filled
    await spawned
    await asyncio.to_thread(fetch, ids, wrong)
    over.set()
    await asyncio.gather(*batches)
    came = {"answered": answered, "streamed": streamed, "mapped": mapped, "batched": batched}
    print(json.dumps({"wrong": wrong, "spawned": len(ids)} | came))


if __name__ == "__main__":
    for each in (work, count, stumble, triple, double):
        each.wait_ready()
    print("ready", flush=True)
    *counts, begin = sys.argv[1:]
    while not os.path.exists(begin):
        time.sleep(0.01)
    asyncio.run(main(*map(int, counts)))
