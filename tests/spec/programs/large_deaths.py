"""A call with a large argument and a large result, of whose processes one is killed."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

import chalkcompute


@chalkcompute.function
def measure(values: np.ndarray) -> int:
    """Say how many values came."""
    time.sleep(0.2)
    return len(values)


@chalkcompute.function
def large_and_slow(values: np.ndarray, folder: str) -> np.ndarray:
    """Say that the run has begun; once it may go on, send the values on, and return them.

    Only a few where nobody is left to take them.
    """
    Path(folder, "begun").touch()
    while not Path(folder, "go").exists():
        time.sleep(0.01)
    assert measure(values) == len(values)
    return values[:1] if Path(folder, "few").exists() else values


sent = np.arange(1 << 20)
assert (large_and_slow(sent, sys.argv[1]) == sent).all()
print("whole")
