"""Calls of every form, as many of each as the first word says."""

from __future__ import annotations

import sys

import chalkcompute


@chalkcompute.function
def double(x: int) -> int:
    return x * 2


@chalkcompute.function
def upto(n: int):
    yield from range(n)


@chalkcompute.function
def nested(x: int) -> int:
    return double(x) + sum(upto(x % 3))


@chalkcompute.function
def size(data: bytes) -> bytes:
    return data + data


@chalkcompute.function
def fail(x: int) -> float:
    return x / 0


def main(count: int) -> None:
    for number in range(count):
        assert double(number) == 2 * number
        assert list(upto(5)) == [0, 1, 2, 3, 4]
        assert nested(number) == 2 * number + (number % 3 == 2)
        with upto(1_000_000) as stream:
            assert next(stream) == 0
        try:
            fail(number)
        except RuntimeError:
            continue
        raise AssertionError("a failure was not raised")
    assert len(size(bytes(1 << 20))) == 2 << 20
    print("made", count)


main(int(sys.argv[1]))
