"""When a process that died is started again."""

from __future__ import annotations

from fnq_local.backoff import HEALTHY_S, Backoff


def test_the_first_restart_is_at_once() -> None:
    """A process that dies once is back without a pause."""
    assert Backoff().next(0.0) == 0.0


def test_pauses_double_up_to_a_bound() -> None:
    """A process that dies again and again is started less and less often, but always again."""
    backoff = Backoff()
    pauses = [backoff.next(0.2) for _ in range(40)]
    assert pauses[:5] == [0.0, 0.1, 0.2, 0.4, 0.8]
    assert pauses[-1] == max(pauses) == 5.0


def test_a_worker_that_crashes_at_each_start_costs_little() -> None:
    """Within two minutes it is started some fifteen times, in the end once in ten seconds."""
    backoff, now, starts = Backoff(10.0), 0.0, 0
    while now < 120.0:
        starts += 1
        now += 0.1 + backoff.next(0.1)
    assert starts <= 20
    assert backoff.next(0.1) == 10.0


def test_health_makes_the_past_forgotten() -> None:
    """After ten seconds of life the next restart is at once again."""
    backoff = Backoff()
    for _ in range(6):
        backoff.next(0.0)
    assert backoff.next(HEALTHY_S) == 0.0
    assert backoff.deaths == 1
