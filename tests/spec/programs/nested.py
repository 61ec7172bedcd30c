"""Functions that call functions: bare calls and awaited ones, in every kind of function."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import chalkcompute


@chalkcompute.function
def translate(text: str, language: str) -> str:
    """Return one value."""
    return f"{text} ({language})"


@chalkcompute.function
async def transcribe(audio: str) -> AsyncIterator[dict[str, object]]:
    """Yield segments."""
    for number, word in enumerate(audio.split()):
        yield {"start": float(number), "text": word}


@chalkcompute.function
async def transcribe_and_translate(audio: str, language: str) -> AsyncIterator[dict[str, object]]:
    """Call both from an async generator, as the specification does."""
    translate.wait_ready()
    async for segment in transcribe(audio):
        yield {**segment, "translated": translate(str(segment["text"]), language)}


@chalkcompute.function
def both(audio: str) -> Iterator[str]:
    """Read a stream and call from a plain generator."""
    for segment in transcribe(audio):
        yield translate(str(segment["text"]), "fr")


@chalkcompute.function
async def bare(texts: list[str]) -> list[str]:
    """Make bare calls inside `async def`, beside awaited ones; the loop goes on meanwhile."""
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0)
            ticks += 1

    ticking = asyncio.create_task(tick())
    first = [translate(text, "de") for text in texts]
    rest = await asyncio.gather(*(translate.aio(text, "es") for text in texts))
    ticking.cancel()
    return [*first, *rest, "ticked" if ticks else "stood still"]


@chalkcompute.function
def fib(n: int) -> int:
    """Call itself, twice."""
    return n if n < 2 else fib(n - 1) + fib(n - 2)


@chalkcompute.function
async def fall(n: int) -> int:
    """Call itself from `async def`, with a bare call."""
    return 0 if n == 0 else 1 + fall(n - 1)


@chalkcompute.function
async def walk(n: int) -> AsyncIterator[int]:
    """Read its own stream from an async generator."""
    yield n
    if n:
        async for below in walk(n - 1):
            yield below


@chalkcompute.function
def even(n: int) -> bool:
    """Call the one below, which calls this one."""
    return n == 0 or odd(n - 1)


@chalkcompute.function
def odd(n: int) -> bool:
    """Call the one above."""
    return n != 0 and even(n - 1)


@chalkcompute.function
def bottomless(n: int) -> int:
    """Call itself until that is refused; say which depth that was."""
    try:
        return bottomless(n + 1)
    except RecursionError:
        return n


transcribe_and_translate.wait_ready()
for segment in transcribe_and_translate("hello world", language="es"):
    print(segment["start"], segment["text"], segment["translated"])
print("generator", list(both("good day")))
print("bare", bare(["a", "b"]))
print("fib", fib(9))
print("fall", fall(10))
print("walk", list(walk(5)))
print("even", even(7), even(8))
print("levels", bottomless(1))
