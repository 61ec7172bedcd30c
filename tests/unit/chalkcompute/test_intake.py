"""The input of a map: read in steps, and no further than it is quick."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from chalkcompute.intake import Intake


class Clock:
    """A clock that an input moves on."""

    now = 0.0

    def __call__(self) -> float:
        return self.now

    def slow(self, seconds: float) -> Iterator[int]:
        """Count, each number so many seconds after the one before."""
        for number in itertools.count():
            self.now += seconds
            yield number


def test_rows_come_in_order_and_none_is_read_too_early() -> None:
    """As many as are asked for; what is left in the iterator stays there."""
    numbers = itertools.count()
    intake = Intake(numbers)

    assert intake.take(1) == [0]
    assert intake.take(1_000) == list(range(1, 1_001))
    assert intake.read == 1_001
    assert next(numbers) == 1_001


def test_an_input_that_ends_is_over() -> None:
    """Its last rows come first; then there are none."""
    intake = Intake("abc")
    assert (intake.take(2), intake.over) == (["a", "b"], False)
    assert (intake.take(2), intake.over) == (["c"], True)
    assert (intake.take(2), intake.read) == ([], 3)


def test_what_is_put_back_comes_again() -> None:
    """Before anything else, and is not counted as read meanwhile."""
    intake = Intake(range(10))
    assert intake.take(4) == [0, 1, 2, 3]
    intake.put_back([2, 3])
    assert intake.read == 2
    assert intake.take(1) == [2]
    assert intake.take(9) == [3]
    assert intake.take(9) == [4, 5, 6, 7, 8, 9]


def test_a_slow_input_is_not_waited_for_longer_than_need_be() -> None:
    """One row of an input that takes a second for each; a few of one that takes 3 ms."""
    clock = Clock()
    slow = Intake(clock.slow(1.0), clock)
    assert [slow.take(100), slow.take(100)] == [[0], [1]]
    assert len(Intake(clock.slow(0.003), clock).take(100)) == 7


def test_rows_before_an_error_of_the_input_are_kept() -> None:
    """The error is told, and is the end."""

    def broken() -> Iterator[int]:
        yield from range(5)
        raise KeyError("gone")

    intake = Intake(broken())
    assert intake.take(3) == [0, 1, 2]
    assert intake.take(10) == [3, 4]
    assert isinstance(intake.problem, KeyError)
    assert intake.take(10) == []


def test_an_input_that_is_let_go_of_has_ended() -> None:
    """Its generator is closed when nobody else holds it."""
    closed = []

    def numbers() -> Iterator[int]:
        try:
            yield from itertools.count()
        finally:
            closed.append(True)

    intake = Intake(numbers())
    intake.take(3)
    intake.put_back([2])
    intake.close()
    assert (intake.take(3), closed) == ([], [True])
