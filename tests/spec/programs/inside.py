"""What a function may do besides calling its mates: look up by name, wait, move large values."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from typing import Any

import chalkcompute
from chalkcompute import RemoteFunction, runtime


def made_slowly() -> threading.Lock:
    """Return what cannot travel, so that a worker makes its own; there it takes a while."""
    if runtime.in_worker():
        time.sleep(1.5)
    return threading.Lock()


LOCK = made_slowly()
#: Seconds within which a process that ends is seen to.
PATIENCE_S = 10


@chalkcompute.function
def measure(data: bytes) -> int:
    """Return the length of what came."""
    return len(data)


@chalkcompute.function
def produce(size: int) -> bytes:
    """Return a value of that size."""
    return b"x" * size


@chalkcompute.function
async def relay(size: int) -> tuple[int, int]:
    """Take a large value from one function and pass it on to another."""
    data = produce(size)
    return len(data), measure(data)


@chalkcompute.function
def by_name(name: str, value: Any, version: int | None) -> Any:
    """Call what another script deployed."""
    function = RemoteFunction.from_name(name, version)
    function.wait_ready()
    return function(value)


@chalkcompute.function
async def missing(name: str) -> str:
    """Look up what nobody deployed, and live."""
    try:
        RemoteFunction.from_name(name).wait_ready()
    except LookupError as problem:
        return f"{type(problem).__name__}: {problem}"
    return "found"


@chalkcompute.function
def slow(ends: bool = False) -> str:
    """Have a worker that takes long to import the function; let the process end after that."""
    with LOCK:
        if ends:
            threading.Timer(0.05, os._exit, [1]).start()
        return "slow"


@chalkcompute.function
async def impatient() -> str:
    """Wait for it not long enough, once it imports anew, and then as long as it takes."""
    slow(True)
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        try:
            slow.wait_ready(timeout=0.3)
        except TimeoutError as problem:
            return f"{type(problem).__name__}: {problem}; {slow()}"
        await asyncio.sleep(0.01)
    return "always ready"


name, value = sys.argv[1:]
print(by_name(name, value, None), by_name(name, value, 1))
print(missing("nobody.s"))
print(impatient())
for size in (1_000, 300_000, 5_000_000, 80_000_000):
    print(relay(size))
