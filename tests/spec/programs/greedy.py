"""A function that asks for more than any machine has."""

from __future__ import annotations

import chalkcompute


@chalkcompute.function(cpu=99_999, gpu="nvidia-l4:1000")
def greedy() -> str:
    """Make do with less."""
    return "enough"


print(greedy())
