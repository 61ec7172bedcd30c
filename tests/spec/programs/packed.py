"""Calls of packed rows, as they go between a session and the workers."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from typing import Any

import chalkcompute
from chalkcompute import get_call_context, runtime


def outcomes(function: Any, rows: list[Any], size: int) -> Iterator[Any]:
    """Yield what becomes of each row: its value, or the type and message of its failure."""
    session, target, codec = runtime.current_session(), function._locate(), function.codec.rows
    calls = [
        session.submit(target, codec.encode_columns([some]), rows=len(some), packed=True)
        for some in (rows[start : start + size] for start in range(0, len(rows), size))
    ]
    for call in calls:
        row = 0
        while call.chunks or call.outcome is None:
            session.park(call, None)
            while call.chunks:
                block = codec.read_block(call.chunks.popleft(), row)
                row += len(block.values)
                for at, value in enumerate(block.values):
                    failure = block.failures.get(at)
                    yield value if failure is None else f"{failure['exception_type']}: {at}"
        assert call.outcome is not None
        if not call.outcome.exhausted:
            yield dict(call.outcome.failure or {})["message"]


@chalkcompute.function
def halve(number: int) -> float:
    """Be a function with typed columns."""
    return 1 / number / 2 if number < 3 else number / 2


@chalkcompute.function
async def doze(seconds: float) -> float:
    """Be an async function."""
    await asyncio.sleep(seconds)
    return seconds


@chalkcompute.function
def shapes(thing):
    """Have no annotations."""
    return thing


@chalkcompute.function
def nested(count: int) -> float:
    """Call rows from within a worker."""
    return sum(outcomes(halve, list(range(1, count)), 10))


@chalkcompute.function
def large(size: int) -> bytes:
    """Return so many bytes."""
    return b"x" * size


@chalkcompute.function
def whose(number: int) -> str:
    """Tell by which call a row runs."""
    return get_call_context().call_id


@chalkcompute.function(timeout=0.5)
def late(seconds: float) -> float:
    """Take so long."""
    time.sleep(seconds)
    return seconds


if __name__ == "__main__":
    print(list(outcomes(halve, [2, 0, 4, 6], 3)))
    began = time.monotonic()
    print(list(outcomes(doze, [0.3] * 20 + [0.0], 21)) == [0.3] * 20 + [0.0])
    print("together", time.monotonic() - began < 3)
    things = [{"a": 1}, {"b": [2]}, None, 2**70, (1, "x")]
    print(list(outcomes(shapes, things, 5)) == things)
    print(nested(100))
    sizes = [300_000, 0, 700_000, 5, 9_000_000]
    print([len(value) for value in outcomes(large, sizes, 5)] == sizes)
    print(len(set(outcomes(whose, [1, 2, 3, 4], 2))), "calls")
    print(list(outcomes(late, [0.15, 0.0, 60.0], 3)))
    many = list(range(3, 300_000))
    print(list(outcomes(halve, many, 100_000)) == [number / 2 for number in many])
    sys.stdout.flush()
