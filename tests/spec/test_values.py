"""Functions that return one value, and what a call knows about itself."""

from __future__ import annotations

import pytest

from tests.livestack import Stack
from tests.spec.program import lines

pytestmark = pytest.mark.spec


def test_a_value_comes_back_by_every_way_to_call(stack: Stack) -> None:
    """Bare, remote, local, from a loop; by position and name; classes and enums of the script."""
    tens = ", ".join(str(number * 10) for number in range(20))
    assert lines(stack, "values.py") == [
        "call 8",
        "remote 8",
        "local 8",
        "named hello you, me? {'n': 1} greeter",
        "async 40",
        "local async 40",
        "classes (<Colour.RED: 'red'>, Point(x=2, y=-2.5))",
        "aio 8 40",
        f"gather [{tens}]",
        "values 13",
    ]


def test_a_script_without_a_guard_is_not_run_again_by_its_workers(stack: Stack) -> None:
    """What it prints at its top level it prints once, and annotations are optional."""
    assert lines(stack, "plain.py") == [
        "the script begins",
        "42 abab [1, 1]",
        "[0.0s] ONE",
        "[1.5s] TWO",
    ]


def test_a_call_knows_what_it_is_and_who_made_it(stack: Stack) -> None:
    """Id, function, version, attempt, parent, root and depth, also after a nested call."""
    assert lines(stack, "context.py") == [
        "outside get_call_context() was called outside of a remote call",
        "names inner outermost inner",
        "versions 1 32",
        "attempts 0 0 0",
        "parents None None True",
        "roots True True",
        "depths 0 0 1",
        "deadline None unchanged True",
        "stream True",
        "stream True",
    ]
