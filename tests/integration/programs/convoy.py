# Call and stream without end; when standard input ends, see more of both come, and stop.
# Prints "begun" once both have begun, then what was wrong (nothing) and how many came.
import asyncio
import json
import sys

import chalkcompute

BATCH, FURTHER = 50, 100


@chalkcompute.function
def triple(number: int) -> int:
    return number * 3


@chalkcompute.function(retries=2)
def endless():
    number = 0
    while True:
        yield number
        number += 1


async def call(begun, enough, wrong) -> int:
    made, last = 0, False
    while not last:
        last = enough.is_set()
        numbers = range(made, made + BATCH)
        values = await asyncio.gather(*[triple.aio(number) for number in numbers])
        wrong += [f"triple({n}) is {v}" for n, v in zip(numbers, values, strict=True) if v != n * 3]
        made += BATCH
        begun.set()
    return made


async def follow(begun, enough, wrong) -> int:
    expected, last = 0, sys.maxsize
    async with endless() as stream:
        async for number in stream:
            if number != expected:
                wrong.append(f"position {expected} holds {number}")
            expected += 1
            begun.set()
            if enough.is_set():
                last = min(last, expected + FURTHER)
            if expected == last:
                break
            await asyncio.sleep(0.003)
    return expected


async def main() -> None:
    enough, calls, chunks = (asyncio.Event() for _ in range(3))
    wrong: list[str] = []
    both = asyncio.gather(call(calls, enough, wrong), follow(chunks, enough, wrong))
    await asyncio.gather(calls.wait(), chunks.wait())
    print("begun", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    enough.set()
    made, seen = await both
    print(json.dumps({"wrong": wrong, "calls": made, "chunks": seen}))


asyncio.run(main())
