"""Calls a function once."""

import chalkcompute


@chalkcompute.function
def answer(number: int) -> int:
    return 6 * number


print(answer(7))
