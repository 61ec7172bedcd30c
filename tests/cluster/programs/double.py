"""One function, one call."""

import chalkcompute


@chalkcompute.function
def double(number: int) -> int:
    return number * 2


print(double(21))
