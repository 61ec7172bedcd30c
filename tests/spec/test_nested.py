"""Functions that call functions."""

from __future__ import annotations

import pytest

from tests.clusterstack import ClusterStack
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


def test_a_function_looks_up_waits_and_moves_large_values(stack: Stack) -> None:
    """By name, by version, with a time-out; from inside a call as from a script."""
    assert lines(stack, "deployed.py") == []
    shown = lines(stack, "inside.py", "shop.price", "pear")
    assert shown[0] == "4 4"
    assert shown[1].startswith(
        f"NotFoundError: no function 'nobody.s' in namespace {stack.namespace!r}"
    )
    assert shown[2].startswith("NotReadyError: slow was not ready within 0.3 s: ")
    if not ClusterStack.named():  # A cluster may need longer to start a worker.
        assert "a worker has started and imports the function" in shown[2]
    assert shown[2].endswith("; slow")
    assert shown[3:] == [f"({size}, {size})" for size in (1_000, 300_000, 5_000_000, 80_000_000)]
