"""What a terminal shows while the rows of a frame come."""

from __future__ import annotations

from chalkcompute.frame.tally import Tally


def line(tally: Tally, now: float) -> str:
    """Return the one line, which no function has."""
    [row] = tally.rows(now)
    assert (row.function, row.output, row.seconds) == ("", (), now)
    return row.step


def test_rows_are_told_with_their_pace() -> None:
    """That of the last seconds, so that it falls when no more come."""
    tally = Tally(0.0)
    assert line(tally, 1.0) == "0 rows"
    for second in range(1, 11):
        tally.add(1_000 if second < 6 else 2_000, float(second))
    assert line(tally, 10.0) == "15,000 rows, 2,000 rows/s"
    assert line(tally, 15.0) == "15,000 rows, 1,000 rows/s"


def test_the_time_that_is_left_is_told_where_the_end_is_known() -> None:
    """In seconds, minutes or hours; and how many workers there are."""
    tally = Tally(0.0)
    tally.total = 1_000_000
    tally.add(100_000, 1.0)
    assert line(tally, 1.0) == "100,000 of 1,000,000 rows, 100,000 rows/s, 9 s left"
    tally.workers = 1
    assert line(tally, 20.0) == "100,000 of 1,000,000 rows, 5,000 rows/s, 1 worker, 3 min left"
    tally.workers = 8
    assert line(tally, 2_000.0).endswith("50 rows/s, 8 workers, 5.0 h left")


def test_nothing_is_left_on_a_screen_or_in_a_log() -> None:
    """Rows are no lines."""
    tally = Tally(0.0)
    assert (tally.open(), tally.end(1.0, failed=False), tally.end(1.0, failed=True)) == ([], [], [])
    assert tally.is_open
