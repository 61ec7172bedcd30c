"""A function whose image cannot be built; its words say which one."""

from __future__ import annotations

import sys

import chalkcompute
from chalkcompute import Image

kind, word = sys.argv[1:]
images = {
    "base": lambda: Image.base(word),
    "run": lambda: Image.base("python:3-slim").run_commands(word),
}


@chalkcompute.function(image=images[kind]())
def barred() -> int:
    """Never run."""
    return 1


print(barred())
