"""A function whose image takes for ever to build, until there is a file that ends that."""

from __future__ import annotations

import sys

import chalkcompute
from chalkcompute import Image

WAIT = f"test -e $VIRTUAL_ENV/../../{sys.argv[1]} || sleep 300"


@chalkcompute.function(image=Image.base("python:3-slim").run_commands(WAIT))
def patience() -> str:
    """Say that it is there."""
    return "built"


print(patience())
