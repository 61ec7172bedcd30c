"""Consul's checks mean progress: who cannot do its work is passed over, and only so long."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.consul import ConsulAgent
from tests.integration.registered import Registered
from tests.redis import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

#: Seconds in which a check tells: five until a service takes its Redis for gone, and
#: those between two checks.
TOLD_S = 15.0


@pytest.fixture
def town(consul: ConsulAgent) -> Iterator[Registered]:
    """A server and a consumer that Consul asks how they are, with their Redis."""
    with tempfile.TemporaryDirectory(prefix="town-") as folder:
        made = Registered(Path(folder), consul)
        made.start_redis()
        made.start("s1", "c1")
        consul.watch("fnq-server", "s1", made.place("s1"))
        consul.watch("fnq-consumer", "c1", made.place("c1"))
        consul.watch("fnq-redis", "redis", f"127.0.0.1:{made.redis.port}", "TCP")
        wait_until(lambda: _passing(consul) == {"s1", "c1", "redis"}, TOLD_S)
        yield made
        made.close()


def _passing(consul: ConsulAgent) -> set[str]:
    return set().union(
        *(consul.passing(each) for each in ("fnq-server", "fnq-consumer", "fnq-redis"))
    )


def test_who_has_a_redis_that_answers_nobody_does_not_pass(town: Registered) -> None:
    """Though its connections hold, and Redis' own port is open; and passes again afterwards."""
    town.redis.hang()
    try:
        wait_until(lambda: _passing(town.consul) == {"redis"}, TOLD_S)
    finally:
        town.redis.wake()
    wait_until(lambda: _passing(town.consul) == {"s1", "c1", "redis"}, TOLD_S)


def test_who_has_no_redis_does_not_pass_and_redis_neither(town: Registered) -> None:
    """Until it is back."""
    port = town.redis.port
    town.redis.kill()
    wait_until(lambda: _passing(town.consul) == set(), TOLD_S)
    town.redis.port = port
    town.redis.start()
    wait_until(lambda: _passing(town.consul) == {"s1", "c1", "redis"}, TOLD_S)
