"""Keep what is costly to make in a volume: the next call finds it, in whatever worker.

Run `python examples/cache.py` twice. The first time you see "made"; then, in this run and in
each later one, "found": the volume outlives workers, the script and the stack.
`fnq volume list` shows it, `fnq volume delete primes` begins anew.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import chalkcompute
from chalkcompute import Volume

CACHE = Path("/cache")


@chalkcompute.function(volumes=[(Volume("primes"), str(CACHE))])
def primes_below(below: int) -> tuple[str, int, float]:
    """Return whether the list of primes was made or found, its length, and the seconds taken."""
    began = time.monotonic()
    path = CACHE / f"{below}.json"
    if path.exists():
        found = json.loads(path.read_text())
        return "found", len(found), time.monotonic() - began
    sieve = [False, False] + [True] * (below - 2)
    for number in range(2, int(below**0.5) + 1):
        if sieve[number]:
            sieve[number * number :: number] = [False] * len(sieve[number * number :: number])
    found = [number for number, is_prime in enumerate(sieve) if is_prime]
    # Whole or not at all: other workers may look at the same moment.
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(found))
    unfinished.rename(path)
    return "made", len(found), time.monotonic() - began


for _ in range(2):
    how, count, seconds = primes_below(1_000_000)
    print(f"{how}: {count} primes in {seconds:.2f} s")
