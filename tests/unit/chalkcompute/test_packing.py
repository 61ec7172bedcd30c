"""How many rows travel together."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalkcompute.packing import MOST_ROWS, TARGET_S, Packing
from fnq_wire.limits import INLINE

#: Seconds of a row.
slow = st.floats(TARGET_S, 600.0)
any_time = st.floats(1e-7, 600.0)


def drive(packing: Packing, cost: Callable[[int], float], entries: int) -> list[tuple[int, float]]:
    """Run entries one after the other, row by row; return rows and seconds of each."""
    row, ran = 0, []
    for _ in range(entries):
        rows = packing.rows
        seconds = sum(cost(each) for each in range(row, row + rows))
        packing.ran(rows, seconds)
        ran.append((rows, seconds))
        row += rows
    return ran


def drive_through(packing: Packing, costs: Sequence[float]) -> list[Sequence[float]]:
    """Run rows of these costs; return the entries that they travelled in."""
    entries = []
    while costs:
        entry, costs = costs[: packing.rows], costs[packing.rows :]
        packing.ran(len(entry), sum(entry))
        entries.append(entry)
    return entries


@pytest.mark.parametrize(
    ("row_s", "sizes"),
    [
        (0.1, [1, 1, 1, 1]),
        (600.0, [1, 1, 1, 1]),
        (0.051, [1, 1, 1, 1]),
        (0.03, [1, 3, 3, 3]),
        (1 / 1024, [1, 4, 16, 64, 102, 102]),
        (1e-6, [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, MOST_ROWS]),
    ],
)
def test_entries_grow_until_they_take_long_enough(row_s: float, sizes: list[int]) -> None:
    """By a factor of four at most, and not beyond a tenth of a second."""
    assert [rows for rows, _ in drive(Packing(), lambda _: row_s, len(sizes))] == sizes


@pytest.mark.parametrize(
    ("row_s", "sizes"),
    [
        (0.01, [1, 10, 10]),
        (2**-10, [1, 102, 102]),
        (2**-13, [1, 256, 819, 819]),
        (2**-21, [1, 256, 65_536, 209_715]),
    ],
)
def test_entries_that_may_grow_at_once_do(row_s: float, sizes: list[int]) -> None:
    """As far as what ran says that they take a tenth of a second."""
    packing = Packing(1 << 30, 256, 1 << 18)
    assert [rows for rows, _ in drive(packing, lambda _: row_s, len(sizes))] == sizes


def test_an_entry_that_is_too_short_to_tell_bounds_the_next_one_only() -> None:
    """A row that took a millisecond, for the most part of the way to it, is soon forgotten."""
    packing = Packing(1 << 30, 256, 1 << 18)
    packing.ran(1, 0.001)
    assert (packing.rows, packing.unclear) == (100, True)
    packing.ran(100, 0.0002)
    assert (packing.rows, packing.unclear) == (25_600, True)
    packing.ran(25_600, 0.01)
    assert (packing.rows, packing.unclear) == (256_000, False)


def test_the_head_of_a_payload_is_not_taken_for_its_row() -> None:
    """One row of a few bytes has hundreds besides."""
    packing = Packing(1 << 20, 256, 1 << 18)
    packing.weighed(1, 352)
    packing.ran(1, 1e-6)
    packing.ran(4096, 1e-6)
    assert packing.rows == 32_768


def test_an_entry_that_took_too_long_is_followed_by_a_smaller_one() -> None:
    """At once, in proportion; growing again takes several quick entries."""
    packing = Packing()
    drive(packing, lambda _: 1 / 1024, 5)
    assert packing.rows == 102

    packing.ran(100, 1.0)

    assert packing.rows == 10
    sizes = [rows for rows, _ in drive(packing, lambda _: 1 / 1024, 10)]
    assert sizes[:8] == [10] * 8
    assert sizes[8:] == [40, 102]


def test_a_first_row_that_is_slow_does_not_count_for_ever() -> None:
    """An import in the first call is forgotten soon."""
    packing = Packing()
    packing.ran(1, 5.0)
    assert packing.rows == 1
    assert drive(packing, lambda _: 2**-17, 20)[-1][0] == 13_107


def test_after_an_entry_that_failed_rows_travel_alone_and_then_in_smaller_entries() -> None:
    """For eight entries alone; and half as long from then on, each time."""
    packing = Packing()
    drive(packing, lambda _: 1 / 1024, 8)
    for most in (51, 25):
        packing.failed()
        sizes = [rows for rows, _ in drive(packing, lambda _: 1 / 1024, 20)]
        assert sizes[:8] == [1] * 8
        assert sizes[-1] == most


def test_an_entry_that_the_input_cut_short_does_not_make_the_next_one_small() -> None:
    """Who reads little at a time says nothing of how long rows take."""
    packing = Packing()
    drive(packing, lambda _: 2**-13, 8)
    packing.ran(2, 2**-12)
    assert packing.rows == 819


@pytest.mark.parametrize(
    ("row_bytes", "most"), [(8, 32_768), (1_000, 262), (200_000, 1), (1 << 30, 1), (0, MOST_ROWS)]
)
def test_rows_are_not_packed_beyond_what_travels_inline(row_bytes: int, most: int) -> None:
    """Whether the arguments are large or the results; one row always travels."""
    packing = Packing()
    drive(packing, lambda _: 1e-7, 10)
    packing.weighed(100_000, 100_000 * row_bytes)
    assert packing.rows == pytest.approx(most, rel=0.001)
    assert packing.weight(most) <= max(INLINE, row_bytes, MOST_ROWS)


@given(st.lists(slow, min_size=1, max_size=50))
def test_slow_rows_are_never_packed(costs: list[float]) -> None:
    """A row that takes a tenth of a second or more waits behind no other."""
    assert [len(entry) for entry in drive_through(Packing(), costs)] == [1] * len(costs)


@given(st.lists(any_time, max_size=30), st.lists(slow, min_size=1, max_size=200))
def test_rows_that_turn_slow_wait_in_one_entry_at_most(
    costs: list[float], then: list[float]
) -> None:
    """The one that was packed before anybody could know."""
    entries = drive_through(Packing(), costs + then)
    begun = len(costs)
    first = itertools.accumulate((len(entry) for entry in entries), initial=0)
    mixed = [
        entry
        for start, entry in zip(first, entries, strict=False)
        if len(entry) > 1 and start + len(entry) > begun
    ]
    assert len(mixed) <= 1


@given(st.lists(st.tuples(st.integers(1, 5_000), any_time, st.integers(0, 1 << 20)), max_size=100))
def test_whatever_is_told_an_entry_grows_by_four_at_most(
    told: Iterable[tuple[int, float, int]],
) -> None:
    """By the largest that was seen, and never beyond its cap, nor below one row."""
    packing = Packing()
    largest = 1
    for rows, seconds, size in told:
        packing.ran(rows, seconds)
        packing.weighed(rows, size)
        largest = max(largest, rows)
        assert 1 <= packing.rows <= min(4 * largest, MOST_ROWS)


@given(st.lists(st.floats(1e-4, TARGET_S), min_size=1, max_size=20))
def test_a_mixture_settles(costs: list[float]) -> None:
    """Rows of one pattern, over and over: entries stay within what its extremes explain."""
    pattern = itertools.cycle(costs)
    ran = drive(Packing(), lambda _: next(pattern), 300)

    mean = sum(costs) / len(costs)
    for rows, seconds in ran[-100:]:
        assert seconds <= TARGET_S * max(costs) / min(costs) + 1e-9
        assert rows >= min(TARGET_S / max(costs), TARGET_S / mean) / 2 or rows == 1


def test_a_rare_slow_row_keeps_entries_short() -> None:
    """Every tenth row takes 20 ms, the others one: no entry takes twice its time."""
    ran = drive(Packing(), lambda row: 0.02 if row % 10 == 9 else 0.001, 200)

    assert max(seconds for _, seconds in ran) < 2 * TARGET_S
    assert min(rows for rows, _ in ran[-50:]) >= 20
