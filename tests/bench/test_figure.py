"""What the benchmark concludes from its figures."""

from __future__ import annotations

import pytest

from tests.bench.counter import calls_in
from tests.bench.figure import FLOORS, Figure, Floor, judge, percentile

RATE = Floor("calls/s", 3_000, most=False)
TIME = Floor("p50, ms", 3.0, most=True)


@pytest.mark.parametrize(
    ("floor", "values", "passed"),
    [
        (RATE, [2_000, 3_000, 9_000], True),
        (RATE, [2_999, 2_999, 9_000], False),
        (TIME, [1.0, 3.0, 50.0], True),
        (TIME, [1.0, 3.1, 50.0], False),
    ],
)
def test_the_median_decides(floor: Floor, values: list[float], passed: bool) -> None:
    """A floor is reached by the median of the rounds, not by the best of them."""
    (verdict,) = judge({floor.figure: Figure(values)}, [floor])
    assert verdict.passed is passed
    assert verdict.text.startswith("PASS" if passed else "MISS")


def test_what_was_not_measured_is_missed() -> None:
    """A figure that is not there never counts as reached."""
    verdicts = judge({})
    assert len(verdicts) == len(FLOORS)
    assert not any(verdict.passed for verdict in verdicts)
    assert "not measured" in verdicts[0].text


def test_a_percentile_is_one_of_the_values() -> None:
    """The nearest rank is taken, also of few values and at both ends."""
    assert percentile([3.0, 1.0, 2.0], 50) == 2.0
    assert percentile([3.0, 1.0, 2.0], 99) == 3.0
    assert percentile([3.0, 1.0, 2.0], 0) == 1.0


def test_system_calls_are_read_from_the_summary() -> None:
    """The total is what counts, of either tool, and nothing where there is no summary."""
    head = "% time     seconds  usecs/call     calls    errors syscall\n"
    head += " 60.00    0.000300           1       200        20 futex\n"
    total = "100.00    0.000500           1"
    assert calls_in(f"{head}{total}       320        20 total\n") == 320
    assert calls_in(f"{head}{total}       321           total\n") == 321
    assert calls_in("# started on Tue\n\n1234,,raw_syscalls:sys_enter,99,100.00,,\n") == 1234
    assert calls_in("<not counted>,,raw_syscalls:sys_enter,0,100.00,,\n") == 0
    assert calls_in("") == 0
