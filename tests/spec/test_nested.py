"""Functions that call functions."""

from __future__ import annotations

import pytest

from tests.livestack import Stack
from tests.spec.program import lines

pytestmark = pytest.mark.spec


def test_functions_call_each_other_and_themselves(stack: Stack) -> None:
    """Bare and awaited calls, in plain and async functions and generators, down to level 64."""
    assert lines(stack, "nested.py") == [
        "0.0 hello hello (es)",
        "1.0 world world (es)",
        "generator ['good (fr)', 'day (fr)']",
        "bare ['a (de)', 'b (de)', 'a (es)', 'b (es)', 'ticked']",
        "fib 34",
        "fall 10",
        "walk [5, 4, 3, 2, 1, 0]",
        "even False True",
        "levels 64",
    ]
