"""Every yield reaches the caller at once; a caller that stops reading stops the work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import chalkcompute


@chalkcompute.function
def primes() -> Iterator[int]:
    """Yield the primes, for as long as somebody listens."""
    found: list[int] = []
    number = 1
    while True:
        number += 1
        if all(number % prime for prime in found):
            found.append(number)
            yield number


@chalkcompute.function
async def countdown(seconds: int) -> AsyncIterator[str]:
    """Yield once a second, then fail: what was yielded before has arrived."""
    for left in range(seconds, 0, -1):
        yield f"{left} ..."
        await asyncio.sleep(1)
    raise RuntimeError("no rocket")


with primes() as stream:
    for prime in stream:
        print(prime, end=" ", flush=True)
        if prime > 50:
            break  # cancels the call: the worker's loop ends
print()

try:
    for line in countdown(3):
        print(line)
except RuntimeError as error:
    print(error)
