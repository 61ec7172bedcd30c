"""Spawn many calls; prints what a kept result takes beyond its payload, and what is left."""

import asyncio
import json
import sys
import time

import chalkcompute
from chalkcompute import embedded, gather
from fnq_core.connection import connect

#: Seconds that results are kept here: longer than the longest batch and a look take.
TTL_S = 120
#: Calls that are waited for together.
BATCH = 5_000


@chalkcompute.function(result_ttl=TTL_S)
def double(number: int) -> int:
    return 2 * number


async def buckets(redis) -> int:
    """Count the buckets; SCAN deletes those that have expired, KEYS only passes over them."""
    cursor, count = b"0", 0
    while True:
        cursor, keys = await redis.execute_command("SCAN", cursor, "MATCH", "fnq:*:kept:*")
        count += len(keys)
        if cursor == b"0":
            return count


async def weigh(true) -> int:
    """Return the bytes in use, once something is true of the number of kept buckets."""
    with open(f"{embedded.locate().runtime}/stack.json") as file:
        redis = connect(json.load(file)["redis"])
    while True:
        kept = await buckets(redis)
        calls = await redis.execute_command("KEYS", "fnq:*:calls:*")
        waiting = [await redis.execute_command("XLEN", key) for key in calls]
        text = (await redis.execute_command("INFO", "memory")).decode()
        facts = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
        if true(kept) and not any(waiting) and facts["lazyfree_pending_objects"] == "0":
            break
        await asyncio.sleep(0.5)
    await redis.aclose()
    return int(facts["used_memory"])


def main(count: int) -> None:
    for start in range(0, count, BATCH):
        # All are in Redis at once, so that this is what the last of them find there.
        calls = [double.spawn(number) for number in range(start, start + BATCH)]
        assert gather(*calls) == [2 * number for number in range(start, start + BATCH)]


double.wait_ready()
assert gather(*[double(n) and double.spawn(n) for n in range(1, 100)])
before = asyncio.run(weigh(lambda kept: kept > 0))
began = time.monotonic()
main(int(sys.argv[1]))
kept = asyncio.run(weigh(lambda kept: kept > 0))
assert time.monotonic() - began < TTL_S, "it took so long that some have gone already"
after = asyncio.run(weigh(lambda kept: kept == 0))
each = (kept - before) / int(sys.argv[1])
payload = len(double.codec.encode_result(2))
print(json.dumps({"each": each, "beyond": each - payload, "left": after - before}))
