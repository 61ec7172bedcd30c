"""Single values: every way to call, from plain code and from an event loop."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import chalkcompute

STEP = 10


class Colour(Enum):
    """An enum that a worker rebuilds from the script."""

    RED = "red"


@dataclass
class Point:
    """A class that a worker rebuilds from the script."""

    x: int
    y: float


def scaled(number: int) -> int:
    """Help a function; it is shipped because a function reaches it."""
    return number * STEP


@chalkcompute.function
def add(x: int, y: int) -> int:
    """Add, as in the specification."""
    return x + y


@chalkcompute.function(name="greeter", env={"GREETING": "hello"})
def greet(who: str, *more: str, mark: str = "!", **extra: int) -> str:
    """Take arguments of every kind."""
    import os

    return f"{os.environ['GREETING']} {', '.join([who, *more])}{mark} {extra}"


@chalkcompute.function
async def later(number: int) -> int:
    """Wait, then return."""
    await asyncio.sleep(0.01)
    return scaled(number)


@chalkcompute.function
def echo(value: Any) -> Any:
    """Return what came."""
    return value


@chalkcompute.function
def mirror(point: Point, colour: Colour) -> tuple[Colour, Point]:
    """Take and return classes of the script."""
    return colour, Point(point.x + 1, -point.y)


async def main() -> None:
    """Call from an event loop."""
    print("aio", await add.aio(3, 5), await later.aio(4))
    print("gather", await asyncio.gather(*(later.aio(number) for number in range(20))))


add.wait_ready()
print("call", add(3, 5))
print("remote", add.remote(3, y=5))
print("local", add.local(3, 5))
print("named", greet("you", "me", mark="?", n=1), greet.name)
print("async", later(4))
print("local async", asyncio.run(later.local(4)))
print("classes", mirror(Point(1, 2.5), Colour.RED))
asyncio.run(main())

values: list[Any] = [
    None, True, 2**80, 1.5, "text", b"bytes", [1, "two", None], (1, (2,)), {"a": {1: [2]}},
    [{"a": 1}, {"b": 2}], {1, 2}, datetime(2024, 5, 6, tzinfo=UTC), Decimal("1.10"),
]  # fmt: skip
for value in values:
    back = echo(value)
    assert (type(back), back) == (type(value), value), (value, back)
print("values", len(values))
