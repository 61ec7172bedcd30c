"""What a call knows about itself, and about the call that made it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import chalkcompute
from chalkcompute import get_call_context


@chalkcompute.function
def inner() -> dict[str, Any]:
    """Return the facts of this call."""
    return facts()


@chalkcompute.function(name="outermost")
async def outer() -> list[dict[str, Any]]:
    """Return the facts of this call and of one below it."""
    return [facts(), inner(), facts()]


@chalkcompute.function
async def told() -> AsyncIterator[str]:
    """Yield the id of this call, before and after a nested one."""
    yield get_call_context().call_id
    inner()
    yield get_call_context().call_id


@chalkcompute.function
def told_plainly() -> Iterator[str]:
    """Do the same in a plain generator."""
    yield get_call_context().call_id
    inner()
    yield get_call_context().call_id


def facts() -> dict[str, Any]:
    """Return the facts of the call that runs this, wherever it is called from."""
    now = get_call_context()
    return {
        "call": now.call_id,
        "function": now.function,
        "version": now.version,
        "attempt": now.attempt,
        "parent": now.parent_call_id,
        "root": now.root_call_id,
        "depth": now.depth,
        "deadline": now.deadline,
    }


try:
    get_call_context()
except RuntimeError as problem:
    print("outside", str(problem).split(":", 1)[0])

alone = inner()
first, nested, again = outer()
print("names", alone["function"], first["function"], nested["function"])
print("versions", len({alone["version"], nested["version"]}), len(first["version"]))
print("attempts", alone["attempt"], first["attempt"], nested["attempt"])
print("parents", alone["parent"], first["parent"], nested["parent"] == first["call"])
print("roots", alone["root"] == alone["call"], nested["root"] == first["call"])
print("depths", alone["depth"], first["depth"], nested["depth"])
print("deadline", alone["deadline"], "unchanged", again == first)
for generator in (told, told_plainly):
    stream = generator()
    print("stream", set(stream) == {stream.call_id})
