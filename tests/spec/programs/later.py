"""A call that fails, waits for its next attempt, and is given up meanwhile.

The words on the command line are a file that shows how often it ran, and one that says
when to give up.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import chalkcompute
from chalkcompute import RetryPolicy


@chalkcompute.function(retries=RetryPolicy.linear(attempts=5, delay=30.0))
def later(runs: str) -> None:
    """Fail each time."""
    with Path(runs).open("a") as file:
        file.write("x")
    raise ValueError("not yet")


async def main(runs: str, gate: Path) -> None:
    """Call, and give up when the gate is open."""
    call = asyncio.create_task(later.aio(runs))
    while not gate.exists():
        await asyncio.sleep(0.01)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    print("cancelled", call.cancelled())


if __name__ == "__main__":
    later.wait_ready()
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
