"""What goes into one frame."""

from __future__ import annotations

import pytest

from fnq_wire.fitting import fitting
from fnq_wire.limits import FULL_FRAME


@pytest.mark.parametrize(
    ("sizes", "count"),
    [
        ([], 0),
        ([1, 2, 3], 3),
        ([FULL_FRAME, 1, 1], 2),
        ([FULL_FRAME + 1, 1], 1),
        ([FULL_FRAME // 2, FULL_FRAME // 2, 1, 1], 3),
    ],
)
def test_items_go_together_until_they_fill_a_frame(sizes: list[int], count: int) -> None:
    """The last one may make it overfull, so even the largest item goes."""
    assert fitting(sizes) == count
