"""How many entries are in flight."""

from __future__ import annotations

import heapq

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalkcompute.window import QUIET_S, STALL_S, Window

#: Seconds from a caller to a worker and back.
WAY_S = 0.002


class Workers:
    """Workers with one queue, and a caller whose window is full at all times."""

    def __init__(self, count: int, rows: int, run_s: float) -> None:
        self.window = Window()
        self.now = 0.0
        self.rows = rows
        self.run_s = run_s
        self.free_at = [0.0] * count
        self.flying: list[tuple[float, int, float]] = []
        self.idle_s = 0.0

    def fill(self) -> None:
        """Send what the window lets through; each goes to the worker that is free first."""
        while self.window.open(len(self.flying), len(self.flying), 0):
            free = heapq.heappop(self.free_at)
            begun = max(self.now + WAY_S / 2, free)
            self.idle_s += begun - free
            heapq.heappush(self.free_at, begun + self.run_s)
            end = begun + self.run_s + WAY_S / 2
            heapq.heappush(self.flying, (end, len(self.flying) + 1, self.now))

    def run(self, entries: int) -> None:
        """Go on until so many have ended."""
        for _ in range(entries):
            self.fill()
            self.now, flying, sent = heapq.heappop(self.flying)
            self.window.ended(flying, self.rows, self.run_s, self.now - sent)
        self.fill()


@pytest.mark.parametrize("count", [1, 2, 10, 100])
@pytest.mark.parametrize("run_s", [0.1, 0.02, 0.001])
def test_all_workers_are_kept_busy(count: int, run_s: float) -> None:
    """Once the window has found its size no worker waits for work, to speak of."""
    workers = Workers(count, 100, run_s)
    workers.run(5_000)
    idle_s, began_s = workers.idle_s, workers.now
    workers.run(1_000)
    assert (workers.idle_s - idle_s) / count < 0.05 * (workers.now - began_s)


@pytest.mark.parametrize(("count", "most"), [(1, 5), (2, 8), (10, 35)])
def test_few_entries_wait_where_they_are_long(count: int, most: int) -> None:
    """Of entries of a tenth of a second a worker has about two that wait."""
    workers = Workers(count, 100, 0.1)
    workers.run(500)
    assert count * 2 <= len(workers.flying) <= most


def test_single_rows_are_not_held_back_where_they_are_slow() -> None:
    """Two workers, rows of two seconds: more wait than there are workers, for more may come."""
    workers = Workers(2, 1, 2.0)
    workers.run(20)
    assert len(workers.flying) >= 16


def test_a_window_opens_while_nothing_ends() -> None:
    """It doubles with each quiet moment, up to a bound, where there is no more to wait for."""
    window = Window()
    sizes = []
    for _ in range(8):
        flying = 0
        while window.open(flying, flying, 0):
            flying += 1
        sizes.append(flying)
        if window.patience(flying) is None:
            break
        assert window.patience(flying) == QUIET_S
        assert window.patience(flying - 1) is None
        window.quiet()
    assert sizes == [16, 32, 64, 128, 256]


def test_a_window_of_short_entries_does_not_open_for_a_worker_that_is_replaced() -> None:
    """What it let through would stand in front of others' calls; rows that turn slow open it."""
    window = Window()
    window.ended(16, 16, 0.002, 0.03)
    flying = next(count for count in range(99) if not window.open(count, count, 0))
    assert window.patience(flying) == STALL_S
    window.quiet()
    assert window.open(flying, flying, 0)
    assert window.patience(2 * flying) == QUIET_S
    window.ended(flying, 16, 2.0, 2.0)
    assert window.patience(2 * flying + 1) == QUIET_S


def test_a_narrow_window_lets_one_entry_through_until_it_ends() -> None:
    """Then it is as wide as ever; so it is where nothing ends for a while."""
    for wide_again in (lambda it: it.ended(1, 16, 0.0001, 0.01), Window.quiet):
        window = Window()
        window.narrow()
        assert (window.open(0, 9, 0), window.open(1, 1, 0)) == (True, False)
        assert window.patience(1) == QUIET_S
        wide_again(window)
        assert window.open(3, 9, 0)


def test_results_that_nobody_reads_keep_further_entries_back() -> None:
    """By their number, and by their bytes; a few go whatever they weigh."""
    window = Window()
    assert window.open(0, 63, 0)
    assert not window.open(0, 64, 0)
    assert window.open(3, 3, 1 << 40)
    assert not window.open(0, 4, 1 << 40)


@given(
    st.lists(
        st.tuples(st.integers(1, 2_000), st.integers(1, 9), st.floats(0, 1e4), st.floats(0, 1e4)),
        max_size=100,
    )
)
def test_a_window_has_bounds_whatever_it_is_told(
    told: list[tuple[int, int, float, float]],
) -> None:
    """At least four, and a thousand at most."""
    window = Window()
    for flying, rows, ran_s, took_s in told:
        window.ended(flying, rows, ran_s, took_s)
        assert window.open(3, 3, 0)
        assert not window.open(1_024, 1_024, 0)
