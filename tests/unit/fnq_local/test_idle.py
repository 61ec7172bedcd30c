"""Whether a stack that nobody uses may leave."""

from __future__ import annotations

import pytest

from fnq_local import idle
from fnq_local.idle import Idle
from fnq_wire.error import StackError


def test_a_stack_may_leave_after_its_timeout() -> None:
    """Time without use is counted from the last touch."""
    watched = Idle(300.0, now=1000.0)
    assert watched.leave_in(1000.0) == 300.0
    watched.touch(1100.0)
    assert watched.leave_in(1399.0) == 1.0
    assert watched.leave_in(1400.0) == watched.leave_in(2000.0) == 0.0


def test_a_late_touch_does_not_take_time_away() -> None:
    """A touch that arrives out of order leaves a newer one in force."""
    watched = Idle(10.0, now=0.0)
    watched.touch(8.0)
    watched.touch(5.0)
    assert watched.leave_in(8.0) == 10.0


def test_a_user_is_told_to_touch_well_before_the_timeout() -> None:
    """Whoever touches as often as it is told never sees the stack leave."""
    assert Idle(1.0, now=0.0).touch(0.0) == 0.25
    assert Idle(300.0, now=0.0).touch(0.0) == 10.0


def test_the_timeout_is_five_minutes_unless_set() -> None:
    """FNQ_IDLE_TIMEOUT is in seconds."""
    assert idle.parse("") == 300.0
    assert idle.parse("2.5") == 2.5


@pytest.mark.parametrize("text", ["soon", "0", "-1", "nan"])
def test_a_timeout_that_is_no_positive_number_is_refused(text: str) -> None:
    """The error names the variable and what came."""
    with pytest.raises(StackError, match=f"FNQ_IDLE_TIMEOUT.*'{text}'"):
        idle.parse(text)
