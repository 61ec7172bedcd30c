"""Slow rows mapped over two workers: which of them ran when, and where."""

from __future__ import annotations

import os
import time

import chalkcompute

SECONDS, ROWS = 0.4, 8


@chalkcompute.function(min_replicas=2, max_replicas=2)
def laze(n: int) -> tuple[int, float, float]:
    """Return whose process ran a row, and from when to when."""
    begun = time.time()
    time.sleep(SECONDS)
    return os.getpid(), begun, time.time()


def workers() -> int:
    """Return how many workers answer when each of as many calls takes a while."""
    return len({pid for pid, _, _ in laze.map(range(4))})


if __name__ == "__main__":
    laze.wait_ready()
    while workers() < 2:
        pass
    rows = list(laze.map(range(ROWS)))
    found = {pid: sorted(row[1:] for row in rows if row[0] == pid) for pid, _, _ in rows}
    print("rows of each worker", sorted(len(each) for each in found.values()))
    first = min(begun for _, begun, _ in rows)
    # One that waits behind another row, while the other worker is free, begins late.
    due = [first + SECONDS * (n // 2) for n in range(ROWS)]
    late = [begun - at > SECONDS / 2 for (_, begun, _), at in zip(rows, due, strict=True)]
    print("rows behind others", sum(late))
