"""Functions that may take only so long."""

from __future__ import annotations

import pytest

from tests.livestack import Stack
from tests.spec.program import lines

pytestmark = pytest.mark.spec


@pytest.mark.timed
def test_a_run_that_takes_longer_than_its_timeout_ends_and_its_worker_goes_on(
    stack: Stack,
) -> None:
    """Sync, async and generator alike, also one whose code hides that it was stopped."""
    text = "it ran for longer than its timeout of 0.5 s"
    assert lines(stack, "timeouts.py") == [
        *(f"CallTimeoutError | {text}", "soon True same process True"),
        *(f"CallTimeoutError | {text}", "soon True same process True"),
        *("chunk 1", text),
        "swallowed CallTimeoutError",
    ]
