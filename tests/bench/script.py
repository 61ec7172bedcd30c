"""The script that calls: reads what to do from standard input, answers on standard output.

Both are lines of JSON. It is run by `caller` on a stack of the benchmark's own.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from typing import Any

import chalkcompute


@chalkcompute.function
def add(x: int, y: int) -> int:
    """Return the sum."""
    return x + y


@chalkcompute.function
def count(upto: int) -> Iterator[dict[str, Any]]:
    """Yield so many small dicts."""
    for number in range(upto):
        yield {"i": number, "s": "x"}


def sequential(calls: int) -> dict[str, Any]:
    """Call one after the other; return the seconds of each."""
    times: list[float] = []
    for _ in range(calls):
        begun = time.perf_counter()
        value = add(3, 5)
        times.append(time.perf_counter() - begun)
        assert value == 8
    return {"times": times}


async def gather(calls: int) -> list[int]:
    """Call many times at once."""
    return await asyncio.gather(*[add.aio(number, 1) for number in range(calls)])


def together(calls: int) -> dict[str, Any]:
    """Submit all calls together; return the seconds until all are answered."""
    begun = time.perf_counter()
    values = asyncio.run(gather(calls))
    seconds = time.perf_counter() - begun
    assert values == list(range(1, calls + 1))
    return {"seconds": seconds}


def stream(chunks: int) -> dict[str, Any]:
    """Read a stream; return the seconds of the first chunk and of all."""
    came: list[int] = []
    first = 0.0
    begun = time.perf_counter()
    for chunk in count(chunks):
        first = first or time.perf_counter() - begun
        came.append(chunk["i"])
    seconds = time.perf_counter() - begun
    assert came == list(range(chunks))
    return {"seconds": seconds, "first": first}


def main() -> None:
    """Wait for the workers, say so, and do what each line says."""
    verbs = {"sequential": sequential, "together": together, "stream": stream}
    add.wait_ready()
    count.wait_ready()
    print(json.dumps({}), flush=True)
    for line in sys.stdin:
        verb, number = json.loads(line)
        print(json.dumps(verbs[verb](number)), flush=True)


if __name__ == "__main__":
    main()
