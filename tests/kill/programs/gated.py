"""Deploys two functions whose import, in a worker, waits until a gate is open."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import chalkcompute


class Gate:
    """Waits where it is made, but not in the script."""

    def __init__(self) -> None:
        gate = os.environ.get("GATE", "")
        while gate and not Path(gate).exists():
            time.sleep(0.01)
        self.answer = 42


GATE = Gate()


@chalkcompute.function(env={"GATE": sys.argv[1]})
def gated() -> int:
    """Return what is behind the gate."""
    return GATE.answer


@chalkcompute.function
def free() -> int:
    """Return at once."""
    return 1


if __name__ == "__main__":
    print(gated(), free())
