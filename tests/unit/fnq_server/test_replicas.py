"""How many workers a version should have, by table, by property and in simulated time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnq_server.replicas import (
    Fleet,
    Load,
    Peak,
    Terms,
    needed_replicas,
    wanted_replicas,
)

#: One call at a time, as many workers as there may be calls, half a second to start.
ONE = Terms(least=0, most=8, slots=1, start_s=0.5)


@pytest.mark.parametrize(
    ("load", "present", "peak", "wanted"),
    [
        (Load(0, 0), 0, 0, 0),
        # From zero on the first call.
        (Load(1, 0), 0, 1, 1),
        (Load(1, 0, run_s=0.001), 0, 1, 1),
        # A load step of calls that nothing is known of.
        (Load(8, 0), 1, 8, 8),
        (Load(100, 1), 1, 8, 8),
        # Long calls that wait need workers of their own, short ones do not.
        (Load(7, 1, run_s=2.0), 1, 8, 8),
        (Load(7, 1, run_s=0.01), 1, 8, 1),
        # As many as clear the backlog in the time of a start: 200 of 10 ms in 0.5 s.
        (Load(199, 1, run_s=0.01), 1, 8, 4),
        # As many as are there is enough; they stay for as long as they were needed lately.
        (Load(0, 3), 8, 8, 8),
        (Load(0, 3), 8, 3, 3),
        (Load(0, 0), 8, 0, 0),
        # Calls of a batch run together, and a limit lets few run at once.
        (Load(40, 0, batch=10), 1, 4, 4),
        (Load(40, 0, abreast=2), 1, 2, 2),
    ],
)
def test_what_is_wanted(load: Load, present: int, peak: int, wanted: int) -> None:
    """Each row is a moment."""
    assert wanted_replicas(load, Fleet(present), ONE, peak) == wanted


def test_calls_that_run_beside_each_other_share_a_worker() -> None:
    """A worker with four slots takes four."""
    terms = ONE._replace(slots=4)
    assert [wanted_replicas(Load(n, 0), Fleet(0), terms, 0) for n in (1, 4, 5, 9)] == [1, 1, 2, 3]


def test_workers_that_have_no_place_or_crash_are_not_multiplied() -> None:
    """While none takes calls; what is asked for at least is asked for all the same."""
    hampered = Fleet(1, hampered=True)
    assert wanted_replicas(Load(50, 0), hampered, ONE, 8) == 1
    assert wanted_replicas(Load(50, 0), Fleet(0, hampered=True), ONE, 8) == 1
    assert wanted_replicas(Load(50, 0), hampered, ONE._replace(least=3), 8) == 3


counts = st.integers(0, 300)
loads = st.builds(
    Load,
    counts,
    counts,
    st.floats(0, 100),
    st.floats(1, 50),
    st.none() | st.integers(1, 50),
)
fleets = st.builds(Fleet, st.integers(0, 40), st.booleans())
terms = st.tuples(
    st.integers(0, 10), st.integers(1, 40), st.integers(1, 20), st.floats(0.25, 120)
).map(lambda each: Terms(min(each[0], each[1]), *each[1:]))


@given(loads, fleets, terms, st.integers(0, 300))
def test_bounds_and_work_hold_whatever_the_moment(
    load: Load, fleet: Fleet, terms: Terms, lately: int
) -> None:
    """Never below the least, above the most, or above what has something to do, lately or now."""
    need = needed_replicas(load, terms.slots)
    peak = max(lately, need)
    wanted = wanted_replicas(load, fleet, terms, peak)
    assert terms.least <= wanted <= terms.most
    assert wanted <= max(terms.least, need, min(peak, fleet.present))
    if load.queued + load.running:
        assert wanted >= 1
    if wanted < fleet.present:
        # None that has work goes, unless more are there than there may be.
        assert wanted >= min(need, terms.most)


@given(loads, fleets, terms, st.integers(0, 300))
def test_what_is_wanted_is_wanted_again_once_it_is_there(
    load: Load, fleet: Fleet, terms: Terms, lately: int
) -> None:
    """No flapping: the same moment with those workers asks for no fewer."""
    peak = max(lately, needed_replicas(load, terms.slots))
    wanted = wanted_replicas(load, fleet, terms, peak)
    again = wanted_replicas(load, Fleet(wanted), terms, peak)
    assert again >= wanted


@given(st.lists(st.tuples(st.floats(0.01, 30), st.integers(0, 9)), max_size=60), st.floats(0.1, 60))
def test_a_peak_is_the_most_of_the_last_while(
    steps: list[tuple[float, int]], window_s: float
) -> None:
    """As if all had been kept."""
    peak, now, noted = Peak(), 0.0, []
    for pause, need in steps:
        now += pause
        peak.note(now, need)
        noted.append((now, need))
        expected = max(each for at, each in noted if at > now - window_s)
        assert peak.within(now, window_s) == expected
    assert peak.within(now + 2 * window_s, window_s) == 0


def test_workers_go_only_after_the_cooldown_and_come_back_at_once() -> None:
    """Simulated: bursts closer together than the cooldown keep what they need."""
    peak, now, present, changes = Peak(), 0.0, 0, []
    cooldown_s, step_s = 10.0, 0.5
    bursts = [0.0, 4.0, 8.0, 30.0]
    while now < 60.0:
        busy = any(at <= now < at + 1.0 for at in bursts)
        load = Load(0, 4) if busy and present >= 4 else Load(4 if busy else 0, 0)
        peak.note(now, needed_replicas(load, 1))
        wanted = wanted_replicas(load, Fleet(present), ONE, peak.within(now, cooldown_s))
        if wanted != present:
            changes.append((now, wanted))
        present, now = wanted, now + step_s
    assert changes == [(0.0, 4), (18.5, 0), (30.0, 4), (40.5, 0)]
