"""Rows of batches, taken for entries and held until they are delivered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from chalkcompute.frame.rowbuffer import RowBuffer

#: Characters of what rides along with each argument.
WIDE = 1 << 20


def wide() -> Iterator[pa.RecordBatch]:
    """Yield rows without end, each with a long text beside a short argument."""
    n = 0
    while True:
        yield pa.record_batch({"n": [n, n + 1], "text": ["x" * WIDE] * 2})
        n += 2


def numbers(_batch: pa.RecordBatch) -> Sequence[str]:
    """Say that only column "n" is an argument."""
    return ["n"]


def test_what_rides_along_bounds_an_entry_too() -> None:
    """Though its arguments are small, and the input is quick."""
    rows = RowBuffer(wide(), lambda: 0.0)
    pieces = rows.take(1 << 18, numbers, 4 << 20)
    assert 1 < sum(map(len, pieces)) <= 18
    assert rows.taken == sum(map(len, pieces))


def test_rows_that_are_put_back_are_taken_again() -> None:
    """In their order; what is held is found by its number until it is delivered."""
    batches = [pa.record_batch({"n": [n, n + 1, n + 2]}) for n in (0, 3, 6)]
    rows = RowBuffer(iter(batches), lambda: 0.0)
    rows.take(8, numbers, 1 << 20)
    rows.put_back(4)
    assert (rows.taken, rows.row(3)["n"].to_pylist()) == (4, [3])
    again = [
        number for piece in rows.take(9, numbers, 1 << 20) for number in piece["n"].to_pylist()
    ]
    assert again == [4, 5, 6, 7, 8]
    delivered = [number for piece in rows.deliver(7) for number in piece["n"].to_pylist()]
    assert delivered == list(range(7))
    assert rows.row(7)["n"].to_pylist() == [7]
    assert rows.take(1, numbers, 1 << 20) == []
