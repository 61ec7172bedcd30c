"""The load under which processes are killed: many calls and one stream, checked exactly.

Prints one JSON object: what was wrong (nothing), and the moments at which
results came, in seconds of the wall clock.
"""

import asyncio
import json
import sys
import time

import chalkcompute


@chalkcompute.function
def work(number: int) -> int:
    import time

    time.sleep(0.0005)
    return number * 3


@chalkcompute.function(retries=2)
def count(upto: int):
    yield from range(upto)


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


async def main(calls: int, chunks: int) -> None:
    answered: list[float] = []
    streamed: list[float] = []
    wrong: list[str] = []
    print("begun", flush=True)
    stream = asyncio.create_task(follow(chunks, streamed, wrong))
    await asyncio.gather(*[call(number, answered, wrong) for number in range(calls)])
    await stream
    print(json.dumps({"wrong": wrong, "answered": answered, "streamed": streamed}))


if __name__ == "__main__":
    work.wait_ready()
    count.wait_ready()
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
