"""Makes a nested call, a stream and a map; prints what comes of each."""

import chalkcompute


@chalkcompute.function
def double(x: int) -> int:
    return 2 * x


@chalkcompute.function
def outer(x: int) -> int:
    return double(x) + 1


@chalkcompute.function
def count(to: int):
    yield from range(to)


print(outer(20))
print(list(count(3)))
print(list(double.map(range(5))))
