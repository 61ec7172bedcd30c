"""What the death of a worker means for the call it ran."""

from __future__ import annotations

import pytest

from fnq.v1 import record_pb2
from fnq_consumer.held import MAX_REDELIVERIES, Held, Sequel, after_death, deaths_after
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


@pytest.mark.parametrize(
    ("deaths", "done", "rows", "sequel", "counted"),
    [
        (0, 0, 9, Sequel.AGAIN, 1),
        (MAX_REDELIVERIES - 1, 0, 9, Sequel.AGAIN, MAX_REDELIVERIES),
        (MAX_REDELIVERIES, 0, 9, Sequel.SKIP, MAX_REDELIVERIES + 1),
        (MAX_REDELIVERIES, 1, 9, Sequel.AGAIN, 1),
        (MAX_REDELIVERIES, 0, 1, Sequel.LOST, MAX_REDELIVERIES + 1),
    ],
)
def test_each_row_of_a_packed_call_may_be_redelivered_three_times(
    deaths: int, done: int, rows: int, sequel: Sequel, counted: int
) -> None:
    """Rows that were done since the run began are not to blame; then only that row is lost."""
    call = record_pb2.Entry(repeatable=True, packed=True, rows=rows)
    held = Held("s", "1-1", Count(deaths + 1, deaths), call, "default", streaming=True)
    held.first_row, held.rows = 4, 4 + done
    assert (after_death(held), deaths_after(held)) == (sequel, counted)
