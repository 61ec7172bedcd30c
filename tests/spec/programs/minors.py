"""Functions on another Python than their caller's and their neighbours'."""

from __future__ import annotations

import datetime
import decimal
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from enum import Enum

import chalkcompute
from chalkcompute import Image

image = Image.debian_slim(sys.argv[1] if len(sys.argv) > 1 else None)


class Colour(Enum):
    """Of a thing."""

    RED = 1


@dataclass
class Thing:
    """What the wire carries by its annotation."""

    name: str
    colour: Colour
    at: datetime.datetime


@chalkcompute.function
def here(thing: Thing) -> str:
    """Tell the name, on the stack's own Python."""
    return f"{thing.name} of {thing.colour.name}"


@chalkcompute.function(image=image)
def there(thing: Thing, more: dict[str, object]) -> tuple[list[str], Thing, dict[str, object]]:
    """Give back what came, and what the other Python says of it."""
    return [sys.version.split(" ")[0], here(thing)], thing, more


@chalkcompute.function(image=image)
def count(most: int) -> Iterator[int]:
    """Yield numbers."""
    yield from range(most)


@chalkcompute.function(image=image)
async def echo(texts: list[str]) -> AsyncIterator[str]:
    """Yield what another function yields."""
    for number in count(len(texts)):
        yield texts[number]


@chalkcompute.function(image=image)
def fail() -> None:
    """Raise."""
    raise LookupError("not here")


thing = Thing("cube", Colour.RED, datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC))
more = {"a": [1, None, 2.5, 1 << 80], "b": (decimal.Decimal("1.10"), uuid.UUID(int=7)), "c": {3}}
said, same, rest = there(thing, more)
print(*said, same == thing, rest == more, sep=" | ")
print(*echo(["one", "two"]), sep=" | ")
try:
    fail()
except chalkcompute.errors.RemoteError as error:
    print(error)
