"""Functions that take longer than they may."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator

import chalkcompute
from chalkcompute.errors import CallTimeoutError


@chalkcompute.function(timeout=0.5)
def doze(seconds: float) -> int:
    """Sleep as sync code does; return whose process it was."""
    time.sleep(seconds)
    return os.getpid()


@chalkcompute.function(timeout=0.5)
async def wait(seconds: float) -> int:
    """Sleep as async code does; return whose process it was."""
    await asyncio.sleep(seconds)
    return os.getpid()


@chalkcompute.function(timeout=0.5)
def count() -> Iterator[int]:
    """Yield one number in time, and none after."""
    yield 1
    time.sleep(60)
    yield 2


@chalkcompute.function(timeout=0.5)
def swallow() -> str:
    """Go on whatever happens."""
    try:
        time.sleep(60)
    except BaseException:  # noqa: BLE001 - as code does that hides whatever it meets
        return "nothing happened"
    return "slept"


for nap in (doze, wait):
    before = nap(0)
    began = time.monotonic()
    try:
        nap(60)
    except CallTimeoutError as error:
        print(type(error).__name__, "|", error)
    print("soon", time.monotonic() - began < 3, "same process", nap(0) == before)

try:
    for number in count():
        print("chunk", number)
except CallTimeoutError as error:
    print(error)

try:
    print(swallow())
except TimeoutError as error:
    print("swallowed", type(error).__name__)
