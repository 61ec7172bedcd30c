"""A reader that stops reading, beside unary calls; prints latencies and how far it got."""

import json
import os
import statistics
import sys
import time
from pathlib import Path

import chalkcompute


@chalkcompute.function
def add(x: int, y: int) -> int:
    return x + y


@chalkcompute.function
def produce(upto: int, mark: str):
    for number in range(upto):
        with open(f"{mark}.new", "w") as file:
            file.write(str(number + 1))
        os.replace(f"{mark}.new", mark)
        yield number


#: Measurements of each kind, one after the other: the machine's own moods, which last for
#: seconds, meet both of a pair alike.
PAIRS = 7


def p99(count: int) -> float:
    """Return the 99th percentile of sequential calls, in seconds."""
    times = []
    for _ in range(count):
        begun = time.perf_counter()
        assert add(1, 2) == 3
        times.append(time.perf_counter() - begun)
    return sorted(times)[count * 99 // 100]


def stopped(mark: Path) -> int:
    """Return what a producer wrote last, once it has written nothing new for a quarter second."""
    last, since = "", time.monotonic()
    while time.monotonic() - since < 0.25:
        now = mark.read_text()
        if now != last:
            last, since = now, time.monotonic()
        time.sleep(0.01)
    return int(last)


def main(mark: str) -> None:
    add.wait_ready()
    produce.wait_ready()
    p99(300)
    alone, beside, ahead = [], [], []
    for _ in range(PAIRS):
        alone.append(p99(1_000))
        with produce(10_000, mark) as stream:
            next(stream)
            stopped(Path(mark))
            beside.append(p99(1_000))
            ahead.append(stopped(Path(mark)) - 1)
    ratios = [slow / fast for slow, fast in zip(beside, alone, strict=True)]
    found = {"alone": statistics.median(alone), "beside": statistics.median(beside)}
    print(json.dumps(found | {"ratio": statistics.median(ratios), "ahead": max(ahead)}))


main(sys.argv[1])
