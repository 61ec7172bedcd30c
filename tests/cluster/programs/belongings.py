"""Functions of which two share a volume, and one alone has a secret: put, get, own, other, wait."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import chalkcompute

NOTE = Path("/belongings/note")
KEPT = [(chalkcompute.Volume("kept"), str(NOTE.parent))]


@chalkcompute.function(volumes=KEPT)
def put(text: str) -> None:
    NOTE.write_text(text)


@chalkcompute.function(volumes=KEPT)
def get() -> str:
    return NOTE.read_text()


@chalkcompute.function(secrets=[chalkcompute.Secret("KEPT_KEY")])
def own() -> str:
    return os.environ["KEPT_KEY"]


@chalkcompute.function
def other() -> list[str]:
    return [name for name, text in os.environ.items() if "KEPT" in name or "hunter2" in text]


@chalkcompute.function
def wait(seconds: float) -> None:
    time.sleep(seconds)


ACTIONS = {"put": put, "get": get, "own": own, "other": other}
verb, *words = sys.argv[1:]
if verb == "wait":
    print(wait.spawn(120.0).id, flush=True)
else:
    print(ACTIONS[verb](*words))
