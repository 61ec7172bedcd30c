"""How large the entries of a frame are, and how many of them wait."""

from __future__ import annotations

import pyarrow as pa
import pytest

import chalkcompute
from chalkcompute.frame.calling import Errand, call_each
from tests.unit.chalkcompute.rowsession import Entry, RowSession


@pytest.fixture
def session() -> RowSession:
    """Return the session that calls of this test go through."""
    return RowSession()


@pytest.mark.parametrize(
    ("row_s", "sizes", "waiting"),
    [
        (2**-20, [1, 1, 1, 1, 256], [4, 3, 2, 1, 1]),
        (0.01, [1, 1, 1, 1, 10, 10], [4, 5, 6, 7]),
    ],
)
def test_one_entry_is_in_flight_while_it_is_too_short_to_tell(
    session: RowSession, row_s: float, sizes: list[int], waiting: list[int]
) -> None:
    """Those after it are as large as its rows are quick; where they are slow more wait."""

    @chalkcompute.function
    def same(n: int) -> int:
        return n

    same.wait_ready()
    found: list[int] = []

    def first(entries: list[Entry]) -> int:
        found.append(len(entries))
        return 0

    session.row_s, session.choose = (lambda _: row_s), first
    rows = 20_000 if row_s < 0.01 else 200
    batches = iter([pa.record_batch({"n": range(rows)})])
    table = pa.Table.from_batches(call_each(batches, Errand(same, ("n",))))
    assert table["result"].to_pylist() == list(range(rows))
    assert session.sizes[: len(sizes)] == sizes
    assert found[: len(waiting)] == waiting
    assert session.sizes[len(sizes)] >= sizes[-1]
