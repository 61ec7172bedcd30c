"""Asks for more memory than any node has, waits for it and calls it; prints both errors."""

import os
import sys

import chalkcompute


@chalkcompute.function(memory="900Ti")
def giant(number: int) -> int:
    return number


for ask in (lambda: giant.wait_ready(timeout=20), lambda: giant(1)):
    try:
        ask()
    except RuntimeError as problem:
        print(f"{type(problem).__name__}: {problem}")
    except TimeoutError as problem:
        print(f"{type(problem).__name__}: {problem}")

# A script whose deploy failed would end with 1; this one has said why.
sys.stdout.flush()
os._exit(0)
