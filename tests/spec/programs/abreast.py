"""Functions of which one worker runs several calls at once."""

from __future__ import annotations

import asyncio
import contextvars
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import chalkcompute
from chalkcompute import get_call_context

PROCESSES = {"concurrency": "processes"}
#: Seconds that a call waits for others: with nobody coming it must not keep a core for ever.
PATIENCE_S = 40
WHOSE: contextvars.ContextVar[str] = contextvars.ContextVar("whose", default="nobody's")


def meet(folder: str, count: int) -> None:
    """Return when as many calls have come here, without giving the processor away."""
    Path(folder, f"{get_call_context().call_id}").touch()
    until = time.monotonic() + PATIENCE_S
    while len(os.listdir(folder)) < count:
        if time.monotonic() > until:
            raise TimeoutError(f"{len(os.listdir(folder))} of {count} calls came")


def facts(folder: str, count: int) -> list[Any]:
    """Say who this is, before and after others have said so."""
    before = WHOSE.get()
    WHOSE.set(get_call_context().call_id)
    print("first", get_call_context().call_id)
    meet(folder, count)
    started = threading.Thread(target=lambda: print("thread", get_call_context().call_id))
    started.start()
    started.join()
    print("last", WHOSE.get())
    return [os.getpid(), get_call_context().call_id, before, WHOSE.get()]


@chalkcompute.function(concurrency=3)
def in_threads(folder: str, count: int) -> list[Any]:
    """Run beside others in a thread."""
    return facts(folder, count)


@chalkcompute.function(concurrency=3, options=PROCESSES)
def in_processes(folder: str, count: int) -> list[Any]:
    """Run beside others in a process."""
    return facts(folder, count)


@chalkcompute.function
async def in_tasks(folder: str, count: int) -> list[Any]:
    """Run beside others on one loop."""
    before = WHOSE.get()
    WHOSE.set(get_call_context().call_id)
    print("first", get_call_context().call_id)
    Path(folder, get_call_context().call_id).touch()
    while len(os.listdir(folder)) < count:
        await asyncio.sleep(0)
    await asyncio.to_thread(lambda: print("thread", get_call_context().call_id))
    print("last", WHOSE.get())
    return [os.getpid(), get_call_context().call_id, before, WHOSE.get()]


@chalkcompute.function(concurrency=3)
def fib_threads(n: int) -> int:
    """Call itself, in threads of one worker."""
    return n if n < 2 else fib_threads(n - 1) + fib_threads(n - 2)


@chalkcompute.function(concurrency=2, options=PROCESSES)
def fib_processes(n: int) -> int:
    """Call itself, in processes of one worker."""
    return n if n < 2 else fib_processes(n - 1) + fib_processes(n - 2)


@chalkcompute.function(concurrency=3)
def fan(n: int) -> list[int]:
    """Make calls from several threads at once, on behalf of one of several calls."""
    with ThreadPoolExecutor(3) as pool:
        return list(pool.map(fib_threads, range(n)))


@chalkcompute.function(concurrency=2)
def many() -> Iterator[int]:
    """Yield more than any window holds."""
    yield from range(100_000)


@chalkcompute.function(concurrency=2)
def few() -> Iterator[int]:
    """Yield a little, in a worker whose other slot waits for its reader."""
    yield from range(3)


async def together(function: Any, count: int) -> list[list[Any]]:
    """Have as many calls meet; return what each says."""
    with tempfile.TemporaryDirectory() as folder:
        return list(await asyncio.gather(*(function.aio(folder, count) for _ in range(count))))


def overlap(function: Any) -> None:
    """Say of how many processes three calls were, and print their ids."""
    said = asyncio.run(together(function, 3))
    print(len({pid for pid, *_ in said}), *sorted({each[2] for each in said}))
    for _, call, _, after in said:
        assert call == after
        print(call)


def nest() -> None:
    """Make calls that call themselves, several at once."""

    async def all_at_once() -> None:
        calls = [each.aio(9) for each in (fib_threads, fib_processes) for _ in range(4)]
        print(*await asyncio.gather(*calls))
        print(*await asyncio.gather(*(fan.aio(6) for _ in range(4))))

    asyncio.run(all_at_once())


def read_slowly() -> None:
    """Leave a stream unread, and read another one of the same function, and of its like."""
    slow = many()
    print(next(slow))
    other = many()
    print([next(other) for _ in range(1000)][-1])
    other.close()
    print(list(few()))
    print(sum(1 for _ in slow))


def serve(name: str, folder: str) -> None:
    """Have three calls meet with one that the test makes; print what becomes of them."""

    async def wait() -> None:
        function = {"processes": in_processes, "threads": in_threads}[name]
        calls = [asyncio.ensure_future(function.aio(folder, 4)) for _ in range(3)]
        for each in await asyncio.gather(*calls):
            print(each[0])

    asyncio.run(wait())


def main(verb: str, *words: str) -> None:
    """Do one thing."""
    if verb == "overlap":
        overlap({"threads": in_threads, "processes": in_processes, "tasks": in_tasks}[words[0]])
    else:
        verbs: dict[str, Any] = {"nest": nest, "read_slowly": read_slowly, "serve": serve}
        verbs[verb](*words)


main(*sys.argv[1:])
