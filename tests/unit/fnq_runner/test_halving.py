"""Which items of a batch are tried together until the guilty ones stand alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fnq_runner.halving import Halving


def tried(
    count: int, guilty: set[int], most: int = 64, *, enabled: bool = True
) -> tuple[list[range], list[range]]:
    """Return all parts that were tried, and those that failed for good."""
    halving, parts, failed = Halving(count, most, enabled=enabled), [], []
    while (part := halving.next()) is not None:
        parts.append(part)
        if guilty.intersection(part) and not halving.failed(part):
            failed.append(part)
    return parts, failed


def test_a_batch_that_does_not_fail_is_tried_once() -> None:
    """Nothing is tried where there is nothing."""
    assert tried(5, set()) == ([range(5)], [])
    assert tried(0, set()) == ([], [])


def test_halves_come_in_order_down_to_the_guilty_one() -> None:
    """The good ones beside it are tried again, together where they may be."""
    parts, failed = tried(8, {2})
    assert parts == [
        range(8),
        range(4),
        *(range(2), range(2, 4)),
        *(range(2, 3), range(3, 4)),
        range(4, 8),
    ]
    assert failed == [range(2, 3)]


def test_without_halving_a_batch_fails_as_a_whole() -> None:
    """It is tried once."""
    assert tried(8, {2}, enabled=False) == ([range(8)], [range(8)])


def test_no_part_is_larger_than_a_batch_may_be() -> None:
    """What is more comes after it."""
    assert tried(5, set(), 2) == ([range(2), range(2, 4), range(4, 5)], [])


@given(st.integers(0, 64), st.sets(st.integers(0, 63)), st.integers(1, 64))
def test_just_the_guilty_ones_fail_each_alone(count: int, guilty: set[int], most: int) -> None:
    """Whatever they are; and the work is bounded by their number and the depth of halving."""
    parts, failed = tried(count, guilty, most)
    assert all(len(part) <= most for part in parts)
    guilty &= set(range(count))
    assert [list(part) for part in failed] == [[each] for each in sorted(guilty)]
    good = [index for part in parts if not guilty.intersection(part) for index in part]
    assert good == [index for index in range(count) if index not in guilty]
    assert len(parts) <= -(-count // most) + 2 * len(guilty) * most.bit_length()
