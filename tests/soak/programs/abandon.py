"""Many calls and many abandoned streams; prints what Redis holds before and after."""

import asyncio
import json
import sys

import chalkcompute
from chalkcompute import embedded
from fnq_core.connection import connect


@chalkcompute.function
def add(x: int, y: int) -> int:
    return x + y


@chalkcompute.function
def numbers(upto: int):
    yield from range(upto)


async def call_all(count: int) -> None:
    assert await asyncio.gather(*[add.aio(n, 1) for n in range(count)]) == list(range(1, count + 1))


def abandon(count: int) -> None:
    for _ in range(count):
        with numbers(1_000_000) as stream:
            assert next(stream) == 0


async def weigh() -> tuple[int, int]:
    """Return the number of keys and the bytes in use, once nothing is in flight."""
    with open(f"{embedded.locate().runtime}/stack.json") as file:
        redis = connect(json.load(file)["redis"])
    while not await settled(redis):
        await asyncio.sleep(0.1)
    keys = await redis.execute_command("DBSIZE")
    info = (await redis.execute_command("INFO", "memory")).decode()
    used = next(line for line in info.splitlines() if line.startswith("used_memory:"))
    await redis.aclose()
    return keys, int(used.partition(":")[2])


async def settled(redis) -> bool:
    """Whether every stream of calls and results is empty."""
    for pattern in ("fnq:*:calls:*", "fnq:inbox:*"):
        for key in await redis.execute_command("KEYS", pattern):
            if await redis.execute_command("XLEN", key):
                return False
    return True


def main(calls: int, streams: int) -> None:
    add.wait_ready()
    numbers.wait_ready()
    asyncio.run(call_all(5_000))
    abandon(5)
    before = asyncio.run(weigh())
    for _ in range(calls // 10_000):
        asyncio.run(call_all(10_000))
    abandon(streams)
    print(json.dumps({"before": before, "after": asyncio.run(weigh())}))


main(int(sys.argv[1]), int(sys.argv[2]))
