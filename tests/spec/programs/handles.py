"""Calls that outlive their callers: what is asked of them, in one process and in several.

The first word says what to do; a second one is the id of a call.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator

import chalkcompute
from chalkcompute import Call, as_completed, gather
from chalkcompute.errors import CallCancelledError, FnqError, RemoteError

#: Seconds in which a call that is cancelled has its end: much less than its process may take.
QUICK_S = 2.0


@chalkcompute.function(name="handles-double")
def double(number: int) -> int:
    """Return twice the number."""
    return 2 * number


@chalkcompute.function(name="handles-brief", result_ttl=1)
def brief(number: int) -> int:
    """Return the number, which is not kept for long."""
    return number


@chalkcompute.function(name="handles-divide")
def divide(number: int) -> float:
    """Fail for 0."""
    return 1 / number


@chalkcompute.function(name="handles-nap")
def nap(seconds: float) -> str:
    """Take a while, and say so."""
    print("it naps", flush=True)
    time.sleep(seconds)
    return "rested"


@chalkcompute.function(name="handles-count")
def count(upto: int) -> Iterator[int]:
    """Yield the numbers below."""
    for number in range(upto):
        time.sleep(0.002)
        yield number


@chalkcompute.function(name="handles-parent")
def parent(number: int) -> list[str]:
    """Spawn calls, wait for one and leave the other."""
    left = nap.spawn(0.3)
    calls = [double.spawn(number), double.spawn(number + 1)]
    return [left.id, str(gather(*calls)), calls[0].status().state]


@chalkcompute.function(name="handles-async-parent")
async def async_parent(number: int) -> list[int]:
    """Spawn from a coroutine, and wait in each way."""
    call = double.spawn(number)
    chunks = [chunk async for chunk in count.spawn(3).stream()]
    return [await call, call.get(), *chunks, *[c.get() async for c in as_completed([call])]]


def told(ask: object) -> str:
    """Return what came of asking: a value, or an error's class and text."""
    assert callable(ask)
    try:
        return str(ask())
    except (FnqError, ValueError) as problem:
        kinds = [
            kind.__name__
            for kind in (LookupError, ValueError, TimeoutError)
            if isinstance(problem, kind)
        ]
        return " ".join((type(problem).__name__, *kinds))


def basics() -> None:
    """Wait for calls in every way."""
    call = double.spawn(4)
    print(repr(call) == f"<Call of handles-double, {call.id}>", call.get(), call.get(timeout=1))
    print(call.poll(), call.status().state, call.status().function)
    print(gather(*[double.defer(n) for n in range(4)]))
    print(sorted(each.get() for each in as_completed([double.spawn(n) for n in range(3)])))
    print(gather(divide.spawn(2), divide.spawn(0), return_exceptions=True)[0])
    print(told(lambda: gather(divide.spawn(0), nap.spawn(0.2))))
    try:
        divide.spawn(0).get()
    except RemoteError as error:
        print(error, error.function)

    async def all_of(calls: list[Call[int]]) -> list[int]:
        ended = [each.get() async for each in as_completed(calls)]
        assert sorted(ended) == await asyncio.gather(*calls)
        return sorted(ended)

    print(asyncio.run(all_of([double.spawn(n) for n in range(3)])))


def streams() -> None:
    """Read one generator many times, from several positions."""
    call = count.spawn(300)
    reader = call.stream()
    for number in reader:
        if number == 2:
            break
    print(number, list(call.stream()) == list(range(300)), list(call.stream(after=297)))
    print(list(Call.from_id(call.id).stream(after=299)), list(call.get())[-1], call.poll())


def cancels() -> None:
    """Cancel what runs and what waits; measure how long its end takes."""
    running, queued = nap.spawn(60), nap.spawn(60)
    while running.status().state != "running":
        pass
    print(queued.status().state, running.status().worker, running.logs())
    for call in (queued, running):
        began = time.monotonic()
        print(Call.from_id(call.id).cancel(), end=" ")
        try:
            call.get()
        except CallCancelledError:
            print(time.monotonic() - began < QUICK_S, call.cancel(), call.status().state)
    print(nap(0.01))


def ends() -> None:
    """Spawn calls that end in each way, and one that does not; print their ids."""
    calls = {"succeeded": double.spawn(1), "failed": divide.spawn(0), "running": nap.spawn(60)}
    gather(calls["succeeded"], calls["failed"], return_exceptions=True)
    while calls["running"].status().state != "running":
        pass
    for name, call in calls.items():
        print(name, call.id)


def keys() -> None:
    """Say twice that it is the same call."""
    once = nap.options(idempotency_key=str(time.time()), tags={"who": "me"})
    call = once.spawn(0.05)
    print(once.spawn(0.05).id == call.id, told(lambda: once.spawn(0.06)), once(0.05))
    print(call.status().tags, told(lambda: nap.spawn(0.5).get(timeout=0.01)))


def lifetimes() -> None:
    """Ask for what is there no more, what never was, and what is no id."""
    call = brief.spawn(1)
    value = call.get()
    other = call.id[:-1] + ("0" if call.id[-1] != "0" else "1")
    print(value, told(Call.from_id(other).get), told(lambda: Call.from_id("no id")))
    ended = time.monotonic()
    while (said := told(Call.from_id(call.id).get)) == "1":
        pass
    print(said, time.monotonic() - ended > 0.5, told(call.status))
    print(told(Call.from_id(other).cancel))


def nested() -> None:
    """Spawn inside of calls; what was left goes on after its parent."""
    left, values, state = parent(3)
    print(values, state, Call.from_id(left).get(timeout=5))
    print(async_parent(5))


if __name__ == "__main__":
    if sys.argv[1] == "spawn":
        print(double.spawn(21).id, count.spawn(5).id)
    elif sys.argv[1] == "leave":
        for number in range(500):
            last = double.spawn(number)
        print(last.id)
    else:
        globals()[sys.argv[1]]()
