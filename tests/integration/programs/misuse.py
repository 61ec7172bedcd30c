"""Use functions wrongly; print what came of it as one line of JSON.

The first word names the misuse. A good call follows it: nothing may be lost.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from typing import Any

import chalkcompute
from chalkcompute import FnqError, RemoteFunction


@chalkcompute.function
def add(x: int, y: int = 0) -> int:
    return x + y


@chalkcompute.function
def die(how: str) -> str:
    import ctypes

    if how == "segfault":
        ctypes.string_at(0)
    elif how == "exit":
        os._exit(3)
    elif how == "sys.exit":
        sys.exit("enough")
    elif how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    return "alive"


@chalkcompute.function
async def die_async(how: str) -> str:
    return die.local(how)


@chalkcompute.function
def die_between(how: str):
    yield "begun"
    yield die.local(how)


@chalkcompute.function
def length(data: bytes, name: str = "") -> int:
    return len(data)


@chalkcompute.function
def echo(value: Any) -> Any:
    return value


@chalkcompute.function
def secretive() -> Any:
    return threading.Lock()


@chalkcompute.function
def leaky():
    yield 1
    yield threading.Lock()


def huge() -> int:
    return length(bytes((256 << 20) + 1), name="n")


CASES = {
    "add": lambda: add(1, 2),
    "missing": add,
    "unknown": lambda: add(1, z=2),
    "too many": lambda: add(1, 2, 3),
    "type": lambda: add("one", 2),
    "lock": lambda: echo({"a": [threading.Lock()]}),
    "returned lock": secretive,
    "yielded lock": lambda: list(leaky()),
    "huge": huge,
    "nobody": lambda: RemoteFunction.from_name("nobody")(1),
    "nobody ready": lambda: RemoteFunction.from_name("nobody").wait_ready(),
    "version 99": lambda: RemoteFunction.from_name("add", 99)(1),
    **{f"die {how}": lambda how=how: die(how) for how in ("segfault", "exit", "sys.exit", "kill")},
    "die_async exit": lambda: die_async("exit"),
    "die_async sys.exit": lambda: die_async("sys.exit"),
    "die_between kill": lambda: list(die_between("kill")),
}


def report(misuse: str) -> dict[str, Any]:
    begun = time.monotonic()
    try:
        value = CASES[misuse]()
        return {"value": value, "seconds": time.monotonic() - begun}
    except (FnqError, TypeError, ValueError) as problem:
        return {
            "type": type(problem).__name__,
            "builtin": [base.__name__ for base in type(problem).__mro__],
            "module": type(problem).__module__,
            "text": str(problem),
            "notes": getattr(problem, "__notes__", []),
            "reason": getattr(problem, "reason", ""),
            "detail": getattr(problem, "detail", {}),
            "seconds": time.monotonic() - begun,
        }


def again(misuse: str) -> Any:
    """Make a good call after it, of the function that died if one did."""
    if misuse.startswith("die_async"):
        return die_async("not")
    if misuse.startswith("die_between"):
        return list(die_between("not"))
    return die("not") if misuse.startswith("die") else add(2, 3)


if len(sys.argv) > 2:
    add.wait_ready()
print(json.dumps(report(sys.argv[1])))
if len(sys.argv) > 2:
    print(json.dumps(again(sys.argv[1])))
