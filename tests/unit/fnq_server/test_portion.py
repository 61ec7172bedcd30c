"""How many results one read asks for."""

from __future__ import annotations

from fnq_server.portion import next_portion
from fnq_wire.limits import FULL_FRAME


def test_a_read_asks_for_no_more_than_a_frame_or_so() -> None:
    """As many entries as are as large as the last ones; and many only after many."""
    large, small = 256 << 10, 100
    assert next_portion([]) == next_portion([small]) == 64
    assert next_portion([large] * 64) == FULL_FRAME // large
    assert next_portion([64 << 20]) == 1
    assert next_portion([small] * 64) == 128
    assert next_portion([small] * 1_000) == 1_000
