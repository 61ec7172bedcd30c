"""Functions mapped over inputs, in every way."""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
import time
from pathlib import Path

import chalkcompute
from chalkcompute import RemoteError, RemoteFunction

FOLDER = Path(sys.argv[1])


@chalkcompute.function
def thrice(n: int) -> int:
    """Return three times a number, if it is not negative."""
    if n < 0:
        raise ValueError(f"{n} is negative")
    return 3 * n


@chalkcompute.function
def hypotenuse(a: float, b: float, digits: int = 1) -> float:
    """Return the length of the third side."""
    return round((a * a + b * b) ** 0.5, digits)


@chalkcompute.function
async def doze_a_little(n: int) -> int:
    """Return a number after a while."""
    await asyncio.sleep(0.3)
    return n


@chalkcompute.function(concurrency=2, options={"concurrency": "processes"})
def doze_and_tell(n: int) -> int:
    """Return whose process it was, after a while."""
    time.sleep(0.3)
    return os.getpid()


@chalkcompute.function
def mark_and_doze(folder: str, n: int) -> int:
    """Leave a mark, and take a while; the third is in no state to go on."""
    Path(folder, f"mark-{n}").touch()
    if n == 2:
        raise RuntimeError("the third")
    time.sleep(0.05)
    return n


@chalkcompute.function(retries=chalkcompute.RetryPolicy.linear(attempts=2, delay=0.05))
def fail_first(n: int) -> int:
    """Fail the first time for each third number."""
    if n % 3 == 0 and not chalkcompute.get_call_context().attempt:
        raise ValueError("not yet")
    return n


@chalkcompute.function
def sum_of_thirds(upto: int) -> int:
    """Map in a worker."""
    return sum(thrice.map(range(upto)))


@chalkcompute.function
async def sum_of_thirds_async(upto: int) -> int:
    """Map in a worker's event loop, both ways."""
    total = 0
    async for each in thrice.map(range(upto), order_outputs=False):
        total += each
    return total + sum(thrice.map(range(upto)))


def order() -> None:
    """Results come in the order of the input, or not."""
    assert list(thrice.map(range(20_000))) == [3 * n for n in range(20_000)]
    found = list(thrice.map(range(5_000), order_outputs=False))
    print("ordered and unordered", sorted(found) == [3 * n for n in range(5_000)])
    print("two iterables", list(hypotenuse.map([3, 5, 8], itertools.count(4))))
    print("starmap", list(hypotenuse.starmap([(3, 4), (1, 1, 3)])))
    print("by name", list(RemoteFunction.from_name("thrice").map([1, 2])))


def failures() -> None:
    """The first failure ends the map, unless failures are values."""
    results = thrice.map([1, 2, -1, 3])
    print(next(results), next(results))
    try:
        next(results)
    except RemoteError as error:
        print("row", error.row, error, "|", error.__notes__[-1], "| then", list(results))
    kept = [str(each) for each in thrice.map([1, -2, 3, -4], return_exceptions=True)]
    print("kept", kept)
    try:
        list(mark_and_doze.starmap((str(FOLDER), n) for n in range(1_000)))
    except RemoteError as error:
        print("row", error.row, error)
    begun = len(list(FOLDER.glob("mark-*")))
    time.sleep(0.2)
    print("cancelled", begun < 20 and len(list(FOLDER.glob("mark-*"))) <= begun + 1)
    print("tried again", list(fail_first.map(range(7))))


def asked() -> None:
    """What options ask for is of each row: its time, and a name to see it by."""
    slow = doze_a_little.options(timeout=0.05, tags={"of": "map"})
    found = list(slow.map(range(3), return_exceptions=True))
    print("of each row", [type(each).__name__ for each in found])
    soon = doze_a_little.options(deadline=30, tags={"of": "map"})
    print("within a deadline", list(soon.map(range(3))))


def endless() -> None:
    """An endless input is read no further than need be."""
    numbers = itertools.count()
    print("first", list(itertools.islice(thrice.map(numbers), 5)), next(numbers) < 5_000)
    with thrice.map(itertools.count()) as results:
        for each in results:
            if each == 30_000:
                break
    print("left", each)


def side_by_side() -> None:
    """Slow rows are not packed: whoever is free takes the next one."""
    began = time.monotonic()
    processes = list(doze_and_tell.map(range(8)))
    print("side by side", len(set(processes)), time.monotonic() - began < 2.3)


async def loop() -> None:
    """Read in a script's own event loop."""
    began = time.monotonic()
    print("async for", [each async for each in doze_a_little.map(range(12))])
    print("together", time.monotonic() - began < 3)


def main() -> None:
    """Do all of it."""
    order()
    failures()
    asked()
    endless()
    doze_and_tell.wait_ready()
    side_by_side()
    asyncio.run(loop())
    wanted = 3 * sum(range(3_000))
    print("nested", sum_of_thirds(3_000) == wanted, sum_of_thirds_async(3_000) == 2 * wanted)


main()
