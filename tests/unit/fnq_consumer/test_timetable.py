"""Calls are told of when their time comes, and those that wait no more are forgotten."""

from __future__ import annotations

import asyncio

from fnq.v1 import record_pb2
from fnq_consumer.held import Held
from fnq_consumer.timetable import Timetable
from fnq_core.lease import Count
from tests.loop import eventually

#: Seconds until a time that a test does not see.
FAR_S = 3_600.0


class Hall:
    """A timetable, the calls that wait, and those that it told of."""

    def __init__(self) -> None:
        self.now = asyncio.get_running_loop().time()
        self.waiting: set[Held] = set()
        self.told: list[list[Held]] = []
        self.times = Timetable(self.waiting.__contains__, self.told.append)

    def wait(self, in_s: float) -> Held:
        """Have a call wait for so long."""
        held = Held("stream", "1-0", Count(1, 0), record_pb2.Entry(), "default")
        self.waiting.add(held)
        self.times.add(self.now + in_s, held)
        return held


async def test_what_is_due_is_told_of_in_order_and_in_one_go() -> None:
    """What waits no more is passed over; what is not due yet is not told of."""
    hall = Hall()
    later = [hall.wait(-1.0), hall.wait(-2.0)]
    gone = hall.wait(-3.0)
    hall.waiting.discard(gone)
    hall.wait(FAR_S)
    await eventually(lambda: hall.told)
    assert hall.told == [later[::-1]]
    soon = hall.wait(0.01)
    await eventually(lambda: len(hall.told) == 2)
    assert hall.told[1] == [soon]
    hall.times.close()


async def test_calls_that_wait_no_more_are_forgotten_before_their_time() -> None:
    """Of very many that were cancelled; those that wait are kept."""
    hall = Hall()
    kept = hall.wait(FAR_S)
    for _ in range(10_000):
        hall.waiting.discard(hall.wait(FAR_S))
    assert len(hall.times) <= 2_000
    assert kept in hall.waiting
    hall.times.close()
    assert len(hall.times) == 0
