"""Functions that call functions: each call goes through the queue, like any other."""

from __future__ import annotations

import asyncio

import chalkcompute


@chalkcompute.function
def longest(text: str) -> str:
    """Return the longest word."""
    return max(text.split(), key=len)


@chalkcompute.function
def fib(n: int) -> int:
    """Call itself twice; a caller that waits lends its slot, so one worker is enough."""
    return n if n < 2 else fib(n - 1) + fib(n - 2)


@chalkcompute.function
async def survey(texts: list[str]) -> dict[str, str]:
    """Ask for all the longest words at once, and wait for them together."""
    words = await asyncio.gather(*(longest.aio(text) for text in texts))
    return dict(zip(texts, words, strict=True))


lines = ["the quick brown fox", "jumped over", "the extraordinarily lazy dog"]
for line, word in survey(lines).items():
    print(f"{word:>18}  in  {line}")

print(f"fib(8) = {fib(8)}")
