"""Large values with no call between: the same bytes through files in memory, there and back."""

from __future__ import annotations

import mmap
import os
import tempfile
import time
from typing import Any

import numpy as np

__all__ = ["MOVED_MIB", "plain_s"]

#: Bytes of a large value, and MiB that are moved there and back.
_SIZE = 64 << 20
MOVED_MIB = 2 * _SIZE >> 20
_FOLDER = "/dev/shm"


def plain_s(times: int) -> list[float]:
    """Return the seconds, so many times, of what a call does with a large value.

    One process writes it, reads it in place, writes what comes of it, and reads that.
    """
    array, spent = np.random.default_rng(1).random(_SIZE // 8), list[float]()
    for _ in range(times):
        with tempfile.TemporaryDirectory(dir=_FOLDER if os.path.isdir(_FOLDER) else None) as folder:
            begun = time.perf_counter()
            there = _through(f"{folder}/there", array)
            back = _through(f"{folder}/back", there * 1)
            assert back[-1] == array[-1]
            spent.append(time.perf_counter() - begun)
    return spent


def _through(path: str, array: Any) -> Any:
    """Write an array into a file, and return it as it is read in place."""
    with open(path, "xb", buffering=0) as file:
        left = memoryview(array).cast("B")
        while left:
            left = left[file.write(left) :]
    with open(path, "rb") as file:
        mapped = mmap.mmap(file.fileno(), _SIZE, access=mmap.ACCESS_COPY)
    return np.frombuffer(mapped, array.dtype)
