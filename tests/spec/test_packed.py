"""Calls of packed rows: each row has its outcome, in order, however many go in one call."""

from __future__ import annotations

import pytest

from tests.livestack import Stack
from tests.spec.program import lines

pytestmark = pytest.mark.spec


@pytest.mark.timed
def test_rows_that_travel_together_have_outcomes_of_their_own(stack: Stack) -> None:
    """Sync and async functions, in scripts and workers, also large values and late rows."""
    total = sum(1 / number / 2 if number < 3 else number / 2 for number in range(1, 100))
    assert lines(stack, "packed.py") == [
        "[0.25, 'ZeroDivisionError: 1', 2.0, 3.0]",
        *("True", "together True", "True", str(total), "True", "2 calls"),
        "[0.15, 0.0, 'it ran for longer than its timeout of 0.5 s']",
        "True",
    ]
