"""Calls a function, which calls another, once for each number on standard input."""

import sys

import chalkcompute


@chalkcompute.function
def double(x: int) -> int:
    return 2 * x


@chalkcompute.function
def outer(x: int) -> int:
    return double(x) + 1


for line in sys.stdin:
    print(outer(int(line)), flush=True)
