"""Calls functions that do not return: of one worker on a loop, of one in threads."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import chalkcompute

#: Seconds for which nobody waits here.
FOR_EVER = 600


@chalkcompute.function
async def on_a_loop(folder: str) -> None:
    """Wait, and note that it came to an end."""
    Path(folder, "on_a_loop.begun").touch()
    try:
        await asyncio.sleep(FOR_EVER)
    finally:
        Path(folder, "on_a_loop.over").touch()


@chalkcompute.function(concurrency=2)
def in_a_thread(folder: str) -> None:
    """Wait in a thread, whose process goes when it is given up."""
    Path(folder, "in_a_thread.begun").touch()
    time.sleep(FOR_EVER)


async def main() -> None:
    """Wait for both."""
    await asyncio.gather(*(each.aio(sys.argv[1]) for each in (on_a_loop, in_a_thread)))


asyncio.run(main())
