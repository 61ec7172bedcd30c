"""Functions for commands to deploy and call; run as a script it calls them itself."""

from __future__ import annotations

import sys

import chalkcompute

FACTOR = 10


@chalkcompute.function
def commanded_scale(n: int, by: float = 2.0, *, negate: bool = False) -> float:
    """Scale a number."""
    return -n * by if negate else n * by


@chalkcompute.function
async def commanded_count(to: int, words: list[str] | None = None):
    for n in range(to):
        yield {"n": n * FACTOR, "words": words}


@chalkcompute.function
def commanded_set(n, m):
    return {n // m}


def main(n: int = 2):
    print("local", sum(each["n"] for each in commanded_count(n)))


print("called", commanded_scale(1))
FACTOR = 11
if __name__ == "__main__":
    print("guarded", file=sys.stderr)
