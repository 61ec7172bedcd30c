"""Calls that are cancelled: in the queue, at work, in threads, with calls of their own."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import chalkcompute
from chalkcompute import Call, get_call_context
from chalkcompute.errors import CallCancelledError, CallTimeoutError

#: Seconds for which nobody waits here.
FOR_EVER = 600
#: Seconds that nothing here should take, on a machine however busy.
SOON_S = 5
#: Calls whose cancellation is measured.
MEASURED = 60
#: Seconds that `hurry` may take; how far into them its neighbour begins.
LIMIT_S, LATER_S = 2.0, 1.2


def begin(folder: str, name: str) -> None:
    """Note that a call has begun, each time."""
    with Path(folder, f"{name}.begun").open("a") as file:
        file.write(".")


def end(folder: str, name: str) -> None:
    """Note that the code of a call comes to its end."""
    Path(folder, f"{name}.over").touch()


def linger(folder: str, name: str) -> int:
    """Go on until a file is there; say whose process this is."""
    begin(folder, name)
    while not Path(folder, f"{name}.go").exists():
        time.sleep(0.005)
    return os.getpid()


@chalkcompute.function
async def hold(folder: str, name: str) -> None:
    """Wait as async code does."""
    begin(folder, name)
    try:
        await asyncio.sleep(FOR_EVER)
    finally:
        end(folder, name)


@chalkcompute.function
async def stay(folder: str, name: str) -> int:
    """Wait beside others until a file is there."""
    begin(folder, name)
    while not Path(folder, f"{name}.go").exists():
        await asyncio.sleep(0.005)
    return get_call_context().attempt


@chalkcompute.function
def hold_plainly(folder: str, name: str) -> None:
    """Wait as sync code does, which a signal interrupts."""
    begin(folder, name)
    try:
        time.sleep(FOR_EVER)
    finally:
        end(folder, name)


@chalkcompute.function(concurrency=3)
def hold_in_threads(folder: str, name: str) -> int:
    """Wait in a thread, which nothing interrupts, or until a file is there."""
    if name != "stuck":
        return linger(folder, name)
    begin(folder, name)
    time.sleep(FOR_EVER)
    return 0


@chalkcompute.function(concurrency=2, timeout=LIMIT_S)
def hurry(folder: str, name: str) -> int:
    """Do the same within a time."""
    return linger(folder, name)


@chalkcompute.function
async def above(folder: str, name: str) -> None:
    """Wait for a call."""
    await hold.aio(folder, name)


@chalkcompute.function
def above_plainly(folder: str, name: str) -> None:
    """Wait for a call on the main thread."""
    hold(folder, name)


@chalkcompute.function(concurrency=2)
def above_in_threads(folder: str, name: str) -> None:
    """Wait for a call in a thread."""
    hold(folder, name)


class Sent:
    """A call that can be cancelled and then waited for."""

    def __init__(self, function: Any, *args: Any) -> None:
        self._call: Call[Any] = function.spawn(*args)

    def cancel(self) -> float:
        """Cancel it; return after how many seconds its caller knew of its end."""
        at = time.monotonic()
        self._call.cancel()
        try:
            self._call.get()
        except CallCancelledError:
            return time.monotonic() - at
        raise AssertionError("it was not cancelled")

    def value(self) -> Any:
        """Return what it returns."""
        return self._call.get()


def until(true: Callable[[], object]) -> float:
    """Return after how many seconds it is true."""
    at = time.monotonic()
    while not true():
        time.sleep(0.002)
    return time.monotonic() - at


def worst(figures: list[float]) -> int:
    """Return the 99th of 100 in milliseconds."""
    return round(sorted(figures)[int(len(figures) * 0.99)] * 1000)


def in_the_queue(folder: Path) -> None:
    """Cancel calls that wait for a worker; print how long that took, and which of them ran."""
    first = Sent(hold_plainly, str(folder), "first")
    until((folder / "first.begun").exists)
    waiting = [Sent(hold_plainly, str(folder), f"{number}") for number in range(MEASURED)]
    print(worst([each.cancel() for each in waiting]))
    first.cancel()
    print(until((folder / "first.over").exists) < SOON_S)
    last = Sent(hold_plainly, str(folder), "last")
    until((folder / "last.begun").exists)
    last.cancel()
    print(*sorted(path.stem for path in folder.glob("*.begun")))


def on_a_loop(folder: Path) -> None:
    """Cancel running coroutines one by one; print how long that took, and who was left alone."""
    neighbour = Sent(stay, str(folder), "neighbour")
    held = [Sent(hold, str(folder), f"{number}") for number in range(MEASURED)]
    for number in range(MEASURED):
        until((folder / f"{number}.begun").exists)
    seen, stopped = [], []
    for number, each in enumerate(held):
        seen.append(each.cancel())
        stopped.append(seen[-1] + until((folder / f"{number}.over").exists))
    print(worst(seen))
    print(worst(stopped))
    (folder / "neighbour.go").touch()
    print(neighbour.value(), (folder / "neighbour.begun").read_text())


def in_a_thread(folder: Path) -> None:
    """Cancel one of three threads; print what becomes of it, its neighbours and their process."""
    stuck = Sent(hold_in_threads, str(folder), "stuck")
    neighbours = [Sent(hold_in_threads, str(folder), name) for name in ("a", "b")]
    for name in ("stuck", "a", "b"):
        until((folder / f"{name}.begun").exists)
    print(worst([stuck.cancel()]))
    (folder / "later.go").touch()
    new = hold_in_threads(str(folder), "later")
    for name in ("a", "b"):
        (folder / f"{name}.go").touch()
    (old,) = {each.value() for each in neighbours}
    print("another process", new != old)
    print("begun once", (folder / "a.begun").read_text() == (folder / "b.begun").read_text() == ".")
    until(lambda: not Path("/proc", str(old)).exists())
    (folder / "last.go").touch()
    print("one remains", hold_in_threads(str(folder), "last") == new)


def out_of_time(folder: Path) -> None:
    """Let one of two threads take too long; print what becomes of both."""
    stuck, began = Sent(hurry, str(folder), "slow"), time.monotonic()
    until((folder / "slow.begun").exists)
    until(lambda: time.monotonic() > began + LATER_S)
    neighbour = Sent(hurry, str(folder), "neighbour")
    until((folder / "neighbour.begun").exists)
    try:
        stuck.value()
    except CallTimeoutError as error:
        print(error)
    (folder / "neighbour.go").touch()
    (folder / "later.go").touch()
    old, new = neighbour.value(), hurry(str(folder), "later")
    print("another process", new != old)


def with_calls_below(folder: Path) -> None:
    """Cancel calls that wait for one of their own; print whether that ended as well."""
    for function in (above, above_plainly, above_in_threads):
        name = function.name
        parent = Sent(function, str(folder), name)
        until((folder / f"{name}.begun").exists)
        took = parent.cancel()
        print(name, took + until((folder / f"{name}.over").exists) < SOON_S)


def awaited(folder: Path) -> None:
    """Cancel the task that awaits a call; print what it hears, and whether the call ended."""

    async def leave() -> None:
        task = asyncio.ensure_future(hold.aio(str(folder), "awaited"))
        await asyncio.to_thread(until, (folder / "awaited.begun").exists)
        task.cancel()
        [problem] = await asyncio.gather(task, return_exceptions=True)
        print(type(problem).__name__)

    asyncio.run(leave())
    print(until((folder / "awaited.over").exists) < SOON_S)


VERBS = (in_the_queue, on_a_loop, in_a_thread, out_of_time, with_calls_below, awaited)
with tempfile.TemporaryDirectory() as scratch:
    {each.__name__: each for each in VERBS}[sys.argv[1]](Path(scratch))
