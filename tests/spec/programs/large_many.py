"""Many large calls, one after the other."""

from __future__ import annotations

import sys

import numpy as np

import chalkcompute


@chalkcompute.function
def large_again(values: np.ndarray) -> np.ndarray:
    """Return new values, as many as came."""
    return values * 1


values = np.arange(int(sys.argv[2]) << 17, dtype=np.float64)
for _ in range(int(sys.argv[1])):
    assert large_again(values)[-1] == values[-1]
print("done")
