"""What the death of a worker means for the call it ran."""

from __future__ import annotations

import pytest

from fnq.v1 import record_pb2
from fnq_consumer.held import MAX_REDELIVERIES, Held, Sequel, after_death
from fnq_core.lease import Count


@pytest.mark.parametrize(
    ("deaths", "streaming", "repeatable", "sequel"),
    [
        (0, False, False, Sequel.AGAIN),
        (0, False, True, Sequel.AGAIN),
        (0, True, True, Sequel.AGAIN),
        (0, True, False, Sequel.CUT_OFF),
        (MAX_REDELIVERIES - 1, False, False, Sequel.AGAIN),
        (MAX_REDELIVERIES, False, False, Sequel.LOST),
        (MAX_REDELIVERIES, True, True, Sequel.LOST),
        (MAX_REDELIVERIES, True, False, Sequel.CUT_OFF),
    ],
)
def test_a_call_goes_out_again_unless_it_was_heard_or_lost_too_often(
    deaths: int, streaming: bool, repeatable: bool, sequel: Sequel
) -> None:
    """Three redeliveries; after a chunk only where the run may be repeated."""
    call = record_pb2.Entry(repeatable=repeatable)
    held = Held("s", "1-1", Count(deaths + 1, deaths), call, "default", streaming=streaming)
    assert after_death(held) is sequel
