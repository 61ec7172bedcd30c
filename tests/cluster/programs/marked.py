"""A function whose calls leave marks in the file of their worker; a test fills in the rest."""

import os
import time
from pathlib import Path

import chalkcompute

ANSWER = 1
LEAST, MOST = 0, 1


@chalkcompute.function(min_replicas=LEAST, max_replicas=MOST, suspend_cooldown_period=2)
def marked(folder: str, number: int, for_s: float) -> list[int]:
    """Take a while; return what the source says, and the number."""
    with Path(folder, os.environ["NOMAD_ALLOC_ID"]).open("a", buffering=1) as file:
        file.write(f"begin {number} {time.time()}\n")
        time.sleep(for_s)
        file.write(f"end {number} {time.time()}\n")
    return [ANSWER, number]
