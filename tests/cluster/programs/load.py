"""Makes calls while servers and consumers are restarted; each result is compared.

Prints "begun" once calls are answered, then one JSON object: what was wrong (nothing),
how many calls ended, and the servers that the session was with, in order.
"""

import asyncio
import json
import sys
import time

import chalkcompute
from chalkcompute import runtime


@chalkcompute.function
def work(number: int) -> int:
    import time

    time.sleep(0.015)
    return number * 3


@chalkcompute.function
async def count(upto: int):
    for number in range(upto):
        await asyncio.sleep(0.01)
        yield number


async def call(number: int, ends: list[float], wrong: list[str]) -> None:
    value = await work.aio(number)
    ends.append(time.monotonic())
    if len(ends) == 1:
        print("begun", flush=True)
    if value != number * 3:
        wrong.append(f"call {number} returned {value}")


async def follow(upto: int, wrong: list[str]) -> None:
    expected = 0
    async for number in count(upto):
        if number != expected:
            wrong.append(f"position {expected} holds {number}")
        expected += 1
    if expected != upto:
        wrong.append(f"the stream ended after {expected} chunks")


async def watch(servers: list[str]) -> None:
    while True:
        address = runtime.current_session()._control.address
        if not servers or servers[-1] != address:
            servers.append(address)
        await asyncio.sleep(0.01)


async def main(calls: int) -> None:
    ends: list[float] = []
    wrong: list[str] = []
    servers: list[str] = []
    watching = asyncio.create_task(watch(servers))
    stream = asyncio.create_task(follow(calls, wrong))
    await asyncio.gather(*[call(number, ends, wrong) for number in range(calls)])
    await stream
    watching.cancel()
    print(json.dumps({"wrong": wrong, "ended": len(ends), "servers": servers}))


if __name__ == "__main__":
    work.wait_ready()
    count.wait_ready()
    asyncio.run(main(int(sys.argv[1])))
