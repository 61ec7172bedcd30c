"""Define a function, run this file, and the function runs in a worker."""

from __future__ import annotations

import os

import chalkcompute


@chalkcompute.function
def add(x: int, y: int) -> int:
    """Return the sum."""
    return x + y


@chalkcompute.function
def where() -> str:
    """Say which process runs this."""
    return f"process {os.getpid()}"


add.wait_ready()
print(add(3, 5))
print(f"called from process {os.getpid()}, ran in {where()}")

try:
    add(3, "5")  # type: ignore[arg-type]  # the point: refused here, before anything is sent
except TypeError as error:
    print(error)
