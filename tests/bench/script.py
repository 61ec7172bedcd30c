"""The script that calls: reads what to do from standard input, answers on standard output.

Both are lines of JSON. It is run by `caller` on a stack of the benchmark's own.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow

import chalkcompute
from chalkcompute import DataFrame, F, _
from tests.bench import column


@chalkcompute.function
def add(x: int, y: int) -> int:
    """Return the sum."""
    return x + y


@chalkcompute.function
def count(upto: int) -> Iterator[dict[str, Any]]:
    """Yield so many small dicts."""
    for number in range(upto):
        yield {"i": number, "s": "x"}


@chalkcompute.function
def increment(n: int) -> int:
    """Return the next number."""
    return n + 1


@chalkcompute.function
def clean(text: str) -> str:
    """Return what `column.clean` does."""
    return text.upper()[:12]


@chalkcompute.function(suspend_cooldown_period=0.5)
def rest(x: int) -> int:
    """Return the next number; nothing calls it for long, and so it has no worker."""
    return x + 1


def cold(calls: int) -> dict[str, Any]:
    """Call what has no worker; return the seconds of each."""
    times: list[float] = []
    for number in range(calls):
        begun = time.perf_counter()
        value = rest(number)
        times.append(time.perf_counter() - begun)
        assert value == number + 1
    return {"times": times}


def sequential(calls: int) -> dict[str, Any]:
    """Call one after the other; return the seconds of each."""
    times: list[float] = []
    for _number in range(calls):
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


@chalkcompute.function
def again(array: Any) -> Any:
    """Return an array of the same values."""
    return array * 1


def large(calls: int) -> dict[str, Any]:
    """Send an array of 64 MiB and read what comes back; return the seconds of each.

    The first call is not counted: its worker imports numpy.
    """
    import numpy as np

    array = np.random.default_rng(1).random(8 << 20)
    times: list[float] = []
    for number in range(calls + 1):
        begun = time.perf_counter()
        got = again(array)
        assert got[-1] == array[-1]
        if number:
            times.append(time.perf_counter() - begun)
        del got
    return {"times": times}


def mapped(rows: int) -> dict[str, Any]:
    """Map over a column of Arrow; return the seconds of that, and of a loop in this process."""
    column: Any = pyarrow.array(range(rows))
    begun = time.perf_counter()
    wanted: Any = pyarrow.array([increment.local(n) for n in column.to_pylist()])
    plain = time.perf_counter() - begun
    begun = time.perf_counter()
    came: Any = pyarrow.array(list(increment.map(column.to_pylist())))
    seconds = time.perf_counter() - begun
    assert came.equals(wanted)
    return {"seconds": seconds, "plain": plain}


def framed(file: str) -> dict[str, Any]:
    """Call a function for each row of a file; return the seconds of that, and of a plain loop."""
    plain = column.loop_s(file)
    begun = time.perf_counter()
    frame = DataFrame.scan(file).project({column.COLUMN: F.catalog_call(clean, _[column.COLUMN])})
    came = frame.to_arrow()
    seconds = time.perf_counter() - begun
    assert column.is_clean(file, came)
    return {"seconds": seconds, "plain": plain}


def main() -> None:
    """Wait for the workers, say so, and do what each line says."""
    verbs: dict[str, Callable[[Any], dict[str, Any]]] = {
        "sequential": sequential,
        "together": together,
        "stream": stream,
    }
    verbs |= {"large": large, "map": mapped, "framed": framed, "cold": cold}
    for each in (add, count, increment, clean):
        each.wait_ready()
    print(json.dumps({}), flush=True)
    for line in sys.stdin:
        verb, amount = json.loads(line)
        print(json.dumps(verbs[verb](amount)), flush=True)


if __name__ == "__main__":
    main()
