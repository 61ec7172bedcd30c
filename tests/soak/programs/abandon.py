"""Many calls and many abandoned streams; prints what Redis holds more of after them."""

import asyncio
import json
import sys

import chalkcompute
from chalkcompute import embedded
from fnq_core.connection import connect
from fnq_core.kinds import kind_of

#: Kinds of keys that tell of workers: those of other functions come and go meanwhile.
STAFF = {"presence", "workers", "attended", "cordon", "leader"}


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


async def weigh() -> tuple[set[str], int]:
    """Return the keys, but for those of workers, and the bytes in use: nothing is in flight."""
    with open(f"{embedded.locate().runtime}/stack.json") as file:
        redis = connect(json.load(file)["redis"])
    while not await settled(redis):
        await asyncio.sleep(0.1)
    names = [each.decode() for each in await redis.execute_command("KEYS", "*")]
    keys = {name for name in names if kind_of(name).noun not in STAFF}
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
    keys, used = asyncio.run(weigh())
    for _ in range(calls // 10_000):
        asyncio.run(call_all(10_000))
    abandon(streams)
    keys_after, used_after = asyncio.run(weigh())
    print(json.dumps({"new": sorted(keys_after - keys), "grown": used_after - used}))


main(int(sys.argv[1]), int(sys.argv[2]))
