"""Deploys by running: nothing here is called, and more workers than one are asked for."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import chalkcompute


@chalkcompute.function(name="shop.price")
def price(item: str, *, count: int = 1) -> int:
    """Be called by another script."""
    return len(item) * count


@chalkcompute.function
def catalogue(upto: int) -> Iterator[str]:
    """Be read by another script."""
    for number in range(upto):
        yield f"item {number}"


@chalkcompute.function(min_replicas=2)
def pair(number: int) -> int:
    """Have two workers."""
    return number


if len(sys.argv) > 1:
    pair.wait_ready()
    print(pair(int(sys.argv[1])))
