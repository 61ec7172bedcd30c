"""What a process knows of the time on Redis' clock."""

from __future__ import annotations

import asyncio
import time

from hypothesis import given
from hypothesis import strategies as st

from fnq_core.clock import Clock, Sample
from tests.redis import RedisServer
from tests.unit.fnq_core.streams import connected


@given(
    ahead=st.floats(-1e6, 1e6),
    there=st.floats(0, 5),
    back=st.floats(0, 5),
)
def test_a_sample_is_wrong_by_half_its_way_at_most(ahead: float, there: float, back: float) -> None:
    """Wherever on its way Redis looked at its clock."""
    sample = Sample(100.0, 100.0 + there + back, 100.0 + there + ahead)
    assert abs(sample.ahead - ahead) <= sample.bound(100.0 + there + back) + 1e-6


def test_a_slow_answer_does_not_replace_a_quick_one_before_that_is_old() -> None:
    """Clocks part: what was exact an hour ago is not."""
    quick = Sample(0.0, 0.002, 50.0)
    assert not Sample(10.0, 10.5, 60.0).better(quick)
    assert Sample(10.0, 10.002, 60.0).better(quick)
    assert Sample(3_600.0, 3_600.5, 3_650.0).better(quick)
    assert Sample(0.0, 9.0, 0.0).better(None)


async def test_a_moment_of_redis_is_found_on_the_loops_clock(server: RedisServer) -> None:
    """Here both are one machine's."""
    async with connected(server) as client:
        clock = Clock(client)
        await clock.start()
        await clock.sample()
        loop = asyncio.get_running_loop()
        assert abs(clock.at(time.time() * 1000) - loop.time()) < 0.1
