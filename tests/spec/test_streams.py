"""Generator functions, and those who read them."""

from __future__ import annotations

import pytest

from tests.livestack import Stack
from tests.spec.program import lines

pytestmark = pytest.mark.spec


def test_a_stream_is_read_and_left_in_every_way(stack: Stack) -> None:
    """Both kinds of loops read both kinds of generators; leaving early closes the generator."""
    assert lines(stack, "streams.py") == [
        "for 199 ['a', 'b', 'c'] []",
        "local [0, 1, 2]",
        "async for [0, 1, 2, 3]",
        "async for ['a', 'b', 'c']",
        "aio ['x', 'y']",
        "async break stopped",
        "async with stopped",
        "break stopped",
        "with 0 1",
        "with stopped",
        "call id 36 4",
        "closed []",
        "close stopped",
        "interleaved [(0, 0), (1, 1), (2, 2)]",
    ]


def test_a_generator_that_waits_for_a_receipt_of_each_chunk_finishes(stack: Stack) -> None:
    """A chunk is delivered without waiting for the next one."""
    assert lines(stack, "receipts.py") == [
        "confirmed 0 19 20",
        "confirmed_async 100 119 20",
    ]
